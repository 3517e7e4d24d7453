"""The same picture under another crop is found; another picture is not."""

from __future__ import annotations

import cv2
import numpy as np
from resonance_zoo.train.still.augment import reframe
from resonance_zoo.train.still.near_duplicates import LOOK_ALIKE, closest


def pictures(count: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 255, (count, 8, 8), dtype=np.uint8)
    return np.stack([cv2.resize(n, (48, 48), interpolation=cv2.INTER_CUBIC) for n in noise])


def test_recropped_and_mirrored_copies_are_found() -> None:
    known = pictures(6, seed=1)
    recut = np.stack([reframe(image, 48, 0.87, 0.05, -0.05) for image in known[:3, :, ::-1].copy()])
    found = closest(np.concatenate([recut, pictures(3, seed=2)]), known)
    assert (found[:3] > LOOK_ALIKE).all()
    assert (found[3:] < LOOK_ALIKE).all()
