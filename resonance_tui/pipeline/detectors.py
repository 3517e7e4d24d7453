"""Faces in a frame: MediaPipe's Face Landmarker, OpenCV's Haar cascade where it cannot run."""

from __future__ import annotations

import logging
from math import hypot
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from resonance_tui.native import tame
from resonance_tui.pipeline.alignment import (
    BOX_LIFT,
    BOX_SCALE,
    Detection,
    Face,
    FaceTracker,
    from_haar_box,
    from_landmarks,
    is_cut,
)
from resonance_tui.pipeline.crops import crop
from resonance_tui.pipeline.face_model import face_model_path
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.sources import Frame

__all__ = [
    "BOX_LIFT",
    "BOX_SCALE",
    "Detection",
    "Face",
    "FaceDetector",
    "FaceTracker",
    "create_detector",
    "crop",
    "face_model_path",
]

log = logging.getLogger(__name__)

# One more than the people usually in view: while fewer faces than this are there, MediaPipe
# looks for them anew in every frame, so nothing of one person's landmarks is carried over to
# another after a cut. The search costs 1 ms; each face in view 7 ms.
MAX_FACES = 3
MEDIAPIPE_WIDTH = 640  # px; the networks see 256 px of a face at most
HAAR_WIDTH = 320  # px; finds faces from 32 px on, a tenth of the picture's width
HAAR_RESCAN = 1.0  # s after which the whole picture is searched again
THUMBNAIL = (32, 18)

HaarBox = tuple[int, int, int]  # x, y, size in the narrowed picture


class FaceDetector(Protocol):
    """Finds the faces of one frame. Frames come in the order in which they were captured."""

    name: str  # "mediapipe" or "haar"
    note: str  # why it is not MediaPipe; "" when it is

    def find(self, frame: Frame) -> list[Detection]: ...

    def close(self) -> None: ...


def create_detector(model: Path | None) -> FaceDetector:
    """MediaPipe with that model file, else Haar: with no file, or where MediaPipe fails.

    The first call takes two seconds, for the import; call it off the event loop.
    """
    if model is None:
        return HaarDetector("face model missing")
    try:
        return MediaPipeDetector(model)
    except (OSError, ImportError, RuntimeError, ValueError) as error:
        log.warning("MediaPipe cannot run, OpenCV's Haar cascade steps in: %s", error)
        return HaarDetector(f"MediaPipe failed ({type(error).__name__})")


class SceneCounter:
    """Counts the hard cuts of a stream of frames."""

    def __init__(self) -> None:
        self._count = 0
        self._last: NDArray[np.float64] | None = None

    def scene(self, grey: NDArray[np.uint8]) -> int:
        """The number of the scene that this grey picture (H, W) belongs to."""
        small = cv2.resize(grey, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float64)
        if self._last is not None and is_cut(self._last, small):
            self._count += 1
        self._last = small
        return self._count


class MediaPipeDetector:
    """478 landmarks a face, on the CPU."""

    name = "mediapipe"
    note = ""

    def __init__(self, model: Path) -> None:
        tame()
        import mediapipe as mp
        from mediapipe.tasks.python import BaseOptions, vision

        self._mp: Any = mp
        delegate = BaseOptions.Delegate.CPU
        options = vision.FaceLandmarkerOptions(
            # Bytes, not the path: its C++ side cannot open every path on every system.
            base_options=BaseOptions(model_asset_buffer=model.read_bytes(), delegate=delegate),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=MAX_FACES,
        )
        self._landmarker: Any = vision.FaceLandmarker.create_from_options(options)
        self._scenes = SceneCounter()
        self._last_ms = -1

    def find(self, frame: Frame) -> list[Detection]:
        height, width = frame.image.shape[:2]
        rgb = cv2.cvtColor(_narrowed(frame.image, MEDIAPIPE_WIDTH), cv2.COLOR_BGR2RGB)
        scene = self._scenes.scene(np.ascontiguousarray(rgb[:, :, 1], dtype=np.uint8))
        # Milliseconds must grow, also when two frames come within one.
        self._last_ms = max(self._last_ms + 1, round(frame.captured_at * 1000))
        picture = self._mp.Image(image_format=self._mp.ImageFormat.SRGB, data=rgb)
        result = self._landmarker.detect_for_video(picture, self._last_ms)
        return [
            from_landmarks(np.array([(p.x * width, p.y * height) for p in face]), scene)
            for face in result.face_landmarks
        ]

    def close(self) -> None:
        self._landmarker.close()


class HaarDetector:
    """Upright frontal faces. Those in view are looked for where they were; the whole picture is
    searched when one of them is not there, and once a second."""

    name = "haar"

    def __init__(self, note: str = "") -> None:
        self.note = note
        file = Path(str(cv2.__file__)).parent / "data" / "haarcascade_frontalface_default.xml"
        self._cascade = cv2.CascadeClassifier(str(file))
        self._scenes = SceneCounter()
        self._known: list[HaarBox] = []
        self._scanned_at = float("-inf")

    def find(self, frame: Frame) -> list[Detection]:
        small = _narrowed(frame.image, HAAR_WIDTH)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        scene = self._scenes.scene(grey)
        even = np.asarray(cv2.equalizeHist(grey), dtype=np.uint8)
        is_due = frame.captured_at - self._scanned_at >= HAAR_RESCAN
        again = [] if is_due else [self._look_again(even, box) for box in self._known]
        self._known = [box for box in again if box is not None]
        if len(self._known) < len(again) or not again:
            self._known = self._scan(even)
            self._scanned_at = frame.captured_at
        k = frame.image.shape[1] / small.shape[1]
        return [from_haar_box(x * k, y * k, size * k, scene) for x, y, size in self._known]

    def close(self) -> None:
        """Nothing is held."""

    def _scan(self, grey: NDArray[np.uint8]) -> list[HaarBox]:
        smallest = grey.shape[1] // 10
        found = self._cascade.detectMultiScale(grey, 1.2, 5, minSize=(smallest, smallest))
        return [(int(x), int(y), int(size)) for x, y, size, _ in found]

    def _look_again(self, grey: NDArray[np.uint8], box: HaarBox) -> HaarBox | None:
        x, y, size = box
        left, top, reach = max(0, x - size // 4), max(0, y - size // 4), size + size // 4
        part = grey[top : y + reach, left : x + reach]
        low, high = int(size * 0.8), int(size * 1.25)
        found = self._cascade.detectMultiScale(
            part, 1.1, 5, minSize=(low, low), maxSize=(high, high)
        )
        boxes = [(left + int(a), top + int(b), int(s)) for a, b, s, _ in found]
        return min(boxes, key=lambda new: _distance(new, box), default=None)


def _distance(a: HaarBox, b: HaarBox) -> float:
    return hypot(a[0] + a[2] / 2 - b[0] - b[2] / 2, a[1] + a[2] / 2 - b[1] - b[2] / 2)


def _narrowed(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """`image` at most `width` pixels wide."""
    if image.shape[1] <= width:
        return image
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    is_half = image.shape[1] > 1.5 * width
    how = cv2.INTER_AREA if is_half else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), dtype=np.uint8)
