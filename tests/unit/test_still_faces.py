"""What counts as a changed face: another expression, and neither noise nor motion nor light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resonance_tui.pipeline.still_faces import StillFaces, StillPlace
from resonance_tui.pipeline.tracker import Detection

Picture = NDArray[np.uint8]
FACE = Detection(320, 180, 160, 0.0, (240, 100, 400, 260))


EXPRESSIONS = ("at rest", "smiling", "open mouth", "closed eyes", "raised brows")


def room() -> NDArray[np.float32]:
    """A wall with light from one side, and some things in it: float32[360, 640]."""
    wall = np.tile(np.linspace(60, 130, 640, dtype=np.float32), (360, 1))
    cv2.rectangle(wall, (40, 60), (150, 300), (190,), -1)
    cv2.circle(wall, (540, 250), 60, (40,), -1)
    return wall


def draw_face(scene: NDArray[np.float32], expression: str) -> None:
    """A head in the middle of the scene, 160 pixels high."""
    cv2.ellipse(scene, (320, 180), (62, 80), 0, 0, 360, (165,), -1)
    lift = 10 if expression == "raised brows" else 0
    for x in (295, 345):
        cv2.ellipse(scene, (x, 142 - lift), (14, 4), 0, 0, 360, (70,), -1)
        if expression == "closed eyes":
            cv2.ellipse(scene, (x, 164), (11, 2), 0, 0, 360, (110,), -1)
        else:
            cv2.ellipse(scene, (x, 160), (11, 6), 0, 0, 360, (225,), -1)
            cv2.circle(scene, (x, 160), 5, (40,), -1)
    cv2.ellipse(scene, (320, 190), (8, 12), 0, 0, 180, (130,), 3)
    if expression == "smiling":
        cv2.ellipse(scene, (320, 208), (30, 16), 0, 0, 180, (80,), -1)
    elif expression == "open mouth":
        cv2.ellipse(scene, (320, 220), (18, 16), 0, 0, 360, (40,), -1)
    else:
        cv2.ellipse(scene, (320, 220), (22, 4), 0, 0, 360, (95,), -1)


def picture(
    expression: str = "at rest", *, dx: float = 0.0, light: float = 1.0, seed: int = 0
) -> Picture:
    """A face in that room as a camera with a sensor's noise sees it, moved by `dx` pixels."""
    scene = room()
    draw_face(scene, expression)
    soft = cv2.GaussianBlur(scene, (0, 0), 1.5)
    shift = np.array([[1, 0, dx], [0, 1, dx / 2]], np.float64)
    moved = cv2.warpAffine(soft, shift, (640, 360), borderMode=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(seed).normal(0, 4, (360, 640, 3))
    return np.clip(np.asarray(moved)[..., None] * light + noise, 0, 255).astype(np.uint8)


def test_noise_a_small_motion_and_other_light_leave_a_face_as_it_is() -> None:
    still = StillFaces(picture(), [FACE])
    for other in (picture(seed=1), picture(dx=2, seed=2), picture(light=0.85, seed=3)):
        assert still.hold(other)


@pytest.mark.parametrize("expression", EXPRESSIONS[1:])
def test_another_expression_is_a_change(expression: str) -> None:
    assert not StillFaces(picture(), [FACE]).hold(picture(expression, dx=1, seed=1))


def test_one_of_two_faces_that_changes_is_a_change() -> None:
    other = Detection(95, 180, 110, 0.0, (40, 125, 150, 235))
    still = StillFaces(picture(), [FACE, other])
    assert still.hold(picture(seed=1))
    covered = picture(seed=1)
    covered[150:210, 60:130] = 90
    assert not still.hold(covered)
    assert StillFaces(picture(), [FACE]).hold(covered)


def test_somebody_new_beside_a_face_changes_the_whole_picture() -> None:
    still = StillPlace(picture())
    assert still.hold(picture(seed=1))
    newcomer = picture(seed=1)
    newcomer[120:220, 410:510] = newcomer[110:210, 260:360]
    assert not still.hold(newcomer)


def test_a_picture_of_another_size_is_a_change() -> None:
    still = StillFaces(picture(), [FACE])
    assert not still.hold(picture()[:300])


def test_a_face_at_the_edge_of_the_picture_or_beyond_is_compared_as_far_as_it_is_there() -> None:
    edge, beyond = (Detection(x, 350, 160, 0.0, (0, 0, 1, 1)) for x in (600, 900))
    assert StillFaces(picture(), [edge]).hold(picture(seed=1))
    assert StillFaces(picture(), [beyond]).hold(picture())
    dark = picture()
    dark[330:] = 0
    assert not StillFaces(picture(), [edge]).hold(dark)
