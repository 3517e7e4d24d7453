"""The crop that the card asks for is the framing of the faces that the network was trained on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import resonance_zoo
from resonance_zoo.train.still import ferplus

FACES = 80
ZOOM, BORDER = 4, 96  # MediaPipe wants larger faces with something around them


def landmark_boxes(images: np.ndarray, landmarker: Path) -> np.ndarray:
    """Left, top, right, bottom of the landmarks in crop sides, for each face found."""
    mediapipe = pytest.importorskip("mediapipe")
    from mediapipe.tasks import python as tasks

    options = tasks.vision.FaceLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(landmarker))
    )
    boxes = []
    with tasks.vision.FaceLandmarker.create_from_options(options) as finder:
        for image in images:
            large = cv2.resize(image, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
            grey = int(image.mean())
            framed = cv2.copyMakeBorder(large, *[BORDER] * 4, cv2.BORDER_CONSTANT, value=grey)
            picture = mediapipe.Image(
                mediapipe.ImageFormat.SRGB, cv2.cvtColor(framed, cv2.COLOR_GRAY2RGB)
            )
            for marks in finder.detect(picture).face_landmarks:
                points = np.array([(mark.x, mark.y) for mark in marks]) * framed.shape[0]
                points = (points - BORDER) / large.shape[0]
                boxes.append(np.concatenate([points.min(0), points.max(0)]))
    return np.array(boxes)


@pytest.mark.faces
def test_the_contract_is_how_fer_plus_faces_are_cut(ferplus_file: Path) -> None:
    landmarker = ferplus_file.with_name("face_landmarker.task")
    if not landmarker.is_file():
        pytest.skip(f"{landmarker.name} is not beside the training data")
    faces = ferplus.load(ferplus_file, "valid", limit=FACES)
    boxes = landmark_boxes(faces.images, landmarker)
    assert len(boxes) > 0.8 * FACES

    contract = resonance_zoo.card("static_cnn").input
    sides = contract.box_scale * (boxes[:, 2:] - boxes[:, :2]).max(1)
    centre_x = (boxes[:, 0] + boxes[:, 2]) / 2
    centre_y = (boxes[:, 1] + boxes[:, 3]) / 2 - contract.shift_up * sides
    # The training crop itself has side 1 and its centre at (0.5, 0.5).
    assert np.median(sides) == pytest.approx(1, abs=0.05)
    assert np.median(centre_x) == pytest.approx(0.5, abs=0.03)
    assert np.median(centre_y) == pytest.approx(0.5, abs=0.03)
