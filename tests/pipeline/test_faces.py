"""Faces on real pictures: found, framed as the network was trained, never two people in one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import degrees
from pathlib import Path

import cv2
import numpy as np
import pytest

from resonance_tui.errors import EngineUnavailable, ExtraMissing, FaceModelMissing
from resonance_tui.pipeline.alignment import crop
from resonance_tui.pipeline.clip_buffer import ClipBuffer
from resonance_tui.pipeline.demo_camera import SHOWN_FOR, load_portraits, render
from resonance_tui.pipeline.detectors import registry
from resonance_tui.pipeline.detectors.base import FaceDetector
from resonance_tui.pipeline.detectors.mesh import from_landmarks
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection, Face, FaceTracker

RATE = 10.0  # frames a second that are looked at
Pictures = list[np.ndarray]


@pytest.fixture
def model(shared_data: Path) -> Path:
    return shared_data / "face_landmarker.task"


@pytest.fixture
def make_detector(model: Path) -> Iterator[Callable[[str], FaceDetector]]:
    made: list[FaceDetector] = []

    def make(name: str = "fast") -> FaceDetector:
        made.append(registry.create(name, model))
        assert made[-1].name == name
        return made[-1]

    yield make
    for detector in made:
        detector.close()


@pytest.fixture
def clip(shared_data: Path) -> Callable[[str], list[Frame]]:
    return lambda name: sampled(shared_data / "clips" / f"{name}.mp4")


def sampled(path: Path) -> list[Frame]:
    """Ten frames a second, as the camera gives them."""
    video, frames, number = cv2.VideoCapture(str(path)), [], 0
    rate = video.get(cv2.CAP_PROP_FPS)
    while video.grab():
        if number / rate >= len(frames) / RATE - 1e-9:
            image = np.asarray(video.retrieve()[1], dtype=np.uint8)
            frames.append(Frame(image, 100 + number / rate, len(frames), number / rate))
        number += 1
    video.release()
    return frames


def as_frames(pictures: Pictures, start: float = 100.0) -> list[Frame]:
    return [Frame(p, start + i / RATE, i) for i, p in enumerate(pictures)]


def follow(detector: FaceDetector, frames: list[Frame]) -> list[Face | None]:
    tracker = FaceTracker()
    return [tracker.update(detector.detect(frame), frame.captured_at) for frame in frames]


# Real clips


@pytest.mark.faces
@pytest.mark.parametrize("name", ["fast", "mediapipe", "haar"])
def test_nobody_is_found_in_a_cartoon_title(make_detector, clip, name):
    detector = make_detector(name)
    assert [len(detector.detect(frame)) for frame in clip("no_face")] == [0] * 40


@pytest.mark.faces
@pytest.mark.parametrize(
    ("name", "video", "share"),
    [
        ("fast", "single_face", 1.0),
        ("fast", "WolfgangLanger_Pexels", 0.98),
        ("mediapipe", "single_face", 1.0),
        ("mediapipe", "WolfgangLanger_Pexels", 0.98),
        ("haar", "single_face", 0.95),
        ("haar", "WolfgangLanger_Pexels", 0.9),
    ],
)
def test_a_face_is_found_and_stays_one_track(make_detector, clip, name, video, share):
    faces = follow(make_detector(name), clip(video))
    found = [face for face in faces if face is not None]
    assert len(found) >= share * len(faces)
    assert {face.track for face in found} == {0}


@pytest.mark.faces
@pytest.mark.parametrize("video", ["single_face", "WolfgangLanger_Pexels"])
def test_haar_gives_about_the_same_square_as_mediapipe(make_detector, clip, video):
    frames = clip(video)
    pairs = zip(
        follow(make_detector("mediapipe"), frames),
        follow(make_detector("haar"), frames),
        strict=True,
    )
    offsets = np.array(
        [
            ((b.cx - a.cx) / a.side, (b.cy - a.cy) / a.side, b.side / a.side)
            for a, b in pairs
            if a is not None and b is not None
        ]
    )
    dx, dy, scale = np.median(offsets, axis=0)
    assert abs(dx) < 0.03
    assert abs(dy) < 0.03
    assert 0.95 < scale < 1.05
    assert np.abs(offsets - [0, 0, 1]).max() < 0.3


@pytest.mark.faces
def test_the_demo_portrait_is_always_found(make_detector):
    portraits = load_portraits()
    for name in ("fast", "mediapipe", "haar"):
        moments = np.arange(0, SHOWN_FOR * len(portraits), 1.5)
        frames = [Frame(render(portraits, t), 100 + t, i) for i, t in enumerate(moments)]
        assert all(len(make_detector(name).detect(frame)) == 1 for frame in frames)


# The framing of the training pictures


def ferplus_valid(path: Path, count: int) -> Iterator[np.ndarray]:
    """48x48 grey face crops that were framed by others."""
    with np.load(path) as data:
        webp, offsets = data["webp"], data["offsets"]
        valid = np.flatnonzero(data["split"] == "valid")
    for i in np.random.default_rng(0).choice(valid, count, replace=False):
        yield cv2.imdecode(webp[offsets[i] : offsets[i + 1]], cv2.IMREAD_GRAYSCALE)


@pytest.mark.faces
def test_the_square_matches_the_framing_of_the_training_pictures(shared_data, make_detector):
    size, border = 192, 96
    detector, squares = make_detector(), []
    pictures = list(ferplus_valid(shared_data / "ferplus.npz", 150))
    for number, picture in enumerate(pictures):
        large = cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC)
        grey = int(picture.mean())
        framed = cv2.copyMakeBorder(
            large, *[border] * 4, borderType=cv2.BORDER_CONSTANT, value=(grey,)
        )
        image = np.asarray(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
        found = detector.detect(Frame(image, 100.0 + 5 * number, number))
        if found:
            face = max(found, key=lambda d: d.side)
            middle = border + size / 2
            squares.append(((face.cx - middle) / size, (face.cy - middle) / size, face.side / size))
    assert len(squares) >= 0.85 * len(pictures)
    dx, dy, scale = np.median(squares, axis=0)
    assert abs(dx) < 0.02
    assert abs(dy) < 0.02
    assert 0.96 < scale < 1.04


@pytest.mark.faces
@pytest.mark.parametrize("angle", [-25, 25])
def test_a_tilted_head_gives_a_level_crop(make_detector, clip, angle):
    image = clip("single_face")[0].image
    turn = cv2.getRotationMatrix2D((320, 180), angle, 1.0)
    tilted = cv2.warpAffine(image, turn, (640, 360), borderMode=cv2.BORDER_REPLICATE)
    (level,) = make_detector().detect(Frame(image, 100.0, 0))
    (found,) = make_detector().detect(Frame(np.asarray(tilted, dtype=np.uint8), 100.0, 0))
    assert degrees(found.roll - level.roll) == pytest.approx(-angle, abs=3)
    picture = np.asarray(tilted, dtype=np.uint8)
    upright = crop(image, level, 48)
    assert likeness(upright, crop(picture, found, 48)) > 0.85
    assert likeness(upright, crop(picture, replace(found, roll=0.0), 48)) < 0.75


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two crops, -1 to 1."""
    return float(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])


