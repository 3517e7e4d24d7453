"""How the outbox to Google Sheets is laid out inside the history database."""

from __future__ import annotations

# A second of the store has at most one place at Google: its tab and its position in it. The
# position is given once and never again, so writing a row twice changes nothing.
OUTBOX = """
CREATE TABLE sheet_target (
    channel TEXT PRIMARY KEY,          -- '' for every channel that has none of its own
    book TEXT NOT NULL                 -- the spreadsheet's id
) WITHOUT ROWID;
CREATE TABLE sheet_book (
    id TEXT PRIMARY KEY,
    draft TEXT NOT NULL DEFAULT '',    -- title of a successor that is being made
    successor TEXT NOT NULL DEFAULT '' -- where rows go since this one is full
) WITHOUT ROWID;
CREATE TABLE sheet_tab (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    source TEXT NOT NULL,
    started INTEGER NOT NULL,          -- epoch seconds
    newest INTEGER NOT NULL,           -- the latest second that has a place in it
    book TEXT NOT NULL,
    gid INTEGER NOT NULL,              -- Google's number for the tab, chosen here beforehand
    title TEXT NOT NULL,
    placed INTEGER NOT NULL DEFAULT 0,    -- positions given out
    confirmed INTEGER NOT NULL DEFAULT 0, -- positions that Google has confirmed
    grid INTEGER NOT NULL DEFAULT 0,      -- rows of the tab at Google; 0: not made yet
    is_left INTEGER NOT NULL DEFAULT 0    -- edited by hand or full: nothing more is written to it
);
CREATE TABLE sheet_row (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,
    source TEXT NOT NULL,
    tab INTEGER NOT NULL REFERENCES sheet_tab (id),
    seq INTEGER NOT NULL,              -- 1 for the row below the header
    PRIMARY KEY (channel, t, source)
) WITHOUT ROWID;
CREATE UNIQUE INDEX sheet_row_place ON sheet_row (tab, seq);
CREATE TABLE sheet_trouble (
    channel TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    text TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE sheet_calls (
    hour INTEGER PRIMARY KEY,          -- epoch seconds // 3600
    reads INTEGER NOT NULL DEFAULT 0,
    writes INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0
);
"""
