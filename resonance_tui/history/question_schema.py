"""The table of what a host asked in the history database (layout 4, and what 5 adds)."""

from __future__ import annotations

QUESTIONS = """
CREATE TABLE question (                -- and what the room answered: counts, never who
    channel TEXT NOT NULL,
    id INTEGER NOT NULL,
    t INTEGER NOT NULL,                -- when it was first seen here, epoch seconds
    closes_at INTEGER NOT NULL,        -- epoch seconds
    is_private INTEGER NOT NULL,       -- the counts are of randomised answers
    text TEXT NOT NULL,
    choices TEXT NOT NULL,             -- a JSON list
    counts TEXT NOT NULL,              -- a JSON list, one for each choice
    PRIMARY KEY (channel, id)
) WITHOUT ROWID;
"""
# Counts were shown in multiples of it; 0: as they are.
STEPS = "ALTER TABLE question ADD COLUMN step INTEGER NOT NULL DEFAULT 0;"
# For a reader of layout 4, which may not write.
WITHOUT_STEPS = "CREATE TEMP VIEW question AS SELECT *, 0 AS step FROM main.question;"
