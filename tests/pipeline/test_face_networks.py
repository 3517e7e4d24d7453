"""The two networks of the face model, run by OpenCV, say what MediaPipe's runtime says."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from resonance_tui.errors import FaceModelMissing
from resonance_tui.native import tame
from resonance_tui.pipeline.detectors.blazeface import BlazeFace
from resonance_tui.pipeline.detectors.bundle import FaceBundle, read_bundle
from resonance_tui.pipeline.detectors.landmarks import FaceLandmarks, next_square
from resonance_tui.pipeline.detectors.network import Network
from resonance_tui.pipeline.detectors.square import Square

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


@pytest.fixture
def model(shared_data: Path) -> Path:
    return shared_data / "face_landmarker.task"


@pytest.fixture
def bundle(model: Path) -> FaceBundle:
    return read_bundle(model)


@pytest.fixture
def oracle(model: Path) -> Iterator[Callable[[Picture], list[Points]]]:
    """The landmarks of each face of one picture by MediaPipe itself, (478, 2) pixels."""
    tame()
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=model.read_bytes()), num_faces=3
    )
    with vision.FaceLandmarker.create_from_options(options) as landmarker:

        def read(picture: Picture) -> list[Points]:
            size = picture.shape[1::-1]
            rgb = np.ascontiguousarray(picture[:, :, ::-1])
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
            faces = landmarker.detect(image).face_landmarks
            return [np.array([(p.x, p.y) for p in face]) * size for face in faces]

        yield read


def pictures(clip: Path, every: int) -> Iterator[Picture]:
    video, number = cv2.VideoCapture(str(clip)), 0
    while video.grab():
        if number % every == 0:
            yield np.asarray(video.retrieve()[1], np.uint8)
        number += 1
    video.release()


def variants(picture: Picture) -> Iterator[Picture]:
    """As it is; turned; small; dark; upright format."""
    height, width = picture.shape[:2]
    yield picture
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 35, 1)
    yield np.asarray(cv2.warpAffine(picture, turn, (width, height)), np.uint8)
    yield np.asarray(cv2.resize(picture, None, fx=0.6, fy=0.6), np.uint8)
    yield (picture // 5).astype(np.uint8)
    yield picture[:, width // 2 - 140 : width // 2 + 120].copy()


@pytest.mark.faces
@pytest.mark.parametrize(
    ("name", "every", "count"), [("single_face", 40, 6), ("WolfgangLanger_Pexels", 60, 25)]
)
def test_box_and_landmarks_are_those_that_mediapipe_reads(
    shared_data, bundle, oracle, name, every, count
):
    finder, landmarks, errors = BlazeFace(bundle.detector), FaceLandmarks(bundle.landmarks), []
    for frame in pictures(shared_data / f"clips/{name}.mp4", every):
        for picture in variants(frame):
            found = finder.find(picture)
            read = [landmarks.read(picture, face.square) for face in found]
            ours = [points for points, presence in read if presence >= 0.5]
            theirs = oracle(picture)
            assert len(ours) == len(theirs)
            for one, other in zip(ours, theirs, strict=True):
                errors.append(np.abs(one - other).max() / np.ptp(other, axis=0).max())
    assert len(errors) >= count
    assert max(errors) < 0.002


@pytest.mark.faces
def test_what_is_found_in_pictures_without_faces_has_no_presence(shared_data, bundle):
    finder, landmarks = BlazeFace(bundle.detector), FaceLandmarks(bundle.landmarks)
    for frame in pictures(shared_data / "clips/no_face.mp4", 10):
        for face in finder.find(frame):
            assert landmarks.read(frame, face.square)[1] < 0.2


@pytest.mark.faces
def test_the_surest_face_comes_first_and_lies_in_the_picture_searched(shared_data, bundle):
    frame = next(pictures(shared_data / "clips/single_face.mp4", 1))
    both = np.zeros((360, 1280, 3), np.uint8)
    both[:, :640], both[:, 640:] = frame, frame[:, ::-1]
    faces = BlazeFace(bundle.detector).find(both, least_score=0.3)
    assert len(faces) == 2
    assert faces[0].score >= faces[1].score >= 0.3
    assert sorted(face.box[0] > 640 for face in faces) == [False, True]
    for face in faces:
        x0, y0, x1, y1 = face.box
        nose = face.keypoints[2]
        assert x0 < nose[0] < x1 and y0 < nose[1] < y1


@pytest.mark.faces
def test_presence_tells_a_face_from_a_wall(shared_data, bundle):
    frame = next(pictures(shared_data / "clips/single_face.mp4", 1))
    (face,) = BlazeFace(bundle.detector).find(frame)
    landmarks = FaceLandmarks(bundle.landmarks)
    assert landmarks.read(frame, face.square)[1] > 0.9
    assert landmarks.read(frame, Square(60, 60, 110, 0))[1] < 0.1


@pytest.mark.faces
def test_landmarks_give_the_square_of_the_next_picture(shared_data, bundle):
    frame = next(pictures(shared_data / "clips/single_face.mp4", 1))
    (face,) = BlazeFace(bundle.detector).find(frame)
    landmarks = FaceLandmarks(bundle.landmarks)
    first, _ = landmarks.read(frame, face.square)
    again, presence = landmarks.read(frame, next_square(first))
    assert presence > 0.9
    assert np.abs(again - first).max() < 0.06 * np.ptp(first, axis=0).max()


@pytest.mark.faces
@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (7, 5)])
def test_a_picture_of_any_size_is_searched(bundle, shape):
    assert BlazeFace(bundle.detector).find(np.zeros((*shape, 3), np.uint8)) == []


# Without the networks


def test_a_turned_square_maps_its_corners_to_the_picture():
    corners = (
        np.array([[0, 0, 1], [10, 0, 1], [5, 5, 1]]) @ Square(7, 9, 4, np.pi / 2).to_image(10).T
    )
    assert np.allclose(corners, [[9, 7], [9, 11], [7, 9]])


@pytest.mark.parametrize("content", [b"", b"junk" * 99])
def test_a_file_that_is_no_archive_is_no_face_model(tmp_path, content):
    path = tmp_path / "face_landmarker.task"
    path.write_bytes(content)
    with pytest.raises(FaceModelMissing, match="another file or damaged"):
        read_bundle(path)


def test_an_archive_without_the_networks_is_no_face_model(tmp_path):
    path = tmp_path / "face_landmarker.task"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.tflite", b"x")
    with pytest.raises(FaceModelMissing, match="another file or damaged"):
        read_bundle(path)


def test_a_face_model_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(FaceModelMissing, match="cannot be read"):
        read_bundle(tmp_path / "nothing.task")


@pytest.mark.parametrize("model", [b"", b"junk" * 99])
def test_bytes_that_are_no_network_are_refused_in_words(model):
    with pytest.raises(RuntimeError, match="cannot load it"):
        Network(model, 128, -1, 1)
