"""Recorded rows of the served room, by range, a quarter of a day at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from pathlib import Path

from resonance_tui.errors import StoreError
from resonance_tui.history.export import COLUMNS, FORMATS, Record, records
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.history.times import parse_range

SLICE_S = 6 * 3600
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json", "jsonl": "text/plain"}
PIECE = 64 * 1024  # characters that are sent at once


class NoRows(StoreError):
    """Nothing was recorded in that range."""


async def rows(
    database: Path, channel: str, format: str, query: Mapping[str, str]
) -> AsyncGenerator[bytes]:
    """The answer to `?from=` and `?to=`, as `resonance-tui history` understands them; without
    either, the last session.

    Raises InvalidTime, StoreError and NoRows before there is anything to iterate.
    """
    pieces = await asyncio.to_thread(_pieces, database, channel, format, query)
    return _threaded(pieces)


async def _threaded(pieces: Iterator[bytes]) -> AsyncGenerator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _pieces(database: Path, channel: str, format: str, query: Mapping[str, str]) -> Iterator[bytes]:
    first, last = parse_range(query.get("from"), query.get("to"), time.time())
    with Store(database, read_only=True) as store:
        sessions = store.sessions(channel)
    start, end = _bounds(sessions, first, last)
    lines: Callable[[Iterable[Record], tuple[str, ...]], Iterator[str]] = FORMATS[format]
    return _joined(lines(records(_samples(database, channel, start, end)), COLUMNS))


def _bounds(sessions: list[SessionSpan], first: int | None, last: int | None) -> tuple[int, int]:
    """Where to begin and end. Raises NoRows."""
    if first is None and last is None:
        sessions = sessions[-1:]
    begin = max((sessions[0].start, first or 0)) if sessions else 0
    end = min(sessions[-1].end, sessions[-1].end if last is None else last) if sessions else -1
    if begin > end:
        raise NoRows("Nothing was recorded in that range.", "Record with `resonance-tui log`.")
    return begin, end


def _samples(database: Path, channel: str, start: int, end: int) -> Iterator[Sample]:
    for begin in range(start, end + 1, SLICE_S):
        with Store(database, read_only=True) as store:
            yield from store.read(channel, begin, min(end, begin + SLICE_S - 1))


def _joined(lines: Iterator[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    size = 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= PIECE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()
