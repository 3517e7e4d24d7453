"""Pure: the recorded counts with the engine's known mistakes taken out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.room.correction import Corrected, correct_counts

if TYPE_CHECKING:
    from resonance_tui.charting.series import Recording


def correct(track: Recording, confusion: NDArray[np.float64]) -> Corrected:
    """Counts, low and high ends of the 95 % band, `float64[N, 7]` each, one row a second.

    `confusion`: pictures per emotion shown (rows) and read (columns), `[7, 7]`. NaN in seconds in
    which fewer than `room.correction.LEAST_VIEWERS` viewers showed an emotion. Takes some 10 µs a
    second; for a chart of a long time correct the means of its buckets with `correct_counts`.
    Raises ValueError where `confusion` is no such matrix.
    """
    return correct_counts(track.counts.astype(np.float64), confusion)
