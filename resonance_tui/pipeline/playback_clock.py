"""Which frames of a recording are shown, and when, so that it plays in real time."""

from __future__ import annotations

from math import floor, inf

MAX_LATE = 1.0  # s; behind by more than this (the machine slept), go on from where we are
EPSILON = 1e-6  # s; a frame time that is due but for rounding


class PlaybackClock:
    """One pass through a recording, thinned to at most `fps` frames a second.

    A decoder that is slower than the recording still delivers up to `fps` of the frames it makes:
    what is too many is dropped, never what is merely late. It lags behind by MAX_LATE at most, in
    the recording's own time; then the recording runs on from there, in slow motion.
    """

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._start: float | None = None  # monotonic s at which media time 0 is due
        self._next = 0.0  # media time from which on the next frame is wanted
        self._ready = -inf  # monotonic s from which on a late frame is wanted

    def wait(self, media_time: float, now: float) -> float | None:
        """Seconds until the frame at `media_time` is due; None when it is to be skipped."""
        if self._start is None:
            self._start = now - media_time
        late = now - (self._start + media_time)
        if late > MAX_LATE:
            self._start = now - media_time
        if late > self._period + EPSILON:
            is_wanted = now >= self._ready - EPSILON
        else:
            is_wanted = media_time >= self._next - EPSILON
        return self._show(media_time, now, max(0.0, -late)) if is_wanted else None

    def _show(self, media_time: float, now: float, wait: float) -> float:
        self._next = (floor(media_time / self._period + EPSILON) + 1) * self._period
        self._ready = max(self._ready + self._period, now + wait)
        return wait
