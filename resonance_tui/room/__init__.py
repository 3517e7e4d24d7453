"""Pure: what a room is made of, how reports become counts, how predictions become reports."""
