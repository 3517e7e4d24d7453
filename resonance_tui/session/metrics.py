"""Worked out from the room's counts: the resonance score, and corrected counts on demand."""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import AUTO, STATIC
from resonance_tui.room.correction import LEAST_VIEWERS, correct_counts
from resonance_tui.room.resonance import Resonance
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.events import CorrectedCounts
from resonance_tui.texts import mark

TOO_FEW = mark("fewer than {least} viewers", least=str(LEAST_VIEWERS))


class RoomMetrics:
    """Snapshots in, measures out; lives on the loop's thread."""

    def __init__(self) -> None:
        self.resonance: float | None = None  # as of the newest snapshot, 0-1
        self.corrected: CorrectedCounts | None = None  # None while they are not wanted
        self._is_correcting = False
        self._together = Resonance()
        self._tables: dict[str, NDArray[np.float64] | None] = {}  # by engine; None: unknown
        self._made_from: tuple[str, tuple[int, ...]] | None = None

    def correct(self, on: bool) -> None:
        """Whether corrected counts are wanted."""
        self._is_correcting = on
        self._made_from = self.corrected = None

    async def learn(self, engine: str) -> None:
        """Reads once how often `engine` errs, where that is wanted."""
        engine = _named(engine)
        if self._is_correcting and engine not in self._tables:
            self._tables[engine] = await asyncio.to_thread(_read_table, engine)

    def take(self, room: RoomSnapshot, at: float, engine: str, *, is_fact: bool) -> None:
        """The room at `at` (epoch s), read by `engine`. What is no fact is not added up."""
        if is_fact:
            self._together.add(room, at)
        self.resonance = self._together.score if is_fact else None
        engine = _named(engine)
        made_from = (engine, room.counts)
        if self._is_correcting and engine in self._tables and made_from != self._made_from:
            self._made_from = made_from
            self.corrected = _corrected(room.counts, engine, self._tables[engine])


def _named(engine: str) -> str:
    """Until a better one is found, and where there is no camera, "auto" is the default engine."""
    return STATIC if engine == AUTO else engine


def _read_table(engine: str) -> NDArray[np.float64] | None:
    from resonance_tui.engines.registry import confusion_of

    return confusion_of(engine)


def _corrected(
    counts: tuple[int, ...], engine: str, table: NDArray[np.float64] | None
) -> CorrectedCounts:
    if table is None:
        return CorrectedCounts(engine, lacking=mark("mistakes of {engine} unknown", engine=engine))
    if sum(counts) < LEAST_VIEWERS:
        return CorrectedCounts(engine, lacking=TOO_FEW)
    found = correct_counts(np.array([counts], np.float64), table)
    return CorrectedCounts(engine, _row(found.counts), _row(found.low), _row(found.high))


def _row(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(numbers[0].round(1).tolist())
