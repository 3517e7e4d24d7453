"""When a viewer answers roll calls: soon, not all viewers at once, and not too often."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

FIRST_S, LAST_S = 0.1, 1.2  # after a call; at random between them
GAP_S = 3.0  # between two answers; a call sooner than that is answered at its end


class RollCallAnswers:
    """Times are monotonic seconds. One answer serves every call made before it, so a call is
    answered after `GAP_S` at most, whoever else calls."""

    def __init__(self, draw: Callable[[float, float], float] = random.uniform) -> None:
        self._draw = draw
        self._at = -math.inf  # of the last answer, or of the one to come

    def called(self, now: float) -> float | None:
        """Seconds until the report is to be repeated; None where that is coming anyway."""
        if self._at > now:
            return None
        self._at = max(now + self._draw(FIRST_S, LAST_S), self._at + GAP_S)
        return self._at - now
