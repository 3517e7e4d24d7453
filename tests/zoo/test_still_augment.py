"""Augmented faces keep their shape and range; reframing moves the box as it says."""

from __future__ import annotations

import numpy as np
import pytest
from resonance_zoo.train.still.augment import Augmentation, augment, reframe


@pytest.mark.parametrize("size", [32, 40, 48, 64])
def test_shape_range_and_seed(size: int) -> None:
    images = np.random.default_rng(0).integers(0, 255, (16, 48, 48), dtype=np.uint8)
    first = augment(images, size, np.random.default_rng(7), Augmentation())
    again = augment(images, size, np.random.default_rng(7), Augmentation())
    assert first.shape == (16, 1, size, size)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 255
    assert np.array_equal(first, again)


def test_the_box_itself_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 255, (48, 48), dtype=np.uint8)
    assert np.array_equal(reframe(image, 48, 1, 0, 0), image)


def test_moving_the_box_right_moves_the_face_left() -> None:
    image = np.zeros((48, 48), np.uint8)
    image[:, 24] = 255
    assert reframe(image, 48, 1, 0.25, 0)[0].argmax() == 12


def test_a_wider_box_repeats_the_border() -> None:
    image = np.full((48, 48), 80, np.uint8)
    image[8:40, 8:40] = 200
    wide = reframe(image, 48, 1.5, 0, 0)
    assert (wide == 80).mean() > (image == 80).mean()
    assert wide[0, 0] == 80
