"""Notices that a camera is too slow for the engine's clips. Pure: time is an argument."""

from __future__ import annotations

import math

HUNGRY_AFTER_S = 5.0  # of a face in view, of which no clip comes
GONE_AFTER_S = 2.0  # without a face: the count begins anew


class FrameRateMonitor:
    """Told of every face that is seen. `least_fps`: below that no clip comes together."""

    def __init__(self, engine: str, least_fps: float) -> None:
        self._engine, self._least_fps = engine, least_fps
        self._since = self._at = -math.inf
        self._frames = 0
        self._is_said = False

    def saw(self, at: float, *, is_fed: bool) -> str:
        """What the person should know, once; "" otherwise. `at` in monotonic s; `is_fed`: a clip
        came of it, or one is being judged."""
        if is_fed or at - self._at > GONE_AFTER_S:
            self._since, self._frames = at, 0
            self._is_said = self._is_said and not is_fed
        else:
            self._frames += 1
        self._at = at
        if self._is_said or at - self._since < HUNGRY_AFTER_S:
            return ""
        self._is_said = True
        return (
            f"{self._engine} gets {self._frames / (at - self._since):.1f} frames of a face a "
            f"second; its clips need {self._least_fps:.1f} or more, without gaps."
        )


def too_slow_for(engine: str, fps: float | None, least_fps: float) -> str:
    """What the person who chose `fps` (None: nobody did) should know; "" where it is enough."""
    if fps is None or fps >= least_fps:
        return ""
    return f"camera.fps is {fps:g}; the clips of {engine} need {least_fps:g} or more."
