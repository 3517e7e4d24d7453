"""Finds pictures that appear twice under another crop, so that a score can be told without them.

The packed file's `dup_corr` sees copies of the same framing. FER2013 also holds the same stock
photograph cut a little wider or to the side; this looks for those.
"""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_zoo.train.still.augment import reframe

Images = NDArray[np.uint8]
Floats = NDArray[np.float32]

LOOK_ALIKE = 0.90  # about half of the pairs just above it are copies, nearly all above 0.94
SIDE, MARGIN = 24, 2
SCALES = (0.85, 1.0, 1.15)
SHIFTS = (-0.06, 0.0, 0.06)


def closest(images: Images, others: Images) -> Floats:
    """Highest correlation of each image, mirrored, moved and scaled a little, with any other."""
    known = _signatures(others)
    best = np.full(len(images), -1, np.float32)
    for mirror, scale, x, y in product((1, -1), SCALES, SHIFTS, SHIFTS):
        turned = [np.ascontiguousarray(image[:, ::mirror]) for image in images]
        moved = [reframe(image, image.shape[0], scale, x, y) for image in turned]
        best = np.maximum(best, (_signatures(np.stack(moved)) @ known.T).max(1))
    return best


def _signatures(images: Images) -> Floats:
    """The middle of each image, small, without its mean, of length one: float32[N, D]."""
    small = np.stack([cv2.resize(i, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for i in images])
    middle = small[:, MARGIN:-MARGIN, MARGIN:-MARGIN].reshape(len(images), -1).astype(np.float32)
    middle -= middle.mean(1, keepdims=True)
    return middle / np.maximum(np.linalg.norm(middle, axis=1, keepdims=True), 1e-3)
