"""Pure: which reason for being unsure a person is told, of those that single pictures give."""

from __future__ import annotations

import math

from resonance_tui.engines.base import Flaw

FLAW_HOLDS_S = 0.7  # for which a reason has to hold before it is told, or no longer
SMALL_SIDE = 44.0  # pixels of a face; a blurred one below is too small, not out of focus


def named(flaw: Flaw, side: float) -> Flaw:
    """The same of a face whose square has `side` pixels in the camera's picture."""
    return Flaw.SMALL if flaw is Flaw.BLURRED and side < SMALL_SIDE else flaw


class SteadyFlaw:
    """The reason that has held for a while. Times are seconds on any one clock."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Another person is in view, or nobody."""
        self.told = Flaw.NONE
        self._newest, self._since = Flaw.NONE, -math.inf

    def see(self, flaw: Flaw, at: float) -> None:
        """What is amiss in the picture of `at`."""
        if flaw is not self._newest:
            self._newest, self._since = flaw, at
        if at - self._since >= FLAW_HOLDS_S:
            self.told = flaw
