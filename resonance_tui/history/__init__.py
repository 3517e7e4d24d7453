"""What the room felt, kept: one row a second, charts and exports."""
