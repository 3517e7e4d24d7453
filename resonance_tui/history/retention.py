"""The history database made smaller: channels and old seconds forgotten, free space given back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from resonance_tui.history.samples import SESSION_GAP_S, SessionSpan
from resonance_tui.history.session_schema import SLOT_S, fill_slots
from resonance_tui.history.store import Store

_ENDLESS = 1 << 62

# A run without an end is still going on, or was cut off; only the last one can be the former.
_RUNS_BEFORE = """
DELETE FROM session WHERE channel = :channel AND started < :before AND coalesce(
    ended < :before,
    id < (SELECT max(id) FROM session AS s
          WHERE s.channel = session.channel AND s.source = session.source)
)
"""

# Of one session that is forgotten: a run that goes on begins after it.
_RUN_GOES_ON = """
UPDATE session SET started = :end + 1
WHERE channel = :channel AND started BETWEEN :start AND :end AND ended IS NULL
"""

_OF_SESSIONS = ("video", "about")  # tables whose `at` is a second of a session
_OF_TIMES = (
    ("mark", "t"),
    ("live_mark", "t"),
    ("video_part", "end"),
    ("question", "t"),
)  # and until when each is
_BY_SECOND = ("reaction", "team")  # tables of what happened in a second `t`
_LAYER_ROWS = """
DELETE FROM layer_row WHERE t < :before AND layer IN (
    SELECT id FROM layer WHERE channel = :channel
)
"""
_LAYER_ROWS_WITHIN = _LAYER_ROWS.replace("t < :before", "t BETWEEN :start AND :end")
_EMPTY_LAYERS = """
DELETE FROM layer WHERE channel = :channel AND NOT EXISTS (
    SELECT 1 FROM layer_row WHERE layer = layer.id
)
"""

# The last row from before, the first second that stays, and the longest pause between the two.
_CUT = """
WITH said AS (SELECT max(at) AS at FROM {table} WHERE channel = :channel AND at < :before),
     first_left AS (SELECT min(t) AS t FROM snapshot WHERE channel = :channel AND t >= :before)
