"""Pure: time-stamped crops of one face in, clips of a fixed length and rate out; and a notice
where the camera is too slow for them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from resonance_tui.texts import tr

STRETCH = 2.0  # a clip may take this many times its nominal span when the camera is slow
DENSITY = 4  # crops kept per wanted frame; more would only fill memory
WARN_AFTER_S = 5.0  # s with a face in view and no clip
GONE_AFTER_S = 2.0  # s without a face after which the count starts again


def least_rate(frames: int, rate: float) -> float:
    """Frames a second below which no clip of `frames` at `rate` comes together."""
    return rate / STRETCH if frames > 1 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """T different moments of one person. Lives in memory only."""

    frames: NDArray[np.uint8]  # (T, H, W, 3)
    times: tuple[float, ...]  # monotonic s, growing
    track: int


class ClipBuffer:
    """The newest crops of one face. No frame is twice in a clip, no clip shows two people.

    A clip has `frames` (T >= 1) frames at `rate` a second. `max_gap` (s): the oldest that the
    newest crop may be, and the longest pause within a clip. Crops are dropped once they are older
    than STRETCH times the span of a clip, and all of them once no clip can use them any more.
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
        """One crop (H, W, 3), taken at `at` (monotonic s). Another track drops what was kept."""
        if track != self._track or (self._kept and self._kept[-1][1].shape != crop.shape):
            self.clear()
            self._track = track
        is_dense = bool(self._kept) and at - self._kept[-1][0] < self._step / DENSITY
        if is_dense and self._count > 1:  # a clip of one frame is always of the newest
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

    def expire(self, now: float) -> None:
        """No face at `now` (monotonic s): drop every crop, if no later clip can hold one."""
        if self._kept and now - self._kept[-1][0] > max(self._max_gap, 1.5 * self._step):
            self.clear()

    def clear(self) -> None:
        """Drop every crop: the camera is off, or another person is in view."""
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


class FrameRateMonitor:
    """Notices a camera that is too slow for the engine's clips.

    `least_fps`: frames a second below which no clip comes together; see `least_rate`.
    """

    def __init__(self, engine: str, least_fps: float) -> None:
        self._engine, self._least_fps = engine, least_fps
        self._since = self._at = -math.inf
        self._frames = 0
        self._has_warned = False

    def face_seen(self, at: float, *, has_clip: bool) -> str:
        """Take in one frame with a face. Returns a notice once, "" otherwise.

        `at`: monotonic s; `has_clip`: the frame completed a clip, or a prediction is running.
        """
        if has_clip or at - self._at > GONE_AFTER_S:
            self._since, self._frames = at, 0
            self._has_warned = self._has_warned and not has_clip
        else:
            self._frames += 1
        self._at = at
        if self._has_warned or at - self._since < WARN_AFTER_S:
            return ""
        self._has_warned = True
        return tr(
            "{engine} gets {fps:.1f} frames of a face a second; "
            "its clips need {least:.1f} or more, without gaps.",
            engine=self._engine,
            fps=self._frames / (at - self._since),
            least=self._least_fps,
        )


def too_slow_for(engine: str, fps: float | None, least_fps: float) -> str:
    """A notice about a configured `fps` (None: not configured); "" where it is enough."""
    if fps is None or fps >= least_fps:
        return ""
    return tr(
        "camera.fps is {fps:g}; the clips of {engine} need {least:g} or more.",
        fps=fps,
        engine=engine,
        least=least_fps,
    )
