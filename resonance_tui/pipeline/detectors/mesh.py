"""Pure: the square of `alignment` from the 478 landmarks of MediaPipe's face mesh."""

from __future__ import annotations

from math import atan2, cos, sin

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.alignment import BOX_LIFT, BOX_SCALE
from resonance_tui.pipeline.tracker import Detection

# Corners of the eyes; "right" is the person's right, left in the picture.
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)


def from_landmarks(points: NDArray[np.float64], scene: int = 0) -> Detection:
    """The square for MediaPipe's landmarks, (478, 2) pixels; the line of the eyes becomes level."""
    eyes = points[list(LEFT_EYE)].mean(axis=0) - points[list(RIGHT_EYE)].mean(axis=0)
    roll = atan2(eyes[1], eyes[0])
    x0, y0 = points.min(axis=0).tolist()
    x1, y1 = points.max(axis=0).tolist()
    # The box of the levelled face: the upright box of a tilted face is too large.
    turn = np.array([[cos(roll), -sin(roll)], [sin(roll), cos(roll)]])
    level = points @ turn
    low, high = level.min(axis=0), level.max(axis=0)
    side = BOX_SCALE * float((high - low).max())
    centre = turn @ ((low + high) / 2 - [0.0, BOX_LIFT * side])
    return Detection(float(centre[0]), float(centre[1]), side, roll, (x0, y0, x1, y1), scene)
