"""Frames in, clips of one face out; clips in, probabilities out. Two threads, one for each."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import Engine, EngineSpec
from resonance_tui.errors import FaceModelMissing
from resonance_tui.pipeline.alignment import FaceTracker
from resonance_tui.pipeline.clip_buffer import Clip, ClipBuffer
from resonance_tui.pipeline.crops import crop
from resonance_tui.pipeline.detectors import FaceDetector, create_detector
from resonance_tui.pipeline.face_model import face_model_path
from resonance_tui.pipeline.sources import Frame


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """What one frame showed. The pictures in it never leave the process."""

    at: float  # monotonic s, when the frame was captured
    track: int | None  # whose face; None = nobody in view
    clip: Clip | None = None  # to be judged; None where no prediction is due
    preview: NDArray[np.uint8] | None = None  # what the engine sees, grey (S, S)
    latency_ms: dict[str, float] = field(default_factory=dict)


class Perception:
    """Finds the face, keeps the clip, hands one out each hop. Not thread-safe by design."""

    def __init__(self, spec: EngineSpec, finder: FaceDetector) -> None:
        self._spec, self._finder = spec, finder
        self._tracker = FaceTracker()
        self._clips = ClipBuffer(spec.clip_frames, spec.frame_rate)
        self._due_at = -1.0
        self._track: int | None = None

    def look(self, frame: Frame, *, wants_clip: bool = True) -> FaceObservation:
        """Take in one frame (blocking, ten milliseconds). `wants_clip`: the engine is free."""
        started = time.monotonic()
        latency = {"capture": _ms(started - frame.captured_at)}
        face = self._tracker.choose(self._finder.find(frame), frame.captured_at)
        latency["face"] = _ms(time.monotonic() - started)
        if face is None:
            return FaceObservation(frame.captured_at, None, latency_ms=latency)
        if face.track != self._track:
            self._track, self._due_at = face.track, -1.0
        picture = crop(frame.image, face, self._spec.crop_size)
        self._clips.add(picture, frame.captured_at, face.track)
        clip = self._due_clip(frame.captured_at) if wants_clip else None
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return FaceObservation(
            frame.captured_at, face.track, clip, np.asarray(grey, np.uint8), latency
        )

    def reset(self) -> None:
        """Forget the clip: the camera was switched off, or sharing on."""
        self._clips.clear()
        self._due_at = -1.0

    def _due_clip(self, now: float) -> Clip | None:
        if now < self._due_at or (clip := self._clips.clip(now)) is None:
            return None
        self._due_at = now + self._spec.hop_s
        return clip


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the engine makes of one clip."""

    probabilities: tuple[float, ...]  # seven
    network_ms: float


def predict(engine: Engine, clip: Clip) -> Prediction:
    """Ask the engine (blocking: milliseconds, or seconds for a large network on a small CPU)."""
    started = time.monotonic()
    found = engine.predict(clip.frames)
    return Prediction(tuple(float(value) for value in found), _ms(time.monotonic() - started))


def fetch_face_model(data_dir: Path) -> tuple[Path | None, str]:
    """The face model, fetched if need be (blocking, once, 3.8 MB), or None and a sentence why."""
    try:
        return face_model_path(data_dir, allow_download=True, progress=False), ""
    except FaceModelMissing as missing:
        return None, f"{missing.message} Using the simpler Haar cascade."


def load_detector(model: Path | None) -> tuple[FaceDetector, str]:
    """The face finder (blocking, a second of imports), and a sentence where it is not the best."""
    finder = create_detector(model)
    simpler = f"{finder.note}: using the simpler {finder.name} face finder."
    return finder, simpler if finder.note else ""


def _ms(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 2)