# Two people


def portrait(clip_frames: list[Frame]) -> np.ndarray:
    """The man of the clip, 360x360."""
    return clip_frames[0].image[:, 120:480]


def hopper() -> np.ndarray:
    image = load_portraits()[0][0]
    return image[60:420, 80:440]


def without_head(picture: np.ndarray) -> np.ndarray:
    """The man's picture after he has left: the door behind him where his head was."""
    empty = picture.copy()
    empty[:320, 60:290] = np.median(picture[:60, 250:350], axis=(0, 1))
    return empty


def side_by_side(left: np.ndarray, right: np.ndarray, sizes=(330, 270)) -> np.ndarray:
    """Both in one picture, 480 pixels high, 700 wide."""
    picture = np.full((480, 700, 3), 110, np.uint8)
    for image, size, x in ((left, sizes[0], 0), (right, sizes[1], 700 - sizes[1])):
        picture[480 - size :, x : x + size] = cv2.resize(image, (size, size))
    return picture


@pytest.mark.faces
@pytest.mark.parametrize("name", ["fast", "mediapipe", "haar"])
def test_the_chosen_one_is_kept_while_the_other_grows_and_then_the_other_is_new(
    make_detector, clip, name
):
    man = portrait(clip("single_face"))
    empty = without_head(man)
    growing = [side_by_side(man, hopper(), (330, 260 + 8 * k)) for k in range(13)]
    alone = [side_by_side(empty, hopper(), (330, 330 + 5 * (k % 4))) for k in range(16)]
    faces = follow(make_detector(name), as_frames(growing + alone))
    together, after = faces[: len(growing)], faces[len(growing) :]
    assert all(face is not None and face.cx < 350 and face.track == 0 for face in together)
    assert after[:9] == [None] * 9
    assert all(face is not None and face.cx > 350 for face in after[11:])
    assert {face.track for face in after if face is not None}.isdisjoint({0})


