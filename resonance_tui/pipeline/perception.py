"""Frames in, clips of one face out (`Perception`); clips in, probabilities out (`predict`)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import Engine, EngineSpec
from resonance_tui.pipeline.alignment import crop
from resonance_tui.pipeline.clip_buffer import Clip, ClipBuffer
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import FaceTracker

if TYPE_CHECKING:
    from resonance_tui.pipeline.detectors.base import FaceDetector


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """What one frame showed. The pictures in it never leave the process."""

    at: float  # monotonic s, when the frame was captured
    track: int | None  # whose face; None: no face in view
    clip: Clip | None = None  # for the engine; None where no prediction is due
    preview: NDArray[np.uint8] | None = None  # what the engine sees, grey (S, S)
    latency_ms: dict[str, float] = field(default_factory=dict)


class Perception:
    """Detects and tracks faces, keeps the crops of one, and gives out a clip every hop.

    Used from one thread. Holds crops of the last moments and nothing else of a picture.
    """

    def __init__(self, spec: EngineSpec, detector: FaceDetector) -> None:
        self._spec, self._detector = spec, detector
        self._tracker = FaceTracker()
        self._clips = ClipBuffer(spec.clip_frames, spec.frame_rate)
        self._next_clip_at = -1.0
        self._track: int | None = None

    def observe(self, frame: Frame, *, wants_clip: bool = True) -> FaceObservation:
        """Take in one frame (blocking, ten milliseconds). `wants_clip`: the engine is free."""
        started = time.monotonic()
        latency = {"capture": _ms(started - frame.captured_at)}
        face = self._tracker.update(self._detector.detect(frame), frame.captured_at)
        latency["face"] = _ms(time.monotonic() - started)
        if face is None:
            self._clips.expire(frame.captured_at)
            return FaceObservation(frame.captured_at, None, latency_ms=latency)
        if face.track != self._track:
            self._track, self._next_clip_at = face.track, -1.0
        picture = crop(frame.image, face, self._spec.crop_size)
        self._clips.add(picture, frame.captured_at, face.track)
        clip = self._take_clip(frame.captured_at) if wants_clip else None
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return FaceObservation(
            frame.captured_at, face.track, clip, np.asarray(grey, np.uint8), latency
        )

    def reset(self) -> None:
        """Drop the crops and patches: the camera was switched off, or sharing on."""
        self._clips.clear()
        self._detector.forget()
        self._next_clip_at = -1.0

    def _take_clip(self, now: float) -> Clip | None:
        if now < self._next_clip_at or (clip := self._clips.clip(now)) is None:
            return None
        self._next_clip_at = now + self._spec.hop_s
        return clip


@dataclass(frozen=True, slots=True)
class Prediction:
    """The engine's answer for one clip."""

    probabilities: tuple[float, ...]  # seven, sum 1
    network_ms: float


def predict(engine: Engine, clip: Clip) -> Prediction:
    """Run the engine (blocking: milliseconds, or seconds for a large network on a small CPU)."""
    started = time.monotonic()
    probabilities = engine.predict(clip.frames)
    spent_ms = _ms(time.monotonic() - started)
    return Prediction(tuple(float(value) for value in probabilities), spent_ms)


def _ms(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 2)
