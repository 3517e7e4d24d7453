"""Which frames of a camera are worth reading: as many as are asked for, and of faces that look the
same only some."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Protocol

from resonance_tui.pipeline.playback_clock import LiveClock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WATCH_FPS = 10.0  # frames a second that are compared with the last one that was delivered
LOOK_EVERY_S = 0.8  # after which a frame is delivered, whatever it shows; a track lasts 1.0
SLACK_S = 0.03  # by which such a frame may come early


class Still(Protocol):
    """What the last frame showed."""

    def hold(self, image: NDArray[np.uint8]) -> bool:
        """Whether `image` (H, W, 3) BGR shows the same."""
        ...


class Attention:
    """Used from the camera's thread; times are monotonic s."""

    def __init__(self, fps: float) -> None:
        self._wanted, self._watched = LiveClock(fps), LiveClock(WATCH_FPS)
        self._still: Still | None = None
        self._delivered_at = -inf
        self.held_at = -inf  # when the newest frame came for which `still` held

    def ask(self, fps: float, still: Still | None) -> None:
        """From now on `fps` frames a second. Where `still` holds, one every LOOK_EVERY_S."""
        self._wanted.set_fps(fps)
        self._still = still

    def is_due(self, now: float) -> bool:
        """Whether the frame that comes `now` is worth decoding."""
        return (self._wanted if self._still is None else self._watched).is_due(now)

    def wants(self, image: NDArray[np.uint8], now: float) -> bool:
        """Whether the frame that is due and is decoded is to be delivered."""
        if self._still is not None:
            self._watched.delivered(now)
            if self._is_kept_back(image, now, self._still):
                return False
        self._wanted.delivered(now)
        self._delivered_at = now
        return True

    def _is_kept_back(self, image: NDArray[np.uint8], now: float, still: Still) -> bool:
        if now - self._delivered_at >= LOOK_EVERY_S - SLACK_S:
            return False
        if still.hold(image):
            self.held_at = now
            return True
        return not self._wanted.is_due(now)
