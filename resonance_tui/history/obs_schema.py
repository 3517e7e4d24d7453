"""The tables of what OBS wrote in the history database."""

from __future__ import annotations

OBS_TABLES = """
CREATE TABLE video_part (              -- what OBS wrote without a pause
    channel TEXT NOT NULL,
    output TEXT NOT NULL,              -- "Record" or "Stream"
    start REAL NOT NULL,               -- epoch seconds
    end REAL NOT NULL,                 -- the last time at which it was known to be written
    file TEXT NOT NULL,                -- '' where OBS has not told it, and of a stream
    position REAL NOT NULL,            -- of `start` in the file, in s
    is_exact INTEGER NOT NULL,         -- 0: about half a second off
    PRIMARY KEY (channel, output, start)
) WITHOUT ROWID;
CREATE TABLE live_mark (               -- what was found while it happened
    channel TEXT NOT NULL,
    t REAL NOT NULL,                   -- epoch seconds
    emotion INTEGER NOT NULL,
    people INTEGER NOT NULL,           -- who showed it
    read INTEGER NOT NULL,             -- who showed any emotion
    replay TEXT NOT NULL,              -- file of the replay; '' where there is none
    PRIMARY KEY (channel, t)
) WITHOUT ROWID;
"""
