"""Pure: the resonance score of every recorded second, from the counts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.room.resonance import LEAST_S, WINDOW_S, pairs_of_counts

if TYPE_CHECKING:
    from resonance_tui.charting.series import Recording


def scores(track: Recording) -> NDArray[np.float64]:
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
