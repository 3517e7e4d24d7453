"""Which rows have arrived in a sink that takes rows as they are, and where its channels go."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from resonance_tui.emotions import WORDS
from resonance_tui.errors import StoreError
from resonance_tui.history.samples import Sample
from resonance_tui.history.schema import statements
from resonance_tui.history.store import Store

# Made by the first sink that needs it and unknown to `user_version`, so that a program which does
# not know the sink still opens the file.
_VERSIONS = """
CREATE TABLE IF NOT EXISTS sink_schema (name TEXT PRIMARY KEY, version INTEGER NOT NULL)
WITHOUT ROWID
"""

LATE_S = 3600  # a recorder in trouble may store rows up to this much after newer ones

_NAME = "rows"  # in `sink_schema`
_MIGRATIONS = (
    """
CREATE TABLE sink_target (
    sink TEXT NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (sink, channel)
) WITHOUT ROWID;
CREATE TABLE sink_row (                -- seconds that the sink has confirmed
    sink TEXT NOT NULL,
    channel TEXT NOT NULL,
    t INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (sink, channel, t, source)
) WITHOUT ROWID;
""",
)
_WAITING = f"""
SELECT t, source, viewers, unsure, away, {", ".join(WORDS)} FROM snapshot AS s
WHERE channel = :channel AND t >= :since AND NOT EXISTS (
    SELECT 1 FROM sink_row AS r
    WHERE r.sink = :sink AND r.channel = s.channel AND r.t = s.t AND r.source = s.source
) ORDER BY t, source LIMIT :most
"""


class Deliveries:
    """What one sink has taken of one channel. Everything raises StoreError."""

    def __init__(self, store: Store, sink: str, channel: str) -> None:
        open_tables(store, _NAME, _MIGRATIONS)
        self._store = store
        self._sink = sink
        self._channel = channel
        self._since = 0

    def waiting(self, most: int) -> list[Sample]:
        """The oldest rows that are not confirmed, at most so many."""
        values = {"sink": self._sink, "channel": self._channel, "since": self._since, "most": most}
        with self._store.reading() as db:
            found = db.execute(_WAITING, values).fetchall()
        return [
            Sample(self._channel, t, viewers, tuple(counts), unsure, away, source)
            for t, source, viewers, unsure, away, *counts in found
        ]

    def confirm(self, rows: Iterable[Sample]) -> None:
        """The sink has these rows, which `waiting` returned last."""
        keys = [(self._sink, row.channel, row.t, row.source) for row in rows]
        with self._store.transaction() as db:
            db.executemany("INSERT INTO sink_row VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", keys)
        self._since = max(self._since, max(t for _, _, t, _ in keys) - LATE_S)


def set_target(store: Store, sink: str, channel: str, target: str) -> None:
    open_tables(store, _NAME, _MIGRATIONS)
    with store.transaction() as db:
        values = (sink, channel, target)
        db.execute("INSERT OR REPLACE INTO sink_target VALUES (?, ?, ?)", values)


def targets(store: Store, sink: str) -> dict[str, str]:
    """Where rows go, by channel."""
    with store.reading() as db:
        if not version_of(db, _NAME):
            return {}
        query = "SELECT channel, target FROM sink_target WHERE sink = ? ORDER BY channel"
        return dict(db.execute(query, (sink,)))


def confirmed(store: Store, sink: str, channel: str) -> int:
    """How many rows of the channel the sink has taken."""
    with store.reading() as db:
        if not version_of(db, _NAME):
            return 0
        query = "SELECT count(*) FROM sink_row WHERE sink = ? AND channel = ?"
        return db.execute(query, (sink, channel)).fetchone()[0]


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
