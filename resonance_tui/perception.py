"""Frames in, probabilities out: all that one worker thread does between camera and room."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.capture.clips import ClipBuffer
from resonance_tui.capture.faces import (
    FaceChooser,
    FaceFinder,
    create_finder,
    crop,
    face_model_path,
)
from resonance_tui.capture.sources import Frame
from resonance_tui.engines.base import Engine, create_engine
from resonance_tui.errors import FaceModelMissing


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one frame showed. The pictures in it never leave the process."""

    at: float  # monotonic s, when the frame was captured
    track: int | None  # whose face; None = nobody in view
    probabilities: tuple[float, ...] = ()  # seven; empty where no prediction was due
    preview: NDArray[np.uint8] | None = None  # what the engine sees, grey (S, S)
    latency_ms: dict[str, float] = field(default_factory=dict)


class Perception:
    """Finds the face, keeps the clip, asks the engine once a hop. Not thread-safe by design."""

    def __init__(self, engine: Engine, finder: FaceFinder, note: str = "") -> None:
        self.engine, self.finder, self.note = engine, finder, note
        spec = engine.spec
        self._chooser = FaceChooser()
        self._clips = ClipBuffer(spec.clip_frames, spec.frame_rate)
        self._due_at = -1.0
        self._track: int | None = None

    def look(self, frame: Frame) -> Sighting:
        """Take in one frame (blocking, tens of milliseconds)."""
        started = time.monotonic()
        latency = {"capture": _ms(started - frame.captured_at)}
        face = self._chooser.choose(self.finder.find(frame), frame.captured_at)
        latency["face"] = _ms(time.monotonic() - started)
        if face is None:
            return Sighting(frame.captured_at, None, latency_ms=latency)
        if face.track != self._track:
            self._track, self._due_at = face.track, -1.0
        picture = crop(frame.image, face, self.engine.spec.crop_size)
        self._clips.add(picture, frame.captured_at, face.track)
        probabilities = self._predict(frame.captured_at, latency)
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        return Sighting(
            frame.captured_at, face.track, probabilities, np.asarray(grey, np.uint8), latency
        )

    def reset(self) -> None:
        """Forget the clip: the camera was switched off."""
        self._clips.clear()
        self._due_at = -1.0

    def close(self) -> None:
        self.finder.close()

    def _predict(self, now: float, latency: dict[str, float]) -> tuple[float, ...]:
        if now < self._due_at:
            return ()
        clip = self._clips.clip(now)
        if clip is None:
            return ()
        started = time.monotonic()
        probabilities = self.engine.predict(clip.frames)
        latency["network"] = _ms(time.monotonic() - started)
        self._due_at = now + self.engine.spec.hop_s
        return tuple(float(value) for value in probabilities)


def fetch_face_model(data_dir: Path) -> tuple[Path | None, str]:
    """The face model, fetched if need be (blocking, once, 3.8 MB), or None and a sentence why."""
    try:
        return face_model_path(data_dir, allow_download=True, progress=False), ""
    except FaceModelMissing as missing:
        return None, f"{missing.message} Using the simpler Haar cascade."


def load_perception(engine: str, model: Path | None, note: str = "") -> Perception:
    """Build engine and face finder (blocking, a second of imports). Raises EngineUnavailable."""
    network = create_engine(engine)
    finder = create_finder(model)
    if finder.note and not note:
        note = f"{finder.note}: using the simpler {finder.name} face finder."
    return Perception(network, finder, note)


def _ms(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 2)
