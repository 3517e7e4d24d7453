"""The tables of late reactions in the history database (layout 5, frozen)."""

from __future__ import annotations

# Never mixed with the rows of the live room, which lie in `snapshot`.
LAYERS = """
CREATE TABLE layer (                   -- how people reacted later: one, or several as counts
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    members TEXT NOT NULL,             -- random names, sorted, a space between: one a layer
    is_own INTEGER NOT NULL,           -- made on this machine
    UNIQUE (channel, members)
);
CREATE TABLE layer_row (               -- how many of them were in each state
    layer INTEGER NOT NULL REFERENCES layer (id),
    t INTEGER NOT NULL,                -- the second of the live room, epoch seconds
    happiness INTEGER NOT NULL,
    sadness INTEGER NOT NULL,
    neutral INTEGER NOT NULL,
    anger INTEGER NOT NULL,
    surprise INTEGER NOT NULL,
    disgust INTEGER NOT NULL,
    fear INTEGER NOT NULL,
    unsure INTEGER NOT NULL,
    away INTEGER NOT NULL,
    PRIMARY KEY (layer, t)
) WITHOUT ROWID;
"""
