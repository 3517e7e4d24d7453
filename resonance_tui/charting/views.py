"""Pure: the ways to look at a recording, and the lines that each of them draws."""

from __future__ import annotations

from enum import Enum

import numpy as np

from resonance_tui.charting.legend import CLASSES, GROUPS, SCORE, VIEWERS, LegendEntry, collect
from resonance_tui.charting.series import (
    Grid,
    Series,
    means,
    min_max,
    parted,
)
from resonance_tui.history.recording import Floats, Recorded, Recording
from resonance_tui.room.correction import LEAST_VIEWERS, correct_counts


class View(Enum):
    """The value says what the left edge of the chart counts."""

    EMOTIONS = "viewers per emotion"
    SHARES = "% of the room"
    VIEWERS = "viewers"
    SCORE = "resonance, 0 to 100"

    def step(self, by: int) -> View:
        """The next one, or the one before, around and around."""
        views = list(View)
        return views[(views.index(self) + by) % len(views)]

    @property
    def is_of_emotions(self) -> bool:
        return self in (View.EMOTIONS, View.SHARES)


def bands_of(view: View, is_grouped: bool) -> tuple[LegendEntry, ...]:
    if view is View.VIEWERS:
        return VIEWERS
    if view is View.SCORE:
        return SCORE
    return GROUPS if is_grouped else CLASSES


def series_of(
    recorded: Recorded, view: View, grid: Grid, *, is_grouped: bool, is_corrected: bool
) -> Series:
    """The lines of a view, in the order of its bands.

    Shares are means in per cent of everyone present, 0 to 100. Corrected lines are means with the
    edges of their 95 % band; they are NaN where fewer than LEAST_VIEWERS showed an emotion.
    """
    track, bands = recorded.track, bands_of(view, is_grouped)
    if view is View.VIEWERS:
        return min_max(np.stack([track.viewers, track.viewers - track.others], axis=1), grid)
    if view is View.SCORE:
        known = recorded.scores if len(recorded.scores) else np.full(len(track), np.nan)
        return min_max(100 * known[:, None], grid)
    if is_corrected and recorded.confusion is not None:
        found = _corrected(track, grid, bands, recorded.confusion)
        return _per_cent(found, track, grid) if view is View.SHARES else found
    if view is View.EMOTIONS:
        return min_max(collect(track.counts, bands), grid)
    mean = collect(means(track.counts, grid), bands).T
    return _per_cent(Series(grid.times, mean, mean, mean, grid.starts), track, grid)


def mean_counts(
    recorded: Recorded, part: Recording, bands: tuple[LegendEntry, ...], *, is_corrected: bool
) -> tuple[Floats, Floats, Floats]:
    """Mean viewers per band over `part` with the edges of their error band, `[K]` each.

    NaN where `part` is empty, or corrected means cannot be told; the edges are the mean where
    nothing is corrected.
    """
    everything = Grid(np.zeros(1), 1.0, np.array([0, len(part)]))
    if is_corrected and recorded.confusion is not None:
        found = _corrected(part, everything, bands, recorded.confusion)
        return found.mean[:, 0], found.low[:, 0], found.high[:, 0]
    mean = collect(means(part.counts, everything), bands)[0]
    return mean, mean, mean


def is_too_small(part: Recording) -> bool:
    """No second of it has enough viewers for a correction."""
    return not len(part) or int(part.counts.sum(axis=1).max()) < LEAST_VIEWERS


def _corrected(
    track: Recording, grid: Grid, bands: tuple[LegendEntry, ...], confusion: Floats
) -> Series:
    """The error bands of a group's members add up like those of independent numbers, which is
    rather too wide: members are mistaken for each other."""
    found = correct_counts(means(track.counts, grid), confusion)
    mean = collect(found.counts, bands).T
    below = np.sqrt(collect((found.counts - found.low) ** 2, bands)).T
    above = np.sqrt(collect((found.high - found.counts) ** 2, bands)).T
    return Series(grid.times, mean, np.maximum(mean - below, 0), mean + above, parted(grid, mean))


def _per_cent(found: Series, track: Recording, grid: Grid) -> Series:
    """Of everyone present, unsure and away included; NaN where nobody was."""
    with np.errstate(invalid="ignore"):
        present = means(track.viewers[:, None], grid).T
        percent = np.where(present > 0, 100 / np.maximum(present, 1e-9), np.nan)
        mean, low, high = (percent * lines for lines in (found.mean, found.low, found.high))
    return Series(grid.times, mean, low, high, parted(grid, mean))