@pytest.mark.faces
@pytest.mark.parametrize("name", ["fast", "mediapipe", "haar"])
def test_the_second_person_never_gets_into_the_clip_of_the_first(make_detector, clip, name):
    """The man to the left goes away while the woman stays."""
    man = portrait(clip("single_face"))
    together = side_by_side(man, hopper())
    alone = side_by_side(without_head(man), hopper())
    frames = as_frames([together] * 12 + [alone] * 24)
    detector, tracker, buffer = make_detector(name), FaceTracker(), ClipBuffer(6, RATE)
    left, right = sorted(detector.detect(frames[0]), key=lambda face: face.cx)
    known = [crop(together, face, 48) for face in (left, right)]
    shown: list[int] = []
    for frame in frames:
        face = tracker.update(detector.detect(frame), frame.captured_at)
        if face is not None:
            buffer.add(crop(frame.image, face, 48), frame.captured_at, face.track)
        if (made := buffer.clip(frame.captured_at)) is not None:
            people = {int(np.argmax([likeness(c, who) for who in known])) for c in made.frames}
            assert len(people) == 1
            shown += people
    assert set(shown) == {0, 1}
    assert shown == sorted(shown)


@pytest.mark.faces
def test_after_a_cut_to_another_person_nothing_is_carried_over(make_detector, clip):
    """The first frame after the cut is read as well as if nothing had been there before."""
    man, woman = clip("single_face")[:5], clip("WolfgangLanger_Pexels")[:5]
    detector, tracker = make_detector(), FaceTracker()
    frames = as_frames([f.image for f in man + woman])
    found = [detector.detect(frame) for frame in frames]
    (fresh,) = make_detector().detect(frames[5])
    (after,) = found[5]
    assert after.cx == pytest.approx(fresh.cx, abs=0.03 * fresh.side)
    assert after.cy == pytest.approx(fresh.cy, abs=0.03 * fresh.side)
    assert after.side == pytest.approx(fresh.side, rel=0.05)
    tracks = [
        tracker.update(faces, frame.captured_at).track
        for faces, frame in zip(found, frames, strict=True)
    ]
    assert tracks == [0] * 5 + [1] * 5


@pytest.mark.faces
def test_times_that_stand_still_or_go_back_do_no_harm(make_detector, clip):
    """A file that loops, a camera that is switched off and on."""
    detector, image = make_detector(), clip("single_face")[0].image
    for at in (5.0, 5.0, 5.0001, 4.0, 900.0, 5.0):
        assert len(detector.detect(Frame(image, at, 0))) == 1


@pytest.mark.faces
@pytest.mark.parametrize("name", ["fast", "mediapipe", "haar"])
@pytest.mark.parametrize("shape", [(1080, 1920), (1280, 720), (120, 160), (1, 1)])
def test_any_size_of_picture(make_detector, clip, name, shape):
    image = np.asarray(cv2.resize(clip("single_face")[0].image, shape[::-1]), dtype=np.uint8)
    found: list[Detection] = make_detector(name).detect(Frame(image, 1.0, 0))
    if shape == (1080, 1920):
        (face,) = found
        assert face.cx / 1920 == pytest.approx(297 / 640, abs=0.03)
        assert face.side / 1920 == pytest.approx(210 / 640, abs=0.04)


# Falling back


def test_without_a_model_file_haar_steps_in():
    reasons: list[str] = []
    assert registry.create("auto", None, reasons.append).name == "haar"
    assert reasons == ["face model missing"]


@pytest.mark.parametrize("content", [b"", b"not a model" * 100])
def test_with_a_broken_model_file_haar_steps_in(tmp_path, content):
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(content)
    reasons: list[str] = []
    assert registry.create("auto", path, reasons.append).name == "haar"
    (reason,) = reasons
    assert reason == "the fast detector failed (FaceModelMissing)"


def test_with_a_model_file_that_is_not_there_haar_steps_in(tmp_path):
    assert registry.create("auto", tmp_path / "nothing.task").name == "haar"


def test_a_detector_that_was_asked_for_by_name_is_not_replaced(tmp_path):
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(b"not a model")
    with pytest.raises(EngineUnavailable, match="'mediapipe' cannot start") as caught:
        registry.create("mediapipe", path)
    assert "camera.detector = auto" in caught.value.hint
    with pytest.raises(FaceModelMissing, match="damaged"):
        registry.create("fast", path)
    for name in ("fast", "mediapipe"):
        with pytest.raises(FaceModelMissing):
            registry.create(name, None)


def test_mediapipe_that_is_not_installed_is_said_with_the_line_to_type(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ExtraMissing, match="'mediapipe'") as caught:
        registry.create("mediapipe", tmp_path / "any.task")
    assert caught.value.hint.startswith("Install it: ")


@pytest.mark.faces
def test_the_default_needs_nothing_but_opencv(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    assert registry.create("auto", model).name == "fast"


def test_haar_needs_no_model_file():
    assert registry.needs_face_model("auto") and registry.needs_face_model("mediapipe")
    assert not registry.needs_face_model("haar")


# Landmarks


def test_one_eye_hidden_behind_the_other_is_no_error():
    assert from_landmarks(np.full((478, 2), 7.0)).side == 0
