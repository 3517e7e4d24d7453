"""Pure: the resonance score of every recorded second, from the counts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.room.resonance import CHANCE, LEAST_S, WINDOW_S

if TYPE_CHECKING:
    from resonance_tui.history.charts import Track


def scores(track: Track) -> NDArray[np.float64]:
    """How much the room moved together in the half minute up to each second, `float64[N]`, 0-1.

    NaN where fewer than two viewers were read, or less than ten seconds of the half minute were
    recorded. Who changed is not recorded, so small rooms come out lower than they did live; see
    docs/measures.md.
    """
    now = np.arange(1, len(track) + 1)
    first = np.searchsorted(track.times, track.times - WINDOW_S, side="right")
    shown = track.counts.sum(axis=1)
    seconds = now - first
    counts = _over_windows(track.counts, first, now)
    people = _over_windows(shown, first, now)
    same = _over_windows((track.counts * (track.counts - 1)).sum(axis=1), first, now)
    pairs = _over_windows(shown * (shown - 1), first, now)
    same_ever = (counts * counts).sum(axis=1) - people
    ever = people * people - people
    found = _scores(same, pairs, same_ever, ever, seconds)
    found[(shown < 2) | (seconds < LEAST_S)] = np.nan
    return found


def _over_windows(
    values: NDArray[np.int64], first: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Sums of rows `first` to `end` - 1."""
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    return sums[end] - sums[first]


def _scores(
    same: NDArray[np.int64],
    pairs: NDArray[np.int64],
    same_ever: NDArray[np.int64],
    ever: NDArray[np.int64],
    seconds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """`room.resonance.Pairs.score` for many windows at once; 0 where nothing moved."""
    differ_ever = ever - same_ever
    per_second = np.maximum(pairs, 1) / (2 * np.maximum(seconds, 1))
    kappa = 1.0 - (pairs - same) / np.maximum(pairs, 1) * ever / np.maximum(differ_ever, 1)
    by_chance = np.minimum(CHANCE * np.sqrt(WINDOW_S / seconds / per_second), 0.9)
    above = np.where(differ_ever > 0, np.maximum(kappa - by_chance, 0.0), 0.0)
    return np.sqrt(above / (1.0 - by_chance))
