from enum import Enum
from typing import Self

from mediapipe import Image
from mediapipe.tasks.python import BaseOptions

class RunningMode(Enum):
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    LIVE_STREAM = "LIVE_STREAM"

class FaceLandmarkerOptions:
    def __init__(
        self,
        base_options: BaseOptions,
        running_mode: RunningMode = ...,
        num_faces: int = 1,
    ) -> None: ...

class NormalizedLandmark:
    x: float  # of the picture's width
    y: float  # of its height

class FaceLandmarkerResult:
    face_landmarks: list[list[NormalizedLandmark]]

class FaceLandmarker:
    @classmethod
    def create_from_options(cls, options: FaceLandmarkerOptions) -> Self: ...
    def detect(self, image: Image) -> FaceLandmarkerResult: ...
    def detect_for_video(self, image: Image, timestamp_ms: int) -> FaceLandmarkerResult: ...
    def close(self) -> None: ...
