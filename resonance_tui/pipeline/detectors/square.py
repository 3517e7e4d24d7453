"""Pure: a turned square in a picture, from which landmarks are read."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Square:
    """Pixels of the picture."""

    cx: float
    cy: float
    side: float
    roll: float  # radians by which its upper edge falls towards the picture's right

    def to_image(self, size: int) -> NDArray[np.float64]:
        """(2, 3): maps points of the square cut out at `size` pixels to the picture."""
        scale = self.side / size
        c, s = scale * cos(self.roll), scale * sin(self.roll)
        half = size / 2
        return np.array(
            [[c, -s, self.cx - half * (c - s)], [s, c, self.cy - half * (s + c)]], np.float64
        )

    def moved(self, down: float) -> Square:
        """The square further down its own upright axis, by a part of its side."""
        length = down * self.side
        cx, cy = self.cx - length * sin(self.roll), self.cy + length * cos(self.roll)
        return Square(cx, cy, self.side, self.roll)

    def scaled(self, k: float) -> Square:
        """The same place in a picture that is `k` times as large."""
        return Square(self.cx * k, self.cy * k, self.side * k, self.roll)
