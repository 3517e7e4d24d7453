"""MediaPipe's face model taken apart: the two networks that find a face and its landmarks."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

from resonance_tui.errors import FaceModelMissing
from resonance_tui.pipeline.face_model import HINT
from resonance_tui.texts import mark

DETECTOR = "face_detector.tflite"
LANDMARKS = "face_landmarks_detector.tflite"


@dataclass(frozen=True, slots=True)
class FaceBundle:
    """Two TensorFlow Lite files, as bytes."""

    detector: bytes  # BlazeFace: where faces are
    landmarks: bytes  # the face mesh: 478 points of one face


def read_bundle(model: Path) -> FaceBundle:
    """The networks inside the file `model`, a zip archive.

    Raises FaceModelMissing where the file is not there or is no such archive.
    """
    try:
        with zipfile.ZipFile(model) as archive:
            return FaceBundle(archive.read(DETECTOR), archive.read(LANDMARKS))
    except OSError as error:
        text = f"The face model cannot be read: {error.strerror or type(error).__name__}."
        raise FaceModelMissing(text, HINT) from None
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError):
        raise FaceModelMissing(mark("The face model is another file or damaged."), HINT) from None
