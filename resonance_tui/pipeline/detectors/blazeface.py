"""BlazeFace: where the faces of a picture are, with six points each (Bazarevsky et al. 2019).

The network looks at 128x128 pixels of the whole picture. At every place of two grids it says how
surely a face is there, where its box is, and where eyes, nose, mouth and ears are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.network import Network, sigmoid
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.opencv import cv2

SIZE = 128  # px, side of the picture that the network sees
GRIDS = ((16, 2), (8, 6))  # places along a side, answers at each
LEAST_SCORE = 0.5
OVERLAP = 0.5  # boxes that share more than this (intersection over union) are one face; MediaPipe's
REGION = 1.5  # side of the square that the landmarks are read from / larger side of the box

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """One face; pixels of the picture that was searched."""

    box: tuple[float, float, float, float]  # x0, y0, x1, y1
    keypoints: Points  # (6, 2): the person's right eye, left eye, nose, mouth, ears
    score: float  # 0-1

    @property
    def square(self) -> Square:
        """From where to read the landmarks: the line of the eyes is level in it."""
        x0, y0, x1, y1 = self.box
        eyes = self.keypoints[1] - self.keypoints[0]
        side = REGION * max(x1 - x0, y1 - y0)
        return Square((x0 + x1) / 2, (y0 + y1) / 2, side, atan2(eyes[1], eyes[0]))


class BlazeFace:
    """Finds the faces of a picture. Raises RuntimeError where OpenCV cannot load `model`."""

    def __init__(self, model: bytes) -> None:
        self._network = Network(model, SIZE, -1.0, 1.0)
        self._anchors = _anchors()

    def find(self, image: NDArray[np.uint8], least_score: float = LEAST_SCORE) -> list[FoundFace]:
        """The faces of `image` (H, W, 3) BGR that score so much or more, the surest first."""
        height, width = image.shape[:2]
        side = max(height, width)
        left, top = (width - side) / 2, (height - side) / 2
        outputs = self._network.run(_fitted(image, left, top, side / SIZE))
        scores = sigmoid(outputs["classificators"])
        sure = np.flatnonzero(scores >= least_score)
        if not len(sure):
            return []
        values = outputs["regressors"].reshape(-1, 8, 2)[sure].astype(np.float64) / SIZE
        # Rows: two corners of the box, then six points; 0-1 along the sides of the square.
        points = values + self._anchors[sure][:, None]
        half = values[:, 1] / 2
        points[:, 1] = points[:, 0] + half
        points[:, 0] -= half
        merged = _merged(points, scores[sure])
        return [_found(points * side + (left, top), score) for points, score in merged]


def _fitted(image: NDArray[np.uint8], left: float, top: float, scale: float) -> NDArray[np.uint8]:
    """The whole picture in SIZE x SIZE pixels, black above and below or beside it."""
    to_image = np.array([[scale, 0, left], [0, scale, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, to_image, (SIZE, SIZE), flags=flags), np.uint8)


def _anchors() -> Points:
    """(896, 2): the middles of the places that the answers are about, 0-1; row by row."""
    middles = [
        ((column + 0.5) / count, (row + 0.5) / count)
        for count, answers in GRIDS
        for row in range(count)
        for column in range(count)
        for _ in range(answers)
    ]
    return np.array(middles, np.float64)


def _merged(points: Points, scores: NDArray[np.float64]) -> list[tuple[Points, float]]:
    """One face for each group of overlapping boxes: their mean, weighted by their scores.

    `points` is (N, 8, 2), the corners first. The surest box of what is left makes a group, with
    all that overlap it; the group's score is that box's.
    """
    order = np.argsort(-scores, kind="stable")
    faces: list[tuple[Points, float]] = []
    while len(order):
        shared = _overlap(points[order[0]], points[order])
        group = order[shared > OVERLAP]
        mean = np.average(points[group], axis=0, weights=scores[group])
        faces.append((mean, float(scores[order[0]])))
        order = order[1:][shared[1:] <= OVERLAP]
    return faces


def _overlap(one: Points, others: Points) -> NDArray[np.float64]:
    """Intersection over union of one box with others."""
    low = np.maximum(one[0], others[:, 0])
    high = np.minimum(one[1], others[:, 1])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(others[:, 1] - others[:, 0], axis=1)
    width, height = (one[1] - one[0]).tolist()
    return np.asarray(shared / np.maximum(width * height + areas - shared, 1e-12), np.float64)


def _found(points: Points, score: float) -> FoundFace:
    (x0, y0), (x1, y1) = points[:2].tolist()
    return FoundFace((x0, y0, x1, y1), points[2:], score)
