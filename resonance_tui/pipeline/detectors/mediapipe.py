"""MediaPipe's Face Landmarker: 478 landmarks a face, on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resonance_tui.errors import FaceModelMissing
from resonance_tui.extras import require
from resonance_tui.native import tame
from resonance_tui.pipeline.detectors.base import SceneCounter, narrowed
from resonance_tui.pipeline.detectors.mesh import from_landmarks
from resonance_tui.pipeline.face_model import HINT
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

# As many as are read at once. While fewer faces than this are in view, MediaPipe
# searches every frame again, so after a cut one person's landmarks never start from another's.
# The search costs 1 ms; each face in view 7 ms.
MAX_FACES = 4
MEDIAPIPE_WIDTH = 640  # px; the networks see 256 px of a face at most


def create(model: Path | None) -> MediaPipeDetector:
    """With the face model at `model`. Raises ExtraMissing, FaceModelMissing, or what MediaPipe
    raises."""
    require("mediapipe", "The face detector 'mediapipe'")
    if model is None:
        raise FaceModelMissing("MediaPipe needs its face model.", HINT)
    return MediaPipeDetector(model)


class MediaPipeDetector:
    """Loads MediaPipe (two seconds) and the model file; see FaceDetector."""

    name = "mediapipe"

    def __init__(self, model: Path) -> None:
        tame()
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        self._mp = mp
        delegate = BaseOptions.Delegate.CPU
        options = vision.FaceLandmarkerOptions(
            # Bytes, not the path: its C++ side cannot open every path on every system.
            base_options=BaseOptions(model_asset_buffer=model.read_bytes(), delegate=delegate),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=MAX_FACES,
        )
        self._landmarker = vision.FaceLandmarker.create_from_options(options)
        self._scenes = SceneCounter()
        self._last_ms = -1

    def detect(self, frame: Frame) -> list[Detection]:
        height, width = frame.image.shape[:2]
        rgb = cv2.cvtColor(narrowed(frame.image, MEDIAPIPE_WIDTH), cv2.COLOR_BGR2RGB)
        scene = self._scenes.scene(np.ascontiguousarray(rgb[:, :, 1], dtype=np.uint8))
        # Milliseconds must grow, also when two frames come within one.
        self._last_ms = max(self._last_ms + 1, round(frame.captured_at * 1000))
        picture = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=rgb)
        result = self._landmarker.detect_for_video(picture, self._last_ms)
        return [
            from_landmarks(np.array([(p.x * width, p.y * height) for p in face]), scene)
            for face in result.face_landmarks
        ]

    def forget(self) -> None:
        """What MediaPipe keeps are places, and no picture."""
        self._scenes.forget()

    def close(self) -> None:
        self._landmarker.close()
