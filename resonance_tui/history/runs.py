"""Runs of a recorder in the history database: when each began and ended, and what it missed."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.history.samples import Gap
from resonance_tui.history.store import Store

_RUNS = """
WITH run AS (
    SELECT *, lead(started, 1, 1 << 62) OVER (PARTITION BY source ORDER BY started, id) AS next
    FROM session WHERE channel = ?
)
SELECT started, coalesce(ended, (
    SELECT t FROM snapshot AS s
    WHERE s.channel = run.channel AND s.source = run.source AND t >= started AND t < next
    ORDER BY t DESC LIMIT 1
), started), ended IS NOT NULL, title, source
FROM run ORDER BY started, id
"""
_GAPS = """
SELECT start, end, seconds, why, source FROM gap
WHERE channel = ? AND end >= ? AND start <= ? ORDER BY start, source
"""


@dataclass(frozen=True, slots=True)
class RecorderRun:
    """One recorder from its first second to its last."""

    start: int  # epoch seconds
    end: int
    was_ended: bool  # False: it goes on, or was cut off; then `end` is the last second it stored
    title: str
    source: str


def begin(store: Store, channel: str, source: str, started: int, title: str = "") -> int:
    """Store that a run began with second `started`; returns the number of the run."""
    with store.transaction() as db:
        cursor = db.execute(
            "INSERT INTO session (channel, source, started, title) VALUES (?, ?, ?, ?)",
            (channel, source, started, title),
        )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def end(store: Store, run: int, ended: int) -> None:
    """Store the last second of a run."""
    with store.transaction() as db:
        db.execute("UPDATE session SET ended = ? WHERE id = ?", (ended, run))


def runs(store: Store, channel: str) -> list[RecorderRun]:
    """All runs of a channel, in order of time."""
    with store.reading() as db:
        return [
            RecorderRun(start, end, bool(was_ended), title, source)
            for start, end, was_ended, title, source in db.execute(_RUNS, (channel,))
        ]


def mark_gap(store: Store, channel: str, gap: Gap) -> None:
    """Store why these seconds are missing."""
    with store.transaction() as db:
        db.execute(
            "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?)",
            (channel, gap.source, gap.start, gap.end, gap.seconds, gap.why),
        )


def gaps(store: Store, channel: str, start: int = 0, end: int = 1 << 62) -> list[Gap]:
    """Those that touch the range (epoch seconds, both included), in order of time."""
    with store.reading() as db:
        return [Gap(*row) for row in db.execute(_GAPS, (channel, start, end))]
