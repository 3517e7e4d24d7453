"""Worked out from the room's counts: the resonance score, what private reports say, and corrected
counts on demand."""

from __future__ import annotations

import asyncio

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import WORDS
from resonance_tui.engines.base import AUTO, STATIC
from resonance_tui.protocol.values import Counts
from resonance_tui.room.correction import (
    LEAST_VIEWERS,
    Corrected,
    correct_counts,
    correct_private,
)
from resonance_tui.room.private_answers import USUAL_EPSILON
from resonance_tui.room.private_counts import estimate, least_viewers, randomisation
from resonance_tui.room.resonance import Resonance
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.events import CorrectedCounts, PrivateCounts
from resonance_tui.texts import mark

FEWER = mark("fewer than {least} viewers")
TOO_FEW = mark(FEWER, least=str(LEAST_VIEWERS))


class RoomMetrics:
    """Snapshots in, measures out; lives on the loop's thread."""

    def __init__(self) -> None:
        self.resonance: float | None = None  # as of the newest snapshot, 0-1
        self.corrected: CorrectedCounts | None = None  # None while they are not wanted
        self._is_correcting = False
        self._together = Resonance()
        self._tables: dict[str, NDArray[np.float64] | None] = {}  # by engine; None: unknown
        self._made_from: tuple[object, ...] | None = None
        self.private: PrivateCounts | None = None  # None where nobody's report is private
        self._private_from: tuple[object, ...] | None = None

    def correct(self, on: bool) -> None:
        """Whether corrected counts are wanted."""
        self._is_correcting = on
        self._made_from = self.corrected = None

    async def learn(self, engine: str) -> None:
        """Reads once how often `engine` errs, where that is wanted."""
        engine = _named(engine)
        if self._is_correcting and engine not in self._tables:
            self._tables[engine] = await asyncio.to_thread(_read_table, engine)

    def take(
        self,
        room: RoomSnapshot,
        at: float,
        engine: str,
        *,
        is_fact: bool,
        epsilon: float = USUAL_EPSILON,
    ) -> None:
        """The room at `at` (epoch s), read by `engine`. What is no fact is not added up.
        `epsilon`: of its private reports."""
        if is_fact:
            self._together.add(room, at)
        self.resonance = self._together.score if is_fact else None
        if (room.private, epsilon) != self._private_from:
            self._private_from = room.private, epsilon
            self.private = _estimated(room.private, epsilon) if room.private else None
        engine = _named(engine)
        made_from = (engine, room.counts, room.private, epsilon)
        if self._is_correcting and engine in self._tables and made_from != self._made_from:
            self._made_from = made_from
            self.corrected = _corrected(room, epsilon, engine, self._tables[engine])


def _named(engine: str) -> str:
    """Until a better one is found, and where there is no camera, "auto" is the default engine."""
    return STATIC if engine == AUTO else engine


def _read_table(engine: str) -> NDArray[np.float64] | None:
    from resonance_tui.engines.registry import confusion_of

    return confusion_of(engine)


def _estimated(answers: Counts, epsilon: float) -> PrivateCounts:
    viewers, least = sum(answers), least_viewers(epsilon)
    if viewers < least:
        return PrivateCounts(viewers, epsilon, lacking=mark(FEWER, least=str(least)))
    found = estimate(np.array([answers], np.float64), epsilon)
    counts, low, high = map(_row, (found.counts, found.low, found.high))
    return PrivateCounts(viewers, epsilon, counts, low, high)


def _corrected(
    room: RoomSnapshot, epsilon: float, engine: str, table: NDArray[np.float64] | None
) -> CorrectedCounts:
    if table is None:
        return CorrectedCounts(engine, lacking=mark("mistakes of {engine} unknown", engine=engine))
    parts: list[Corrected] = []
    if sum(room.counts) >= LEAST_VIEWERS:
        parts.append(correct_counts(np.array([room.counts], np.float64), table))
    if sum(room.private) >= least_viewers(epsilon):
        answers = np.array([room.private], np.float64)
        parts.append(correct_private(answers, randomisation(epsilon), table))
    if not parts:
        return CorrectedCounts(engine, lacking=TOO_FEW)
    counts, low, high = map(_row, _added(parts))
    return CorrectedCounts(engine, counts, low, high)


def _added(parts: list[Corrected]) -> tuple[NDArray[np.float64], ...]:
    """Counts of the seven with their band: doubts of several parts add up as errors do."""
    counts = sum((each.counts[:, : len(WORDS)] for each in parts), np.zeros((1, len(WORDS))))
    below, above = (np.zeros_like(counts) for _ in range(2))
    for each in parts:
        middle = each.counts[:, : len(WORDS)]
        below += (middle - each.low[:, : len(WORDS)]) ** 2
        above += (each.high[:, : len(WORDS)] - middle) ** 2
    return counts, np.maximum(counts - np.sqrt(below), 0), counts + np.sqrt(above)


def _row(numbers: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(numbers[0].round(1).tolist())
