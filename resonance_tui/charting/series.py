"""Pure: a recording resampled for a chart, so that peaks stay and gaps are gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.history.recording import Floats, Recording

Numbers = NDArray[np.int64] | NDArray[np.float64]

BRIDGE_S = 5  # shorter pauses are bridged; longer ones are gaps
UNUSUAL = 2.5  # times what a line's highest seconds usually rise above their means: a spike
LEAST_RISE = 0.1  # of what a line covers; a lower spike would not catch the eye


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Equal buckets of time over a part of a recording."""

    times: Floats  # (B,) middles of the buckets, epoch s
    bounds: NDArray[np.int64]  # (B + 1,) bucket b holds rows bounds[b] to [b + 1] - 1
    starts: frozenset[int] = frozenset()  # buckets that nothing joins to the one before

    @property
    def rows(self) -> NDArray[np.int64]:
        """(B,) recorded seconds per bucket."""
        return np.diff(self.bounds)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """K lines over B buckets, each array `float64[K, B]`. NaN where nothing was recorded.

    After `min_max`, `low` and `high` are the lowest and the highest second of each bucket; after a
    correction they are the edges of its error band.
    """

    times: Floats  # (B,)
    mean: Floats
    low: Floats
    high: Floats
    starts: frozenset[int] = frozenset()


def grid(track: Recording, start: float, end: float, bins: int) -> Grid:
    """At most `bins` buckets from `start` to `end`, none shorter than a second."""
    span = end - start + 1  # the last second belongs to it
    bins = max(1, min(bins, int(span)))
    width = span / bins
    edges = start + width * np.arange(bins + 1)
    bounds = np.searchsorted(track.times, edges)
    bounds[-1] = np.searchsorted(track.times, end, side="right")
    times: Floats = start + width * (np.arange(bins, dtype=np.float64) + 0.5) - 0.5
    return Grid(times, bounds, _after_gaps(track, bounds, width))


def min_max(values: Numbers, grid: Grid) -> Series:
    """Min-max resampling of `values[N, K]`, one row a recorded second: the mean, the lowest
    and the highest second of each bucket, so that no second is too short to be seen.

    NaN in `values` is a second that is not known.
    """
    rows = grid.rows
    known = np.flatnonzero(rows)
    found = np.full((3, values.shape[1], len(rows)), np.nan)
    if len(known):
        part = values[grid.bounds[0] : grid.bounds[-1]]
        at = grid.bounds[known] - grid.bounds[0]
        found[0][:, known] = _means(part, at, rows[known]).T
        found[1][:, known] = np.fmin.reduceat(part, at).T
        found[2][:, known] = np.fmax.reduceat(part, at).T
    return Series(grid.times, found[0], found[1], found[2], parted(grid, found[0]))


def means(values: Numbers, grid: Grid) -> Floats:
    """Mean of `values[N, K]` per bucket, `float64[B, K]`; NaN where nothing was recorded."""
    rows = grid.rows
    known = np.flatnonzero(rows)
    found = np.full((len(rows), values.shape[1]), np.nan)
    if len(known):
        part = values[grid.bounds[0] : grid.bounds[-1]]
        found[known] = _means(part, grid.bounds[known] - grid.bounds[0], rows[known])
    return found


def parted(grid: Grid, lines: Floats) -> frozenset[int]:
    """The buckets that begin a piece of these lines `[K, B]`: after a gap, or after what was
    recorded and cannot be told."""
    is_untold = np.isnan(lines).all(axis=0) & (grid.rows > 0)
    return grid.starts | frozenset((np.flatnonzero(is_untold) + 1).tolist())


def stacked(lines: Floats) -> Floats:
    """Each line on top of those before it: the upper edges of a stack, `float64[K, B]`."""
    return np.cumsum(lines, axis=0)


def spikes(mean: Floats, high: Floats) -> list[int]:
    """Buckets of one line in which a second stands out too far for the means to tell of it.

    The highest second of all is always told. Others rise far above the means of their bucket and
    its neighbours, by the standard of this line: plain noise draws nothing, nor does a slope.
    """
    around = np.concatenate([[np.nan], mean, [np.nan]])
    rise = high - np.fmax(np.fmax(around[:-2], around[2:]), mean)
    if not np.isfinite(rise).any():
        return []
    usual = float(np.nanmedian(high - mean))
    least = max(UNUSUAL * usual, LEAST_RISE * float(np.nanmax(high) - np.nanmin(mean)))
    found = set(np.flatnonzero(rise > least).tolist())
    top = int(np.nanargmax(high))
    return sorted(found | {top} if rise[top] > 0 else found)


def pieces(line: Floats, starts: frozenset[int]) -> list[NDArray[np.intp]]:
    """The buckets of each unbroken piece of a line; a gap in the recording is a gap in the line."""
    known = np.flatnonzero(np.isfinite(line))
    if not len(known):
        return []
    begun = np.isin(np.arange(len(line)), list(starts)).cumsum()[known]
    return np.split(known, np.flatnonzero(np.diff(begun)) + 1)


def _means(values: Numbers, at: NDArray[np.int64], rows: NDArray[np.int64]) -> Floats:
    if values.dtype.kind == "i":
        return np.add.reduceat(values, at) / rows[:, None]
    is_known = np.isfinite(values)
    sums = np.add.reduceat(np.where(is_known, values, 0.0), at)
    count = np.add.reduceat(is_known.astype(np.int64), at)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _after_gaps(track: Recording, bounds: NDArray[np.int64], width: float) -> frozenset[int]:
    """Which buckets begin after a pause that a line must not cross."""
    times = track.times[bounds[0] : bounds[-1]]
    after: NDArray[np.int64] = (
        np.flatnonzero(np.diff(times) > max(BRIDGE_S, width / 2)) + 1 + bounds[0]
    )
    place = np.searchsorted(bounds, after, side="right") - 1
    before = np.searchsorted(bounds, after - 1, side="right") - 1
    return frozenset(place[place > before].tolist())
