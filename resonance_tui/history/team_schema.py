"""The table of teams in the history database (a part of layout 5): counts, and nothing of whose."""

from __future__ import annotations

TEAMS = """
CREATE TABLE team (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,                -- epoch seconds
    name TEXT NOT NULL,                -- in the host's list
    counts TEXT NOT NULL,              -- a JSON list of nine, as they could be shown
    PRIMARY KEY (channel, t, name)
) WITHOUT ROWID;
"""
