"""Small, rolled and covered faces of real films are found in tiles, and lettering is no face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from math import cos, hypot, radians, sin
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resonance_tui import config
from resonance_tui.commands import doctor
from resonance_tui.pipeline.detectors import registry
from resonance_tui.pipeline.detectors.base import FaceDetector
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

Picture = NDArray[np.uint8]
PATIENCE = 2.0  # s within which a face is found
WIDTH, HEIGHT = 640, 480


@pytest.fixture
def make_detector(shared_data: Path) -> Iterator[Callable[[str], FaceDetector]]:
    made: list[FaceDetector] = []

    def make(name: str) -> FaceDetector:
        made.append(registry.create(name, shared_data / "face_landmarker.task"))
        return made[-1]

    yield make
    for detector in made:
        detector.close()


@pytest.fixture(scope="module")
def portraits(shared_data: Path) -> list[tuple[Picture, Detection]]:
    """Frames with the square of their face."""
    found: list[tuple[Picture, Detection]] = []
    for name, every in (("single_face", 30), ("WolfgangLanger_Pexels", 120)):
        for picture in frames(shared_data / f"clips/{name}.mp4", every):
            detector = registry.create("fast", shared_data / "face_landmarker.task")
            (face,) = detector.detect(Frame(picture, 0.0, 0))
            detector.close()
            found.append((picture, face))
    return found


def frames(clip: Path, every: int) -> Iterator[Picture]:
    video, number = cv2.VideoCapture(str(clip)), 0
    while video.grab():
        if number % every == 0:
            yield np.asarray(video.retrieve()[1], np.uint8)
        number += 1
    video.release()


def placed(
    picture: Picture, face: Detection, side: float, roll: float, at: tuple[float, float]
) -> Picture:
    """640x480 with the face at a place, `side` pixels large, rolled further; grey around it."""
    k = side / face.side
    turn = k * np.array([[cos(roll), -sin(roll)], [sin(roll), cos(roll)]])
    shift = np.array(at) - turn @ (face.cx, face.cy)
    smooth = cv2.GaussianBlur(picture, (0, 0), 0.45 / k) if k < 0.7 else picture
    to_scene = np.hstack([turn, shift[:, None]])
    grey = (110, 115, 120)
    return np.asarray(cv2.warpAffine(smooth, to_scene, (WIDTH, HEIGHT), borderValue=grey), np.uint8)


def first_found(detector: FaceDetector, picture: Picture, start: float) -> Detection | None:
    """What is found within PATIENCE in a picture that does not change, ten times a second."""
    detector.forget()
    for number in range(round(10 * PATIENCE)):
        if found := detector.detect(Frame(picture, start + number / 10, number)):
            return found[0]
    return None


@pytest.mark.faces
@pytest.mark.parametrize(("side", "degrees"), [(28, 0), (40, 45), (40, -90), (64, 0), (300, 0)])
def test_a_face_of_any_size_and_roll_is_found_where_it_is(make_detector, portraits, side, degrees):
    detector, rng = make_detector("fast"), np.random.default_rng(side)
    for number, (picture, face) in enumerate(portraits):
        reach = 0.75 * side
        at = rng.uniform(reach, WIDTH - reach), rng.uniform(reach, max(HEIGHT - reach, reach + 1))
        scene = placed(picture, face, side, radians(degrees), at)
        found = first_found(detector, scene, 100.0 * number)
        assert found is not None
        assert hypot(found.cx - at[0], found.cy - at[1]) < 0.12 * side
        assert 0.85 < found.side / side < 1.15
        turned = face.roll + radians(degrees) - found.roll
        assert abs((turned + np.pi) % (2 * np.pi) - np.pi) < radians(8)


@pytest.mark.faces
def test_a_small_face_is_followed_while_it_walks(make_detector, portraits):
    detector, (picture, face) = make_detector("fast"), portraits[0]
    at, number = (120.0, 200.0), 0
    while not detector.detect(Frame(placed(picture, face, 36, 0.0, at), number / 10, number)):
        number += 1
        assert number < 10 * PATIENCE
    for step in range(40):
        at, number = (120.0 + 5 * step, 200.0), number + 1
        scene = placed(picture, face, 36, radians(step), at)
        (found,) = detector.detect(Frame(scene, number / 10, number))
        assert hypot(found.cx - at[0], found.cy - at[1]) < 6


@pytest.mark.faces
def test_who_is_too_far_for_the_whole_picture_is_found_by_the_tiles_alone(make_detector, portraits):
    picture, face = portraits[0]
    scene = placed(picture, face, 40, 0.0, (300, 200))
    assert make_detector("mediapipe").detect(Frame(scene, 0.0, 0)) == []
    assert first_found(make_detector("fast"), scene, 0.0) is not None


@pytest.mark.faces
def test_lettering_looked_at_closely_is_no_face(make_detector, shared_data):
    """Tiles see letters as large as faces."""
    detector, rng = make_detector("fast"), np.random.default_rng(11)
    for number, picture in enumerate(islice(frames(shared_data / "clips/no_face.mp4", 6), 12)):
        height = int(rng.integers(90, 300))
        width = height * WIDTH // HEIGHT
        x, y = rng.integers(picture.shape[1] - width), rng.integers(picture.shape[0] - height)
        scene = cv2.resize(picture[y : y + height, x : x + width], (WIDTH, HEIGHT))
        assert first_found(detector, np.asarray(scene, np.uint8), 100.0 * number) is None


def half_covered(picture: Picture, face: tuple[float, float], side: float) -> Picture:
    """The person's right half behind something brown."""
    x, y = round(face[0]), round(face[1])
    covered = picture.copy()
    covered[max(y - round(0.7 * side), 0) : y + round(0.6 * side), x - round(0.6 * side) : x] = (
        70, 90, 120,
    )  # fmt: skip
    return covered


