"""Pure: how the lines of the views are computed over the buckets of a grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from resonance_tui.charting.series import Grid, Numbers, Series, means, min_max, parted
from resonance_tui.charting.views import CLASSES, Legend, LineFunction, ViewSpec
from resonance_tui.history.recording import Floats, Recorded, Recording
from resonance_tui.room.correction import LEAST_VIEWERS, correct_counts

Number = TypeVar("Number", np.int64, np.float64)


def measured(
    values: Callable[[Recorded], Numbers],
) -> LineFunction:
    """Lines of what is known of each second: `values` gives `[N, K]`, a row for each of the
    recording's."""
    return lambda recorded, grid, _legend, _is_corrected: min_max(values(recorded), grid)


def counts(recorded: Recorded, grid: Grid, legend: Legend, is_corrected: bool) -> Series:
    if is_corrected and recorded.confusion is not None:
        return _corrected(recorded.track, grid, legend, recorded.confusion)
    return min_max(collect(recorded.track.counts, legend), grid)


def shares(recorded: Recorded, grid: Grid, legend: Legend, is_corrected: bool) -> Series:
    """Means in per cent of everyone present, 0 to 100."""
    track = recorded.track
    if is_corrected and recorded.confusion is not None:
        return _per_cent(_corrected(track, grid, legend, recorded.confusion), track, grid)
    mean = collect(means(track.counts, grid), legend).T
    return _per_cent(Series(grid.times, mean, mean, mean, grid.starts), track, grid)


@measured
def viewers(recorded: Recorded) -> Numbers:
    track = recorded.track
    return np.stack([track.viewers, track.viewers - track.others], axis=1)


@measured
def scores(recorded: Recorded) -> Floats:
    known = recorded.scores if len(recorded.scores) else np.full(len(recorded.track), np.nan)
    return 100 * known[:, None]


def means_over(
    recorded: Recorded, view: ViewSpec, part: Recording, *, is_grouped: bool, is_corrected: bool
) -> tuple[Floats, Floats, Floats]:
    """Mean of each line over `part` with the edges of its error band, `[K]` each.

    Views of emotions are told in viewers whatever their unit. NaN where `part` is empty, or
    corrected means cannot be told; the edges are the mean where nothing is corrected.
    """
    legend = view.legend(is_grouped=is_grouped)
    if not len(part):
        nothing = np.full(len(legend), np.nan)
        return nothing, nothing, nothing
    rows = recorded.rows(part)
    whole = Grid(np.zeros(1), np.array([rows.start, rows.stop]))
    function = counts if view.is_of_emotions else view.load()
    found = function(recorded, whole, legend, is_corrected)
    mean = found.mean[:, 0]
    if is_corrected and view.is_of_emotions and recorded.confusion is not None:
        return mean, found.low[:, 0], found.high[:, 0]
    return mean, mean, mean


def is_too_small(part: Recording) -> bool:
    """No second of it has enough viewers for a correction."""
    return not len(part) or int(part.counts.sum(axis=1).max()) < LEAST_VIEWERS


def collect(counts: NDArray[Number], legend: Legend) -> NDArray[Number]:
    """`[N, 7]` by emotion to `[N, K]` by line."""
    if legend is CLASSES:
        return counts
    return np.stack([counts[:, list(entry.codes)].sum(axis=1) for entry in legend], axis=1)


def _corrected(track: Recording, grid: Grid, legend: Legend, confusion: Floats) -> Series:
    """Means with the edges of their 95 % band; NaN where fewer than LEAST_VIEWERS showed an
    emotion.

    The error bands of a group's members add up like those of independent numbers, which is rather
    too wide: members are mistaken for each other.
    """
    found = correct_counts(means(track.counts, grid), confusion)
    mean = collect(found.counts, legend).T
    below = np.sqrt(collect((found.counts - found.low) ** 2, legend)).T
    above = np.sqrt(collect((found.high - found.counts) ** 2, legend)).T
    return Series(grid.times, mean, np.maximum(mean - below, 0), mean + above, parted(grid, mean))


def _per_cent(found: Series, track: Recording, grid: Grid) -> Series:
    """Of everyone present, unsure and away included; NaN where nobody was."""
    with np.errstate(invalid="ignore"):
        present = means(track.viewers[:, None], grid).T
        percent = np.where(present > 0, 100 / np.maximum(present, 1e-9), np.nan)
        mean, low, high = (percent * lines for lines in (found.mean, found.low, found.high))
    return Series(grid.times, mean, low, high, parted(grid, mean))
