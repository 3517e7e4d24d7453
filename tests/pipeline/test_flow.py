"""A face is followed by the flow of a small patch, and what looks different is not taken for it."""

from __future__ import annotations

from math import cos, radians, sin

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resonance_tui.pipeline.demo_camera import load_portraits, render
from resonance_tui.pipeline.detectors.flow import FacePatch, likeness
from resonance_tui.pipeline.detectors.followed import IN_REACH
from resonance_tui.pipeline.detectors.square import Square

Picture = NDArray[np.uint8]
FACE = Square(320, 180, 170, 0.1)  # around the middle of the portrait


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return np.asarray(cv2.resize(render(load_portraits(), 0.0), (640, 480)), np.uint8)


def moved(picture: Picture, dx: float, dy: float, degrees: float, scale: float) -> Picture:
    """The picture shifted, and turned clockwise and scaled around the middle of FACE."""
    turn = cv2.getRotationMatrix2D((FACE.cx, FACE.cy), -degrees, scale)
    turn[:, 2] += (dx, dy)
    return np.asarray(cv2.warpAffine(picture, turn, picture.shape[1::-1]), np.uint8)


@pytest.mark.parametrize(
    ("dx", "dy", "degrees", "scale"),
    [(0, 0, 0, 1), (25, -18, 0, 1), (0, 0, 9, 1), (0, 0, 0, 1.12), (-12, 9, -6, 0.92)],
)
def test_shift_turn_and_growth_are_found(portrait, dx, dy, degrees, scale):
    found = FacePatch(portrait, FACE).follow(moved(portrait, dx, dy, degrees, scale), FACE)
    assert found is not None and found.likeness > 0.97
    assert found.square.cx == pytest.approx(FACE.cx + dx, abs=0.01 * FACE.side)
    assert found.square.cy == pytest.approx(FACE.cy + dy, abs=0.01 * FACE.side)
    assert found.square.side == pytest.approx(FACE.side * scale, rel=0.012)
    assert found.square.roll == pytest.approx(FACE.roll + radians(degrees), abs=radians(0.7))


def test_errors_do_not_add_up(portrait):
    """Round and round for a hundred pictures, with a sensor's noise."""
    rng, patch, at = np.random.default_rng(1), FacePatch(portrait, FACE), FACE
    for number in range(100):
        dx, dy = 30 * sin(number / 5), 30 * (1 - cos(number / 5))
        noise = rng.normal(0, 4, portrait.shape)
        noisy = np.clip(moved(portrait, dx, dy, 0, 1) + noise, 0, 255).astype(np.uint8)
        found = patch.follow(noisy, at)
        assert found is not None
        at = found.square
        assert abs(at.cx - FACE.cx - dx) + abs(at.cy - FACE.cy - dy) < 0.02 * FACE.side


def test_another_picture_at_the_same_place_is_not_the_face(portrait):
    found = FacePatch(portrait, FACE).follow(portrait[::-1].copy(), FACE)
    assert found is None or found.likeness < 0.8


def test_a_hand_before_the_face_makes_it_unlike(portrait):
    covered = portrait.copy()
    cv2.circle(covered, (320, 220), 45, (90, 120, 170), -1)
    found = FacePatch(portrait, FACE).follow(covered, FACE)
    assert found is None or found.likeness < IN_REACH.likeness


def test_light_that_changes_is_no_difference(portrait):
    found = FacePatch(portrait, FACE).follow((portrait * 0.5 + 20).astype(np.uint8), FACE)
    assert found is not None and found.likeness > 0.98


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_even_patch_cannot_be_followed(level):
    even = np.full((100, 100, 3), level, np.uint8)
    assert FacePatch(even, Square(50, 50, 60, 0)).follow(even, Square(50, 50, 60, 0)) is None


def test_a_square_outside_the_picture_is_lost(portrait):
    assert FacePatch(portrait, FACE).follow(portrait, Square(-900, -900, 170, 0)) is None


def test_likeness_is_a_correlation():
    one = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    assert likeness(one, one) == pytest.approx(1, abs=1e-5)
    assert likeness(one, 255 - one) == pytest.approx(-1, abs=1e-5)
    assert likeness(one, np.zeros_like(one)) == 0