@pytest.mark.faces
def test_a_face_that_was_seen_before_half_of_it_was_covered_is_kept(make_detector, portraits):
    detector, at, side = make_detector("fast"), (320.0, 240.0), 160
    for number, (picture, face) in enumerate(portraits):
        detector.forget()
        whole = placed(picture, face, side, -face.roll, at)
        half = half_covered(whole, at, side)
        shown = [whole, whole, *[half] * 25]
        found = [detector.detect(Frame(p, 100 * number + i / 10, i)) for i, p in enumerate(shown)]
        assert [len(faces) for faces in found] == [1] * len(shown)
        assert hypot(found[-1][0].cx - at[0], found[-1][0].cy - at[1]) < 0.3 * side


@pytest.mark.faces
def test_a_face_in_a_twelfth_of_the_light_is_found(make_detector, portraits):
    detector, rng = make_detector("fast"), np.random.default_rng(5)
    scenes = [placed(*portrait, 160, 0.0, (300, 220)) for portrait in portraits]
    noisy = [np.clip(p * 0.08 + rng.normal(0, 4, p.shape), 0, 255) for p in scenes]
    found = [first_found(detector, p.astype(np.uint8), 100 * i) for i, p in enumerate(noisy)]
    assert all(face is not None for face in found)


@pytest.mark.faces
@pytest.mark.parametrize(("side", "too_far"), [(20, True), (60, False)])
def test_doctor_tells_who_is_too_far_for_the_camera(
    monkeypatch, shared_data, tmp_path, portraits, side, too_far
):
    monkeypatch.setenv("RESONANCE_FACE_MODEL", str(shared_data / "face_landmarker.task"))
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    scene = placed(*portraits[1], side, 0.0, (300, 200))
    assert doctor._is_too_far(config.load(), Frame(scene, 0.0, 0)) is too_far


@pytest.mark.faces
def test_everybody_on_a_couch_across_the_room_is_found(
    portraits: list[tuple[Picture, Detection]], make_detector: Callable[[str], FaceDetector]
) -> None:
    rng, detector = np.random.default_rng(3), make_detector("fast")
    couch = rng.integers(60, 100, (720, 1280, 3), np.uint8)
    for number, (picture, face) in enumerate(portraits[:3]):
        x0, y0 = round(face.cx - face.side), round(max(face.cy - face.side, 0))
        whole = picture[y0 : y0 + round(2 * face.side), max(x0, 0) : x0 + round(2 * face.side)]
        near = cv2.resize(whole, (160, 160), interpolation=cv2.INTER_AREA)
        left = 250 + 280 * number
        couch[300:460, left : left + 160] = near
    counts = [len(detector.detect(Frame(couch, step / 10, step))) for step in range(100)]
    assert counts[-1] == max(counts) == 3
