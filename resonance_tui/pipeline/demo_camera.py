"""The camera `demo`: portraits that come with installed packages, panned and zoomed.

Nothing is downloaded and nobody is filmed, and there is a real face to detect and read.
"""

from __future__ import annotations

from importlib.util import find_spec
from math import sin, tau
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resonance_tui.errors import CameraMissing
from resonance_tui.pipeline.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 480
RATE = 30.0  # frames a second, as a webcam's
SHOWN_FOR = 12.0  # s for each portrait
NOISE = 3.0  # standard deviation of the sensor's noise, grey levels
SHIFTS = 97  # different offsets into the noise, so that no two neighbouring frames are equal

# Package, file inside it, centre of the face and side of the square around it, pixels.
PORTRAITS = (
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (262.0, 205.0), 200.0),
    ("skimage", "data/astronaut.png", (225.0, 115.0), 135.0),
)


class DemoCapture:
    """A Capture whose pictures depend on the time only."""

    is_recording = True

    def __init__(self) -> None:
        self._portraits = load_portraits()
        self._noise = _make_noise()
        self._index = -1

    def grab(self) -> bool:
        self._index += 1
        return True

    def retrieve(self) -> NDArray[np.uint8] | None:
        clean = render(self._portraits, self._index / RATE)
        shift = 7 * self._index % SHIFTS
        noise = self._noise[shift : shift + HEIGHT, SHIFTS - shift : SHIFTS - shift + WIDTH]
        return np.asarray(cv2.add(clean, noise, dtype=cv2.CV_8U), dtype=np.uint8)

    def glance(self) -> NDArray[np.uint8] | None:
        return self.retrieve()

    def shortfall(self) -> tuple[float, float] | None:
        return None  # it never ends

    def media_time(self) -> float | None:
        return self._index / RATE

    def release(self) -> None:
        """Nothing is held."""


Portrait = tuple["NDArray[np.uint8]", tuple[float, float], float]


def load_portraits() -> list[Portrait]:
    """Those that are installed: picture (H, W, 3) BGR, centre and side of the face.

    Raises CameraMissing when there is none.
    """
    found: list[Portrait] = []
    for package, file, centre, side in PORTRAITS:
        spec = find_spec(package)  # finds without importing: matplotlib alone takes 0.3 s
        image = cv2.imread(str(Path(spec.origin).parent / file)) if spec and spec.origin else None
        if image is not None:
            found.append((np.asarray(image, dtype=np.uint8), centre, side))
    if not found:
        hint = "Install matplotlib from PyPI, or use a camera or a video file."
        raise CameraMissing("The demo portraits are not installed.", hint)
    return found


def render(portraits: list[Portrait], at: float) -> NDArray[np.uint8]:
    """The picture at `at` seconds, (480, 640, 3) BGR, without noise."""
    image, (cx, cy), side = portraits[int(at / SHOWN_FOR) % len(portraits)]
    zoom = HEIGHT * (0.46 + 0.06 * sin(tau * at / 17)) / side  # the face fills half the height
    cx += 0.12 * side * sin(tau * at / 11)
    cy += 0.05 * side * sin(tau * at / 7)
    matrix = np.array([[zoom, 0, WIDTH / 2 - zoom * cx], [0, zoom, HEIGHT / 2 - zoom * cy]])
    size = (WIDTH, HEIGHT)
    frame = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(frame, dtype=np.uint8)


def _make_noise() -> NDArray[np.int16]:
    shape = (HEIGHT + SHIFTS, WIDTH + SHIFTS, 3)
    return np.random.default_rng(1906).normal(0, NOISE, shape).astype(np.int16)
