"""What OBS wrote during a session, part by part: any moment has a file and a position in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from resonance_tui.history.store import Store

RECORD, STREAM = "Record", "Stream"
_KEEP = """
INSERT INTO video_part VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    end = max(end, excluded.end), file = iif(excluded.file = '', file, excluded.file)
"""
_READ = """
SELECT output, start, end, file, position, is_exact FROM video_part
WHERE channel = ? AND end >= ? AND start <= ? ORDER BY output, start
"""


@dataclass(frozen=True, slots=True)
class VideoPart:
    """Written without a pause from `start` to `end` (epoch s), at `position` s of `file` and on."""

    output: str  # RECORD or STREAM
    start: float
    end: float
    file: str  # "" where OBS has not told it, and of a stream
    position: float
    is_exact: bool  # within 0.2 s of the picture; else about half a second off


@dataclass(frozen=True, slots=True)
class Place:
    """Where a moment is."""

    file: str
    seconds: float
    is_exact: bool


def keep_parts(store: Store, channel: str, parts: Iterable[VideoPart]) -> None:
    """Store them; of those that are there already, a later end and the file's name. Raises
    StoreError."""
    rows = [
        (channel, part.output, part.start, part.end, part.file, part.position, part.is_exact)
        for part in parts
    ]
    with store.transaction() as db:
        db.executemany(_KEEP, rows)


def video_parts(store: Store, channel: str, first: float, last: float) -> list[VideoPart]:
    """Those that touch the range (epoch s), recordings before streams, in order of time. Raises
    StoreError."""
    with store.reading() as db:
        rows = db.execute(_READ, (channel, first, last)).fetchall()
    return [
        VideoPart(output, start, end, file, position, bool(is_exact))
        for output, start, end, file, position, is_exact in rows
    ]


def place_of(parts: Iterable[VideoPart], t: float, output: str = RECORD) -> Place | None:
    """Of a moment at `t` (epoch s); None where nothing was written then."""
    for part in parts:
        if part.output == output and part.start <= t <= part.end:
            return Place(part.file, part.position + t - part.start, part.is_exact)
    return None
