"""A still that acts as a webcam's picture: what the whole face path reads, detector included.
Pictures stay in memory."""

from __future__ import annotations

import cv2
import numpy as np
from acted_faces import NOISE, Film, Picture

SIDE = 240  # pixels of the face in the picture
MARGIN = 24  # pixels of the still's 48 that are added on each side, of its own edge
WIDTH, HEIGHT = 640, 480
SHIFTS = 97  # different offsets into the noise, so that no two neighbouring frames are equal


class ActedCapture:
    """A Capture over one Film; always the same pictures."""

    is_recording = True

    def __init__(self, film: Film) -> None:
        self._film, self._index = film, -1
        shape = (HEIGHT + SHIFTS, WIDTH + SHIFTS, 3)
        self._noise = np.random.default_rng(1906).normal(0, NOISE / 2, shape).astype(np.int16)

    def grab(self) -> bool:
        self._index += 1
        return self._index < self._film.frames

    def retrieve(self) -> Picture | None:
        face = np.pad(self._film.face(self._index, NOISE / 4), MARGIN, mode="edge")
        large = cv2.resize(face, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_CUBIC)
        beside = (WIDTH - 2 * SIDE) // 2
        scene = cv2.copyMakeBorder(large, 0, 0, beside, beside, cv2.BORDER_REPLICATE)
        shift = 7 * self._index % SHIFTS
        noise = self._noise[shift : shift + HEIGHT, shift : shift + WIDTH]
        colour = cv2.cvtColor(scene, cv2.COLOR_GRAY2BGR)
        return np.asarray(cv2.add(colour, noise, dtype=cv2.CV_8U), np.uint8)

    def glance(self) -> Picture | None:
        return self.retrieve()

    def shortfall(self) -> tuple[float, float] | None:
        return None

    def media_time(self) -> float | None:
        return self._film.times[self._index]

    def release(self) -> None:
        """Nothing is held."""
