"""How much the room moves together: one number from 0 to 1 over the last half minute.

docs/measures.md defines it and says what it can and cannot see.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS
from resonance_tui.room.state import RoomSnapshot, ViewerRow

WINDOW_S = 30  # what counts as "the same time in the show"
LEAST_S = 10  # seconds that must be known before there is a number
CHANCE = 0.3  # agreement above chance that two viewers on their own reach within a window

Floats = NDArray[np.float64]
NOT_READ = -1  # among codes


@dataclass(frozen=True, slots=True)
class Pairs:
    """Ordered pairs of two different viewers who show an emotion, summed over windows, `[N]` each.

    `same` of the `now` pairs, both seen in one second, agree. Of the `ever` pairs, each seen at
    any second of the window, `same_ever` do.
    """

    same: Floats
    now: Floats
    same_ever: Floats
    ever: Floats

    def score(self, seconds: Floats) -> Floats:
        """The share of the room that moves as one, 0-1; NaN where no two viewers were read.

        Agreement beyond what the same moods would give at random seconds (Cohen's kappa over all
        pairs), less the allowance for chance. Its square root is a share of people: where a part
        s of the room moves as one, s * s of the pairs agree.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            differ_ever = 1.0 - self.same_ever / self.ever
            kappa = 1.0 - (1.0 - self.same / self.now) / differ_ever
            by_chance = allowance(self.now / 2 / seconds, seconds)
            above = np.maximum(kappa - by_chance, 0.0) / (1.0 - by_chance)
            above[differ_ever < 1e-9] = 0.0  # one mood all the time: nothing moved
        return np.where(self.now > 0, np.sqrt(above), np.nan)


def allowance(pairs: Floats, seconds: Floats) -> Floats:
    """How much agreement is put down to chance, 0-1: less the more pairs there are."""
    return np.minimum(CHANCE * np.sqrt(WINDOW_S / seconds / pairs), 0.9)


def pairs_of_viewers(codes: NDArray[np.int8]) -> Pairs:
    """From who showed what, `[seconds, viewers]`, `NOT_READ` where nothing was read.

    No viewer is compared with their own past, and two are compared with what each of them showed
    over the window, weighed by the seconds in which both were there: neither lasting moods nor
    those who come and go look like a movement.
    """
    is_code = np.stack([codes == code for code in EMOTIONS], axis=-1).astype(np.float64)
    counts = is_code.sum(axis=1)
    same, now = _of_counts(counts)
    stays = is_code.sum(axis=0)
    moods = stays / np.maximum(stays.sum(axis=1, keepdims=True), 1)  # of each viewer, (viewers, 7)
    is_read = (codes != NOT_READ).astype(np.float64)
    together, own = is_read @ moods, is_read @ (moods * moods).sum(axis=1)
    expected = (together * together).sum() - own.sum()
    total = np.array([now.sum()])
    return Pairs(np.array([same.sum()]), total, np.array([expected]), total)


def pairs_of_counts(counts: Floats, first: NDArray[np.intp]) -> Pairs:
    """From counts `[seconds, 7]`, for windows that end with each second and begin with `first`.

    Counts do not tell who changed. Everybody's own past counts as if it were another viewer's, so
    scores err on the low side, the less the larger the room.
    """
    same, now = _of_counts(counts)
    moods = _over_windows(counts, first)
    people = _over_windows(counts.sum(axis=1), first)
    return Pairs(
        _over_windows(same, first),
        _over_windows(now, first),
        (moods * moods).sum(axis=1) - people,
        people * people - people,
    )


def _of_counts(counts: Floats) -> tuple[Floats, Floats]:
    """Pairs that agree, and all pairs, in each second."""
    people = counts.sum(axis=1)
    return (counts * (counts - 1)).sum(axis=1), people * (people - 1)


def _over_windows(values: Floats, first: NDArray[np.intp]) -> Floats:
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    return sums[1:] - sums[first]


@dataclass(frozen=True, slots=True)
class _Second:
    t: int  # epoch s
    counts: tuple[int, ...]
    codes: NDArray[np.int8] | None  # by seat; None where only the total is known


class Resonance:
    """Snapshots in, one score a second out; a second costs one look at each viewer."""

    def __init__(self) -> None:
        self.score: float | None = None  # None while fewer than two are read, and at first
        self._window: deque[_Second] = deque()
        self._seats: dict[str, int] = {}  # viewer id to place in `codes`

    def add(self, room: RoomSnapshot, at: float) -> None:
        """The room at `at` (epoch s). Of several snapshots in one second the first one counts."""
        t = int(at)
        while self._window and self._window[-1].t > t:  # the clock was set back
            self._window.pop()
        while self._window and self._window[0].t <= t - WINDOW_S:
            self._window.popleft()
        if not self._window or self._window[-1].t < t:
            codes = None if room.is_total or room.least else self._seated(room.rows)
            self._window.append(_Second(t, room.counts, codes))
            self.score = self._measured()

    def _seated(self, rows: tuple[ViewerRow, ...]) -> NDArray[np.int8]:
        if len(self._seats) > 2 * len(rows) + 64:
            self._clear_seats()
        seats = self._seats
        places = [seats.setdefault(row.viewer_id, len(seats)) for row in rows]
        codes = np.full(len(seats), NOT_READ, np.int8)
        codes[places] = [row.code if row.code.is_emotion else NOT_READ for row in rows]
        return codes

    def _clear_seats(self) -> None:
        """Takes away the seats of those who were not read within the window."""
        table = self._table()
        kept = np.flatnonzero((table != NOT_READ).any(axis=0))
        places = {int(seat): place for place, seat in enumerate(kept)}
        self._seats = {who: places[seat] for who, seat in self._seats.items() if seat in places}
        for index, second in enumerate(self._window):
            if second.codes is not None:
                self._window[index] = replace(second, codes=table[index, kept])

    def _table(self) -> NDArray[np.int8]:
        """Who showed what, `[seconds, seats]`."""
        table = np.full((len(self._window), len(self._seats)), NOT_READ, np.int8)
        for row, second in zip(table, self._window, strict=True):
            if second.codes is not None:
                row[: len(second.codes)] = second.codes
        return table

    def _measured(self) -> float | None:
        if len(self._window) < LEAST_S or sum(self._window[-1].counts) < 2:
            return None
        seconds = np.arange(1.0, len(self._window) + 1)
        if all(second.codes is not None for second in self._window):
            return float(pairs_of_viewers(self._table()).score(seconds[-1:])[0])
        counts = np.array([second.counts for second in self._window], np.float64)
        from_start = np.zeros(len(counts), np.intp)
        return float(pairs_of_counts(counts, from_start).score(seconds)[-1])
