"""Which frames of a recording are shown, and when, so that it plays in real time."""

from __future__ import annotations

from math import floor

MAX_LATE = 1.0  # s; behind by more than this (the machine slept), go on from where we are
EPSILON = 1e-6  # s; a frame time that is due but for rounding


class PlaybackClock:
    """One pass through a recording, thinned to at most `fps` frames a second."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._start: float | None = None  # monotonic s at which media time 0 is due
        self._next = 0.0  # media time from which on the next frame is wanted

    def wait(self, media_time: float, now: float) -> float | None:
        """Seconds until the frame at `media_time` is due; None when it is to be skipped."""
        if self._start is None:
            self._start = now - media_time
        if media_time < self._next - EPSILON:
            return None
        late = now - (self._start + media_time)
        if late > MAX_LATE:
            self._start = now - media_time
            late = 0.0
        elif late > self._period:
            return None
        self._next = (floor(media_time / self._period + EPSILON) + 1) * self._period
        return max(0.0, -late)
