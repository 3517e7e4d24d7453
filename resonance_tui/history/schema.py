"""How the history database is laid out, and how an older layout becomes the newest one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from resonance_tui.emotions import WORDS
from resonance_tui.errors import StoreError
from resonance_tui.history.session_schema import SESSIONS, as_temporary
from resonance_tui.sinks.sheets.schema import OUTBOX

APPLICATION_ID = 0x5265736F  # "Reso": tells our file from any other SQLite file

# One entry a version, applied in order and never edited afterwards; `user_version` counts them.
MIGRATIONS: tuple[str, ...] = (
    f"""
    CREATE TABLE snapshot (
        channel TEXT NOT NULL,
        t INTEGER NOT NULL,
        source TEXT NOT NULL,
        viewers INTEGER NOT NULL,
        {", ".join(f"{word} INTEGER NOT NULL" for word in WORDS)},
        unsure INTEGER NOT NULL,
        away INTEGER NOT NULL,
        PRIMARY KEY (channel, t, source)
    ) WITHOUT ROWID
    """,
    OUTBOX,
    SESSIONS,
)
VERSION = len(MIGRATIONS)
SESSIONS_SINCE = 1 + MIGRATIONS.index(SESSIONS)


def version_of(db: sqlite3.Connection, path: Path) -> int:
    """The layout's version, 0 for an empty file.

    Raises StoreError for another program's database, or one written by a newer resonance-tui.
    """
    version = _pragma(db, "user_version")
    is_empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if is_empty:
        return 0
    if _pragma(db, "application_id") != APPLICATION_ID:
        raise StoreError(f"{path} is the database of another program.", "Name another file.")
    if version > VERSION:
        raise StoreError(
            f"The history {path} was written by a newer resonance-tui (layout {version}; "
            f"this one knows up to {VERSION}).",
            "Upgrade resonance-tui, or name another database file.",
        )
    return version


def migrate(db: sqlite3.Connection, path: Path) -> None:
    """Brings the layout up to date in one transaction; two programs may try at once."""
    if version_of(db, path) == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version_of(db, path), VERSION):  # read again: we hold the lock only now
            for statement in _statements(MIGRATIONS[number]):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def complete(db: sqlite3.Connection, version: int) -> None:
    """What an older file lacks, for a reader who may not change it."""
    if version < SESSIONS_SINCE:
        for statement in _statements(as_temporary()):
            db.execute(statement)


def _statements(script: str) -> Iterator[str]:
    """One at a time: `executescript` would end the transaction that holds them together."""
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
