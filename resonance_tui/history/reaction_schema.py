"""The table of reactions that were sent with keys: how many a second, and nothing of whose."""

from __future__ import annotations

REACTIONS = """
CREATE TABLE reaction (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,                -- epoch seconds
    kind INTEGER NOT NULL,             -- of `Reaction`
    count INTEGER NOT NULL,            -- how many were sent in this second
    PRIMARY KEY (channel, t, kind)
) WITHOUT ROWID;
"""
