"""Pure: the mix of a room over any window of a recording, from running sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.history.recording import Floats, Recording

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """The room over a window of time, for each of K windows."""

    shares: Floats  # (K, 7), each row sums to 1 where anybody was read
    people: Floats  # (K,) mean number who were read
    viewers: Floats  # (K,) mean number in the room
    is_known: Flags  # (K,) half of the window or more was recorded


class WindowSums:
    """Running sums over a track: any window's mix at the cost of two look-ups."""

    def __init__(self, track: Recording) -> None:
        self.times = track.times
        self._counts = np.vstack([np.zeros((1, 7), np.int64), np.cumsum(track.counts, axis=0)])
        self._viewers = np.concatenate([[0], np.cumsum(track.viewers)])

    def mix(self, start: Ints, span_s: int) -> Mix:
        """Over the seconds from `start` (K,) to `start + span_s - 1`."""
        low = np.searchsorted(self.times, start)
        high = np.searchsorted(self.times, start + span_s)
        counts = self._counts[high] - self._counts[low]
        rows = np.maximum(high - low, 1)
        total = counts.sum(axis=1)
        return Mix(
            counts / np.maximum(total, 1)[:, None],
            total / rows,
            (self._viewers[high] - self._viewers[low]) / rows,
            (high - low) * 2 >= span_s,
        )
