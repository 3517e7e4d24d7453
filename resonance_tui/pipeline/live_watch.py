"""Pure: how a live camera is doing: how many pictures it gives, and whether they still change."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FROZEN_AFTER_S = 5.0  # of pictures that are the same to the bit; a lens in the dark has noise
FROZEN_LEAST = 4  # pictures; a slow camera is not a frozen one
SAMPLES = (24, 32)  # rows and columns of a picture that are compared
WINDOW_S = 5.0  # over which the rate is taken
RATED_AFTER_S = 1.0
SLOW_FPS, BRISK_FPS = 5.0, 6.0  # below the first it is slow, until it reaches the second
FRAMES_TO_TELL = 2  # after a change of face, where a frame is longer than any transient


class LiveWatch:
    """Takes in the pictures of one camera from the moment it is opened. Keeps none of them."""

    def __init__(self) -> None:
        self._at: deque[float] = deque()
        self._print: int | None = None  # of the newest picture that differed from the one before
        self._same_since, self._same = 0.0, 0
        self.is_slow = False

    def came(self, now: float) -> None:
        """A picture has arrived at `now` (monotonic s), whether or not it is looked at."""
        self._at.append(now)
        while now - self._at[0] > WINDOW_S:
            self._at.popleft()
        if (fps := self.fps) is not None and now - self._at[0] > WINDOW_S / 2:
            self.is_slow = fps < (BRISK_FPS if self.is_slow else SLOW_FPS)

    @property
    def fps(self) -> float | None:
        """Pictures a second of late; None while that is not known."""
        spent = self._at[-1] - self._at[0] if self._at else 0.0
        return (len(self._at) - 1) / spent if spent >= RATED_AFTER_S else None

    def is_frozen(self, image: NDArray[np.uint8], now: float) -> bool:
        """Whether the camera hands out one picture for ever: this one (H, W, 3), at `now`."""
        found = fingerprint(image)
        if found != self._print:
            self._print, self._same_since, self._same = found, now, 0
        self._same += 1
        return self._same >= FROZEN_LEAST and now - self._same_since >= FROZEN_AFTER_S


def fingerprint(image: NDArray[np.uint8]) -> int:
    """A hash of some of its pixels: two pictures of a real lens never have the same."""
    rows, columns = (max(1, n // m) for n, m in zip(image.shape[:2], SAMPLES, strict=True))
    return hash(image[::rows, ::columns].tobytes())


def seconds_to_tell(fps: float) -> float:
    """From a changed face to a changed report, where the camera gives so few pictures."""
    return FRAMES_TO_TELL / fps