SELECT said.at, first_left.t, (
    SELECT max(next - t) FROM (
        SELECT t, lead(t) OVER (ORDER BY t) AS next FROM snapshot
        WHERE channel = :channel AND t BETWEEN said.at AND first_left.t
    )
) FROM said, first_left
"""


def channels(store: Store) -> list[str]:
    """Of which anything is kept, in alphabetical order. OBS may have written beside a room that
    was never there, and that holds names of files."""
    tables = " UNION ".join(f"SELECT channel FROM {table}" for table, _ in _OF_TIMES)
    with store.reading() as db:
        found = {channel for (channel,) in db.execute(f"{tables} UNION SELECT channel FROM layer")}
    return sorted(found.union(store.channels()))


def count_beside(store: Store, channels: Sequence[str], before: int | None = None) -> int:
    """How many marks and parts of a video `forget` would delete besides the rows."""
    until = _ENDLESS if before is None else before
    with store.reading() as db:
        found = (
            db.execute(
                f"SELECT count(*) FROM {table} WHERE channel = ? AND {last} < ?", (channel, until)
            ).fetchone()[0]
            for channel in channels
            for table, last in _OF_TIMES
        )
        return sum(found)


def count(store: Store, channels: Sequence[str], before: int | None = None) -> int:
    """How many rows `forget` would delete."""
    with store.reading() as db:
        found = (
            db.execute(
                "SELECT count(*) FROM snapshot WHERE channel = ? AND t < ?",
                (channel, _ENDLESS if before is None else before),
            ).fetchone()[0]
            for channel in channels
        )
        return sum(found)


def forget(store: Store, channels: Sequence[str], before: int | None = None) -> int:
    """Deletes all that is known of the channels, or what came before an epoch second; returns how
    many rows that were. All or nothing. The file stays as long as it was: see `vacuum`.

    What sinks have taken stays known, so that nothing is sent there twice.
    """
    with store.transaction() as db:
        if before is None:
            return sum(_forget_all(db, channel) for channel in channels)
        return sum(_forget_before(db, channel, before) for channel in channels)


def forget_session(store: Store, channel: str, span: SessionSpan) -> int:
    """Deletes one session and all that is known of it, as `forget` does; returns how many rows."""
    with store.transaction() as db:
        return _forget_within(db, {"channel": channel, "start": span.start, "end": span.end})


def _forget_within(db: sqlite3.Connection, span: dict[str, str | int]) -> int:
    def delete(table: str, where: str) -> int:
        where = f"channel = :channel AND {where}"
        return db.execute(f"DELETE FROM {table} WHERE {where}", span).rowcount

    for table in _OF_SESSIONS:
        delete(table, "at BETWEEN :start AND :end")
    for table, last in _OF_TIMES:
        delete(table, f"{last} >= :start AND {last} < :end + 1")
    for table in _BY_SECOND:
        delete(table, "t BETWEEN :start AND :end")
    delete("gap", "start BETWEEN :start AND :end")
    db.execute(_RUN_GOES_ON, span)
    delete("session", "started BETWEEN :start AND :end")
    db.execute(_LAYER_ROWS_WITHIN, span)
    db.execute(_EMPTY_LAYERS, span)
    rows = delete("snapshot", "t BETWEEN :start AND :end")
    delete("slot", "first BETWEEN :start AND :end")  # no slot is of two sessions
    db.execute(fill_slots(f"channel = :channel AND t / {SLOT_S} = :end / {SLOT_S}"), span)
    return rows


def _forget_all(db: sqlite3.Connection, channel: str) -> int:
    db.execute(_LAYER_ROWS, {"channel": channel, "before": _ENDLESS})
    others = (
        "slot",
        "session",
        "gap",
        "mark",
        "video_part",
        "live_mark",
        "layer",
        "question",
    )
    for table in (*others, *_OF_SESSIONS, *_BY_SECOND):
        db.execute(f"DELETE FROM {table} WHERE channel = ?", (channel,))
    return db.execute("DELETE FROM snapshot WHERE channel = ?", (channel,)).rowcount


def _forget_before(db: sqlite3.Connection, channel: str, before: int) -> int:
    span = {"channel": channel, "before": before, "next": (before // SLOT_S + 1) * SLOT_S}
    for table in _OF_SESSIONS:
        _move(db, table, span)
    rows = db.execute("DELETE FROM snapshot WHERE channel = :channel AND t < :before", span)
    db.execute("DELETE FROM slot WHERE channel = :channel AND first < :next", span)
    db.execute(fill_slots("channel = :channel AND t < :next"), span)  # the slot that was cut
    db.execute(_RUNS_BEFORE, span)
    db.execute(
        "UPDATE session SET started = :before WHERE channel = :channel AND started < :before", span
    )
    db.execute("DELETE FROM gap WHERE channel = :channel AND end < :before", span)
    for table, last in _OF_TIMES:
        db.execute(f"DELETE FROM {table} WHERE channel = :channel AND {last} < :before", span)
    for table in _OF_SESSIONS:
        db.execute(f"DELETE FROM {table} WHERE channel = :channel AND at < :before", span)
    for table in _BY_SECOND:
        db.execute(f"DELETE FROM {table} WHERE channel = :channel AND t < :before", span)
    db.execute(_LAYER_ROWS, span)
    db.execute(_EMPTY_LAYERS, span)
    return rows.rowcount


def _move(db: sqlite3.Connection, table: str, span: dict[str, str | int]) -> None:
    """Of a session that is cut, its video and what was said of it stay with what is left."""
    at, left, pause = db.execute(_CUT.format(table=table), span).fetchone()
    if pause is not None and pause <= SESSION_GAP_S:
        db.execute(
            f"UPDATE OR IGNORE {table} SET at = :left WHERE channel = :channel AND at = :at",
            {"channel": span["channel"], "at": at, "left": left},
        )


def vacuum(store: Store) -> tuple[int, int]:
    """Writes the file anew without what was deleted: its size in bytes before and after.

    Nothing of what was forgotten can be read from the file afterwards. Needs free space as large
    as what is left, for a while; recorders wait meanwhile.
    """
    with store.reading() as db:
        before = size(store.path)
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before, size(store.path)


def size(path: Path) -> int:
    """Bytes of the database and its write-ahead log."""
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
