"""Recordings of rooms: one row a second in SQLite, and what is read from it."""
