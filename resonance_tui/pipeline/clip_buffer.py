"""Pure: time-stamped crops of one face in, clips of a fixed length and rate out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

STRETCH = 2.0  # a clip may take this many times its nominal span when the camera is slow
DENSITY = 4  # crops kept per wanted frame; more would only fill memory


def least_rate(frames: int, rate: float) -> float:
    """Frames a second below which no clip of `frames` at `rate` comes together."""
    return rate / STRETCH if frames > 1 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """T different moments of one person."""

    frames: NDArray[np.uint8]  # (T, H, W, 3)
    times: tuple[float, ...]  # monotonic s, growing
    track: int


class ClipBuffer:
    """The last moments of one face. Never a frame twice in a clip, never two people.

    `frames` (T >= 1) frames spaced `rate` a second. `max_gap` (s): how long ago the newest crop
    may be, and how long nothing may have been seen within a clip.
    """

    def __init__(self, frames: int, rate: float, *, max_gap: float = 0.5) -> None:
        if frames < 1 or rate <= 0:
            raise ValueError("a clip has at least one frame and a positive rate")
        self._count = frames
        self._step = 1 / rate
        self._max_gap = max_gap
        self._span = (frames - 1) * self._step
        self._kept: deque[tuple[float, NDArray[np.uint8]]] = deque()
        self._track: int | None = None

    def add(self, crop: NDArray[np.uint8], at: float, track: int) -> None:
        """One crop (H, W, 3), taken at `at` (monotonic s). Another track starts anew."""
        if track != self._track or (self._kept and self._kept[-1][1].shape != crop.shape):
            self.clear()
            self._track = track
        if self._kept and at - self._kept[-1][0] < self._step / DENSITY:
            return
        self._kept.append((at, crop))
        while self._kept[0][0] < at - STRETCH * self._span - self._step:
            self._kept.popleft()

    def clip(self, now: float) -> Clip | None:
        """The newest clip, or None while there are not enough real frames for one."""
        if self._track is None or not self._kept or now - self._kept[-1][0] > self._max_gap:
            return None
        times = [at for at, _ in self._kept]
        chosen = self._choose(times)
        if chosen is None or not self._is_even([times[i] for i in chosen]):
            return None
        frames = np.stack([self._kept[i][1] for i in chosen])
        return Clip(frames, tuple(times[i] for i in chosen), self._track)

    def clear(self) -> None:
        """Forget everything: the camera was switched off, or another person came."""
        self._kept.clear()
        self._track = None

    def _choose(self, times: list[float]) -> list[int] | None:
        """For each wanted moment the nearest frame that no later moment has taken."""
        if len(times) < self._count:
            return None
        chosen, free = [len(times) - 1], len(times) - 1
        for back in range(1, self._count):
            wanted = times[-1] - back * self._step
            needed = self._count - 1 - back  # frames that must be left for earlier moments
            free = min(range(needed, free), key=lambda i: abs(times[i] - wanted))
            chosen.append(free)
        return chosen[::-1]

    def _is_even(self, times: list[float]) -> bool:
        span = times[-1] - times[0]
        widest = max((b - a for a, b in pairwise(times)), default=0.0)
        return self._span - self._step / 2 <= span <= STRETCH * self._span and widest <= max(
            self._max_gap, 1.5 * self._step
        )
