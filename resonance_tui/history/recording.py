"""Pure: a recording by column, and what is worked out from it for every second."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from resonance_tui.history.samples import Gap
from resonance_tui.room.resonance import LEAST_S, WINDOW_S, pairs_of_counts

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)  # the same track is the same object
class Recording:
    """A recording by column. All arrays have one entry a recorded second, in order of time."""

    times: NDArray[np.int64]  # (N,) epoch s, strictly rising
    counts: NDArray[np.int64]  # (N, 7)
    others: NDArray[np.int64]  # (N,) unsure and away together
    viewers: NDArray[np.int64]  # (N,)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def start(self) -> int:
        """First recorded second; the track must not be empty."""
        return int(self.times[0])

    @property
    def end(self) -> int:
        return int(self.times[-1])

    def slice(self, low: int, high: int) -> Recording:
        """Rows `low` to `high` - 1, as a view."""
        rows = slice(low, high)
        return Recording(self.times[rows], self.counts[rows], self.others[rows], self.viewers[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A recording and what the views need to know about it."""

    track: Recording
    confusion: Floats | None = None  # of the engine, [7, 7]; None where corrections are not known
    scores: Floats = field(default_factory=lambda: np.empty(0))  # [N], 0-1; empty: not yet known
    gaps: tuple[Gap, ...] = ()  # where it is known why nothing was recorded

    def why_missing(self, start: float, end: float) -> str:
        """Why the seconds from `start` to `end` (epoch s) were not stored; "" if unknown."""
        return next((gap.why for gap in self.gaps if gap.start <= end and gap.end >= start), "")

    def rows(self, part: Recording) -> slice:
        """Which rows of the recording `part` is. `part` is a cut of it that is not empty."""
        low = int(np.searchsorted(self.track.times, part.start))
        return slice(low, low + len(part))


def from_table(table: NDArray[np.int64]) -> Recording:
    """`int64[N, 11]`, one line a row: t, viewers, seven counts, unsure, away; in any order.

    Where several sources recorded the same second, the one that saw most viewers counts.
    """
    if not _is_rising(table[:, 0]):
        table = table[np.lexsort((-table[:, 1], table[:, 0]))]
        table = table[np.diff(table[:, 0], prepend=-1) != 0]
    counts = np.ascontiguousarray(table[:, 2:9])
    return Recording(table[:, 0].copy(), counts, table[:, 9] + table[:, 10], table[:, 1].copy())


def cut(track: Recording, start: float, end: float) -> Recording:
    """The part from `start` to `end`, both included (epoch s)."""
    low = np.searchsorted(track.times, start, side="left")
    high = np.searchsorted(track.times, end, side="right")
    return track.slice(int(low), int(high))


def extend(track: Recording, more: Recording) -> Recording:
    """`track` with `more` behind it; where they overlap, `more` holds."""
    if not len(more):
        return track
    kept = track.slice(0, int(np.searchsorted(track.times, more.start)))
    return Recording(
        np.concatenate([kept.times, more.times]),
        np.concatenate([kept.counts, more.counts]),
        np.concatenate([kept.others, more.others]),
        np.concatenate([kept.viewers, more.viewers]),
    )


def with_scores(recorded: Recorded) -> Recorded:
    """The resonance score of every second worked out; some 5 ms for twelve hours."""
    return replace(recorded, scores=resonance_of(recorded.track))


def resonance_of(track: Recording) -> NDArray[np.float64]:
    """How much the room moved together in the half minute up to each second, `float64[N]`, 0-1.

    NaN where fewer than two viewers were read, or less than ten seconds of the half minute were
    recorded. Who changed is not recorded, so small rooms come out lower than they did live; see
    docs/measures.md.
    """
    first = np.searchsorted(track.times, track.times - WINDOW_S, side="right")
    seconds = np.arange(1.0, len(track) + 1) - first
    found = pairs_of_counts(track.counts.astype(np.float64), first).score(seconds)
    found[(track.counts.sum(axis=1) < 2) | (seconds < LEAST_S)] = np.nan
    return found


def _is_rising(times: NDArray[np.int64]) -> bool:
    return bool((np.diff(times) > 0).all())
