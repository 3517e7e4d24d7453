"""Which frames of a camera are worth reading: as many as are asked for, and of faces that look the
same only some."""

from __future__ import annotations

from collections.abc import Callable
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
        """Whether `image` shows the same: (H, W, 3) BGR, or grey and then maybe smaller."""
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
        """Whether the frame that comes `now` is worth a glance."""
        return (self._wanted if self._still is None else self._watched).is_due(now)

    def keeps_back(self, glance: Callable[[], NDArray[np.uint8] | None], now: float) -> bool:
        """Whether the frame that is due is not to be delivered. `glance` gives it, or None for one
        that is damaged."""
        if self._still is None:
            return False
        self._watched.delivered(now)
        if now - self._delivered_at >= LOOK_EVERY_S - SLACK_S:
            return False
        image = glance()
        if image is not None and self._still.hold(image):
            self.held_at = now
            return True
        return not self._wanted.is_due(now)

    def delivered(self, now: float) -> None:
        """It was."""
        self._wanted.delivered(now)
        self._delivered_at = now
