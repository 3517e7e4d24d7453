"""Pure: which frames are delivered: of a recording, which plays in real time, and of a camera."""

from __future__ import annotations

from math import floor, inf

MAX_LATE = 1.0  # s; behind by more than this (the machine slept), go on from where we are
LONGEST_STEP = 60.0  # s between two frames; a larger step is a broken stamp
EPSILON = 1e-6  # s; a frame time that is due but for rounding


class PlaybackClock:
    """One pass through a recording, thinned to at most `fps` frames a second.

    Frames in excess of `fps` are dropped; late ones are not, so a decoder that is slower than the
    recording still delivers up to `fps` frames a second. Behind by more than MAX_LATE the clock
    continues from there, and the recording plays in slow motion.
    """

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._start: float | None = None  # monotonic s at which media time 0 is due
        self._next = 0.0  # media time from which on the next frame is wanted
        self._ready = -inf  # monotonic s from which on a late frame is wanted
        self._shown: float | None = None  # media time of the newest frame that was wanted
        self._shown_at = -inf

    def set_fps(self, fps: float) -> None:
        """Deliver so many frames a second from the newest one on."""
        self._period = 1 / fps
        self._ready = min(self._ready, self._shown_at + self._period)
        if self._shown is not None:
            self._next = self._after(self._shown)

    def early(self, media_time: float, now: float) -> float:
        """Seconds until the frame at `media_time` is due, wanted or not; 0 for a late one."""
        return 0.0 if self._start is None else max(0.0, self._start + media_time - now)

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
        self._next = self._after(media_time)
        self._ready = max(self._ready + self._period, now + wait)
        self._shown, self._shown_at = media_time, now + wait
        return wait

    def _after(self, media_time: float) -> float:
        return (floor(media_time / self._period + EPSILON) + 1) * self._period


class LiveClock:
    """Thins a camera to at most `fps` frames a second, on average over frames that jitter."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._due_before = -inf  # monotonic s, when the newest delivered frame was due

    def set_fps(self, fps: float) -> None:
        """Deliver so many frames a second from the newest one on."""
        self._period = 1 / fps

    def is_due(self, now: float) -> bool:
        """Whether a frame that comes `now` (monotonic s) is wanted."""
        return now >= self._due_before + self._period

    def delivered(self, now: float) -> None:
        """It was. What it was late, up to a period, is made up for by the next ones."""
        is_first = self._due_before == -inf
        due = self._due_before + self._period
        self._due_before = now if is_first else max(due, now - self._period)


class MediaClock:
    """A time that only grows, from the time stamps of a container, which may be wrong.

    `step`: seconds per frame where a stamp is missing or wrong. A jump in the stamps is skipped;
    the clock follows them again from there.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._stamp = self._offset = self._first = 0.0
        self.time: float | None = None
        self.has_jumped = False  # then stamps, and what is computed of them, tell no length

    @property
    def played(self) -> float:
        """Seconds from the first frame to the end of the last one."""
        return 0.0 if self.time is None else self.time - self._first + self._step

    def advance(self, stamp: float) -> None:
        """Step to the next frame, with its stamp in seconds."""
        if self.time is None:
            self.time = self._first = stamp
        else:
            self.time += self._step_to(stamp, self.time)
        self._stamp = stamp

    def _step_to(self, stamp: float, before: float) -> float:
        gone = stamp + self._offset - before
        if 0 < gone < LONGEST_STEP:
            return gone
        step = stamp - self._stamp
        if abs(gone) < 1 or not 0 < step < LONGEST_STEP:  # this one stamp may be wrong
            return self._step
        self._offset = before + step - stamp
        self.has_jumped = True
        return step
