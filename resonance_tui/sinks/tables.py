"""Tables that sinks keep in the history database. Each sink counts the versions of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from resonance_tui.errors import StoreError
from resonance_tui.history.schema import statements
from resonance_tui.history.store import Store

# Made by the first sink that needs it and unknown to `user_version`, so that a program which does
# not know the sink still opens the file.
_VERSIONS = """
CREATE TABLE IF NOT EXISTS sink_schema (name TEXT PRIMARY KEY, version INTEGER NOT NULL)
WITHOUT ROWID
"""


def open_tables(store: Store, name: str, migrations: Sequence[str]) -> None:
    """Brings the tables of a sink up to date, all or nothing.

    `migrations` is one SQL script a version, in order; what was released is never edited. Raises
    StoreError, also for tables that a newer program has written.
    """
    if not migrations:
        return
    with store.reading() as db:
        if version_of(db, name) == len(migrations):
            return
    with store.transaction() as db:
        version = version_of(db, name)  # again: another program may have been quicker
        if version > len(migrations):
            raise StoreError(
                f"The tables of {name} in {store.path} were written by a newer resonance-tui.",
                "Upgrade resonance-tui, or name another database file.",
            )
        for script in migrations[version:]:
            for statement in statements(script):
                db.execute(statement)
        db.execute(_VERSIONS)
        db.execute("INSERT OR REPLACE INTO sink_schema VALUES (?, ?)", (name, len(migrations)))


def version_of(db: sqlite3.Connection, name: str) -> int:
    """The version of the sink's tables; 0 where there are none."""
    has_any = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'sink_schema'"
    if db.execute(has_any).fetchone() is None:
        return 0
    found = db.execute("SELECT version FROM sink_schema WHERE name = ?", (name,)).fetchone()
    return found[0] if found else 0
