"""Pure: whether what was seen of a place is enough to call it a face.

Half a face, or one in the dark, is not seen clearly by any one look; lettering is seen clearly by
some. So several go together: how surely the landmarks' network sees a face in several squares and
in a mirror image, how surely BlazeFace does from near and from further away, and whether the
landmarks stay where they are when the square that they are read from moves. On a face they do; on
a pattern they go along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import mean

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = -4.0, 9.0  # nats; what one presence may weigh
SCORE_WEIGHT, USUAL_SCORE = 30.0, 0.5  # nats of a score, which stays within .3 to .95
STRAY_WEIGHT, USUAL_STRAY = 300.0, 0.03  # nats of landmarks that stray by a side of the face
FACE = 12.0  # nats; on cuts of the shared films without a face there are up to 11.8
STILL_FACE = 0.0  # where one was a moment ago


@dataclass(frozen=True, slots=True)
class Looks:
    """What was seen of one place."""

    presences: tuple[float, ...]  # the landmarks', 0-1
    scores: tuple[float, ...]  # BlazeFace's, 0-1
    stray: float  # see `stray`

    @property
    def evidence(self) -> float:
        """Nats that speak for a face."""
        weights = [min(max(_logit(each), LEAST), MOST) for each in self.presences]
        clear = SCORE_WEIGHT * (mean(self.scores) - USUAL_SCORE)
        steady = STRAY_WEIGHT * (USUAL_STRAY - self.stray)
        return mean(weights) + clear + steady


def stray(readings: Sequence[NDArray[np.float64]], side: float) -> float:
    """How far landmarks (N, 2) that were read several times lie from their means: the root mean
    square, in sides of the face."""
    points = np.stack(readings)
    squares = ((points - points.mean(axis=0)) ** 2).sum(axis=-1)
    return float(np.sqrt(squares.mean())) / side


def _logit(share: float) -> float:
    """Of 0..1, both ends included."""
    kept = min(max(share, 1e-9), 1 - 1e-9)
    return log(kept / (1 - kept))
