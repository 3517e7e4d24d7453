"""Whatever a source hands out becomes BGR of 8 bits, or nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from resonance_tui.pipeline.detectors.base import narrowed
from resonance_tui.pipeline.pictures import Normaliser

RAMP = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
COLOUR = np.dstack([RAMP, RAMP[::-1], RAMP.T.reshape(48, 64)])


def read(image: object) -> np.ndarray:
    found = Normaliser().bgr(image)  # type: ignore[arg-type]
    assert found is not None and found.dtype == np.uint8 and found.shape[2] == 3
    return found


def test_what_is_right_already_is_not_copied() -> None:
    assert read(COLOUR) is COLOUR


@pytest.mark.parametrize("grey", [RAMP, RAMP[:, :, None]])
def test_grey_has_three_equal_channels(grey: np.ndarray) -> None:
    assert all(np.array_equal(read(grey)[:, :, channel], RAMP) for channel in range(3))


def test_transparency_is_dropped() -> None:
    assert np.array_equal(read(cv2.cvtColor(COLOUR, cv2.COLOR_BGR2BGRA)), COLOUR)


def test_raw_colour_of_a_webcam_is_decoded() -> None:
    assert np.abs(read(np.dstack([RAMP, np.full_like(RAMP, 128)])).mean() - RAMP.mean()) < 20


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_sixteen_bits_keep_their_contrast(bits: int) -> None:
    deep = (RAMP.astype(np.uint16) << (bits - 8)) | ((1 << (bits - 8)) - 1)
    assert np.array_equal(read(deep)[:, :, 0], RAMP)


def test_a_darker_moment_of_a_deep_camera_stays_darker() -> None:
    normaliser = Normaliser()
    bright = normaliser.bgr(RAMP.astype(np.uint16) << 4)
    dark = normaliser.bgr(RAMP.astype(np.uint16) << 2)
    assert bright is not None and dark is not None
    assert dark.mean() < bright.mean() / 3


@pytest.mark.parametrize(
    "junk",
    [
        None,
        np.zeros((0, 64, 3), np.uint8),
        np.zeros(10, np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((4, 5, 2), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ],
)
def test_what_is_no_picture_is_nothing(junk: np.ndarray | None) -> None:
    assert Normaliser().bgr(junk) is None


@pytest.mark.parametrize("height", [1, 3, 7])
@pytest.mark.parametrize("width", [1, 641, 7680])
def test_a_strip_of_a_picture_is_narrowed_as_well(height: int, width: int) -> None:
    strip = np.full((height, width, 3), 70, np.uint8)
    found = narrowed(strip, 640)
    assert found.shape[0] >= 1 and found.shape[1] == min(width, 640)
    assert np.all(found == 70)
