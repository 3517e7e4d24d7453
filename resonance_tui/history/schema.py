"""The layout of the history database, and its migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from resonance_tui.errors import StoreError
from resonance_tui.history.layer_schema import LAYERS
from resonance_tui.history.obs_schema import OBS_TABLES
from resonance_tui.history.question_schema import QUESTIONS, STEPS, WITHOUT_STEPS
from resonance_tui.history.reaction_schema import REACTIONS
from resonance_tui.history.session_schema import SESSIONS, as_temporary
from resonance_tui.history.team_schema import TEAMS
from resonance_tui.texts import mark

APPLICATION_ID = 0x5265736F  # "Reso": marks the file as ours

# Frozen: a released version is never edited; tests/unit/test_schema.py holds it against a database
# that an older program made.
_ROWS = """
CREATE TABLE snapshot (
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,
    source TEXT NOT NULL,
    viewers INTEGER NOT NULL,
    happiness INTEGER NOT NULL,
    sadness INTEGER NOT NULL,
    neutral INTEGER NOT NULL,
    anger INTEGER NOT NULL,
    surprise INTEGER NOT NULL,
    disgust INTEGER NOT NULL,
    fear INTEGER NOT NULL,
    unsure INTEGER NOT NULL,
    away INTEGER NOT NULL,
    PRIMARY KEY (channel, t, source)
) WITHOUT ROWID
"""
# The outbox of the sink `sheets`, from before each sink migrated its own tables. A second of the
# store has at most one place at Google: its tab and its position in it. The position is given
# once and never again, so writing a row twice changes nothing.
_SHEETS = """
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

# The video of a session: any second of the session stands for it, as its ends may move.
_VIDEO = """
CREATE TABLE video (
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,               -- a second of the session
    start REAL NOT NULL,               -- epoch seconds of the video's first picture
    PRIMARY KEY (channel, at)
) WITHOUT ROWID;
"""

# What a person marked while it was recorded, or afterwards.
_MARKS = """
CREATE TABLE mark (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    t REAL NOT NULL,                   -- epoch seconds
    text TEXT NOT NULL,                -- one line; '' is a mark without a word
    UNIQUE (channel, t, text)
);
"""
# What a person said of a session afterwards. As with its video, any second stands for it.
_ABOUT = """
CREATE TABLE about (
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,               -- a second of the session
    title TEXT,                        -- in place of the recorders'; NULL: nothing was said
    note TEXT,
    delay REAL,                        -- seconds from the picture to what its viewers see
    PRIMARY KEY (channel, at)
) WITHOUT ROWID;
"""
_DESK = _VIDEO + _MARKS + _ABOUT + OBS_TABLES + LAYERS + REACTIONS + QUESTIONS
_TOGETHER = TEAMS + STEPS

# Applied in order; `user_version` counts them.
MIGRATIONS: tuple[str, ...] = (_ROWS, _SHEETS, SESSIONS, _DESK, _TOGETHER)
VERSION = len(MIGRATIONS)
# What a reader of an older file makes up for: of which layouts, and how.
_TEMPORARY: tuple[tuple[range, str], ...] = (
    (range(3), as_temporary()),
    (range(4), (_DESK + STEPS).replace("CREATE TABLE", "CREATE TEMP TABLE")),
    (range(4, 5), WITHOUT_STEPS),
    (range(5), TEAMS.replace("CREATE TABLE", "CREATE TEMP TABLE")),
)


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """The version of the layout; 0 for an empty file.

    Raises StoreError for another program's database, or one written by a newer resonance-tui.
    """
    version = _pragma(db, "user_version")
    is_empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if is_empty:
        return 0
    if _pragma(db, "application_id") != APPLICATION_ID:
        raise StoreError(
            mark("{path} is the database of another program.", path=path),
            mark("Name another file."),
        )
    if version > VERSION:
        raise StoreError(
            mark(
                "The history {path} was written by a newer resonance-tui (layout {version}; "
                "this one knows up to {version2}).",
                path=path,
                version=version,
                version2=VERSION,
            ),
            mark("Upgrade resonance-tui, or name another database file."),
        )
    return version


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings the layout up to date in one transaction; two programs may do so at once."""
    if version_of(db, path) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version_of(db, path), VERSION):  # read again under the lock
            for statement in statements(MIGRATIONS[number]):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def complete(db: sqlite3.Connection, version: int) -> None:
    """Adds what an older file lacks as temporary tables, for a reader that may not write."""
    for layouts, script in _TEMPORARY:
        if version in layouts:
            for statement in statements(script):
                db.execute(statement)


def statements(script: str) -> Iterator[str]:
    """The SQL statements of a script, one at a time: `executescript` would end the transaction
    that holds them together."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
