"""OpenCV's Haar cascade: comes with OpenCV, needs no model file, finds fewer faces."""

from __future__ import annotations

from math import hypot
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.base import SceneCounter, narrowed
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

HAAR_WIDTH = 320  # px; finds faces from 32 px on, a tenth of the picture's width
HAAR_RESCAN = 1.0  # s after which the whole picture is searched again

# The crop from OpenCV's Haar box, measured on real clips against the square of `alignment`.
HAAR_SCALE = 1.08  # side of the crop / side of the Haar box
HAAR_DROP = 0.042  # how far the crop's centre lies below the box's, in sides of the Haar box

HaarBox = tuple[int, int, int]  # x, y, size in the narrowed picture


def create(model: Path | None) -> HaarDetector:
    """Needs no model file."""
    return HaarDetector()


class HaarDetector:
    """Finds upright frontal faces; see FaceDetector.

    Searches near the faces of the last frame; the whole frame when one of them is not there any
    more, and once every HAAR_RESCAN seconds.
    """

    name = "haar"

    def __init__(self) -> None:
        file = Path(str(cv2.__file__)).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascade = cv2.CascadeClassifier(str(file))
        self._scenes = SceneCounter()
        self._known: list[HaarBox] = []
        self._searched_at = float("-inf")

    def detect(self, frame: Frame) -> list[Detection]:
        small = narrowed(frame.image, HAAR_WIDTH)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        scene = self._scenes.scene(grey)
        even = np.asarray(cv2.equalizeHist(grey), dtype=np.uint8)
        is_due = frame.captured_at - self._searched_at >= HAAR_RESCAN
        again = [] if is_due else [self._search_near(even, box) for box in self._known]
        self._known = [box for box in again if box is not None]
        if len(self._known) < len(again) or not again:
            self._known = self._search_all(even)
            self._searched_at = frame.captured_at
        k = frame.image.shape[1] / small.shape[1]
        return [from_haar_box(x * k, y * k, size * k, scene) for x, y, size in self._known]

    def forget(self) -> None:
        self._known = []
        self._scenes.forget()

    def close(self) -> None:
        """Nothing is held."""

    def _search_all(self, grey: NDArray[np.uint8]) -> list[HaarBox]:
        smallest = grey.shape[1] // 10
        found = self._cascade.detectMultiScale(grey, 1.2, 5, minSize=(smallest, smallest))
        return [(int(x), int(y), int(size)) for x, y, size, _ in found]

    def _search_near(self, grey: NDArray[np.uint8], box: HaarBox) -> HaarBox | None:
        x, y, size = box
        left, top, reach = max(0, x - size // 4), max(0, y - size // 4), size + size // 4
        part = grey[top : y + reach, left : x + reach]
        low, high = int(size * 0.8), int(size * 1.25)
        found = self._cascade.detectMultiScale(
            part, 1.1, 5, minSize=(low, low), maxSize=(high, high)
        )
        boxes = [(left + int(a), top + int(b), int(s)) for a, b, s, _ in found]
        return min(boxes, key=lambda new: _distance(new, box), default=None)


def _distance(a: HaarBox, b: HaarBox) -> float:
    return hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[2] / 2 - b[1] - b[2] / 2)


def from_haar_box(x: float, y: float, size: float, scene: int = 0) -> Detection:
    """The square for a box of the frontal-face cascade, which finds no eyes: roll 0."""
    cx, cy = x + size / 2, y + size / 2 + HAAR_DROP * size
    return Detection(cx, cy, HAAR_SCALE * size, 0.0, (x, y, x + size, y + size), scene)
