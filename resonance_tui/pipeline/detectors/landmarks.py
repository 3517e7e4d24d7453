"""The face mesh: 478 points of one face, read from a levelled square (Kartynnik et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from math import atan2

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.network import Network, sigmoid
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.opencv import cv2

SIZE = 256  # px, side of the picture that the network sees
POINTS = 478
LEAST_PRESENCE = 0.5  # below, no face is in the square
REGION = 1.5  # side of the next square / larger side of the landmarks' upright box
OUTER_EYES = (33, 263)  # outer corners: the person's right, left

Points = NDArray[np.float64]


class FaceLandmarks:
    """Reads landmarks. Raises RuntimeError where OpenCV cannot load `model`."""

    def __init__(self, model: bytes) -> None:
        self._network = Network(model, SIZE, 0.0, 1.0)

    def read(self, image: NDArray[np.uint8], square: Square) -> tuple[Points, float]:
        """The landmarks (478, 2) in pixels of `image`, and how surely a face is there (0-1).

        `image` is (H, W, 3) BGR. The landmarks mean nothing where the presence is low.
        """
        to_image = square.to_image(SIZE)
        outputs = self._network.run(_cut(image, to_image))
        points = outputs["Identity"].reshape(POINTS, 3)[:, :2].astype(np.float64)
        return points @ to_image[:, :2].T + to_image[:, 2], _presence(outputs)

    def presence_mirrored(self, image: NDArray[np.uint8], square: Square) -> float:
        """How surely a face is there (0-1), by the square's mirror image."""
        picture = np.ascontiguousarray(_cut(image, square.to_image(SIZE))[:, ::-1])
        return _presence(self._network.run(picture))


def _cut(image: NDArray[np.uint8], to_image: NDArray[np.float64]) -> NDArray[np.uint8]:
    flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    picture = cv2.warpAffine(image, to_image, (SIZE, SIZE), flags=flags, borderMode=border)
    return np.asarray(picture, np.uint8)


def _presence(outputs: Mapping[str, NDArray[np.float32]]) -> float:
    return float(sigmoid(outputs["Identity_1"])[0])


def next_square(points: Points) -> Square:
    """Where to read the landmarks of the next picture, from those of this one (478, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    eyes = points[OUTER_EYES[1]] - points[OUTER_EYES[0]]
    side = REGION * float((high - low).max())
    return Square(float(middle[0]), float(middle[1]), side, atan2(eyes[1], eyes[0]))
