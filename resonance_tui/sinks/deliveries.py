"""Which rows have arrived in a sink that takes rows as they are, and where its channels go."""

from __future__ import annotations

from collections.abc import Iterable

from resonance_tui.emotions import WORDS
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.sinks.tables import open_tables, version_of

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
