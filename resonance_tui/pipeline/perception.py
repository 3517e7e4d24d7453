"""Frames in, clips of faces out (`Perception`); clips in, probabilities out (`predict`)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import Engine, EngineSpec, Flaw, judge
from resonance_tui.pipeline.alignment import crop
from resonance_tui.pipeline.clip_buffer import Clip, ClipBuffer
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.still_faces import StillFaces
from resonance_tui.pipeline.tracker import Face, FaceTracker

if TYPE_CHECKING:
    from resonance_tui.pipeline.detectors.base import FaceDetector


# Pixels of the square's side below which a face is not read. On FER+ pictures made as small as that
# the network is right in .835 (48 pixels: .865); with 16 pixels in .749.
MIN_SIDE = 24.0
NEAR_AGAIN = 1.15  # times MIN_SIDE, from which on a face that was too far is read again


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One of the others in view."""

    seat: int  # from 1 on
    track: int
    clip: Clip | None = None  # for the engine; None where no prediction is due


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """What one frame showed. The pictures in it never leave the process."""

    at: float  # monotonic s, when the frame was captured
    track: int | None  # whose face; None: no face in view
    clip: Clip | None = None  # for the engine; None where no prediction is due
    preview: NDArray[np.uint8] | None = None  # what the engine sees, grey (S, S)
    latency_ms: dict[str, float] = field(default_factory=dict)
    too_far: bool = False  # the face is too small to be read: no clip, no preview
    side: float = 0.0  # pixels, of the first face's square
    faces: int = 0  # how many are in view, read or not
    others: tuple[Glimpse, ...] = ()  # who is near enough to be read beside the first
    still: StillFaces | None = None  # how the faces look now, where there are any and it is wanted


class PersonCrops:
    """The crops of one person, and a clip of them every hop."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._clips = ClipBuffer(spec.clip_frames, spec.frame_rate)
        self._next_clip_at = -1.0
        self._track: int | None = None
        self.is_too_far = False  # to be read, as `look` found last

    def look(self, face: Face) -> bool:
        """Whether this face is near enough to be cropped. A clip of another track is due at
        once."""
        if face.track != self._track:
            self._track, self._next_clip_at = face.track, -1.0
            self.is_too_far = False
        self.is_too_far = face.side < (MIN_SIDE * NEAR_AGAIN if self.is_too_far else MIN_SIDE)
        return not self.is_too_far

    def add(self, picture: NDArray[np.uint8], at: float, track: int) -> None:
        """One crop; see ClipBuffer."""
        self._clips.add(picture, at, track)

    def take_clip(self, now: float) -> Clip | None:
        """The newest clip where one is due, else None."""
        if now < self._next_clip_at or (clip := self._clips.clip(now)) is None:
            return None
        self._next_clip_at = now + self._spec.hop_s
        return clip

    def expire(self, now: float) -> None:
        """No face at `now`; see ClipBuffer."""
        self._clips.expire(now)

    def clear(self) -> None:
        """Drop every crop."""
        self._clips.clear()
        self._next_clip_at = -1.0


class Perception:
    """Detects and tracks faces, keeps the crops of `people` of them, and gives out a clip of each
    every hop.

    Used from one thread. Holds crops of the last moments and nothing else of a picture.
    """

    def __init__(self, spec: EngineSpec, detector: FaceDetector, *, people: int = 1) -> None:
        self._spec, self._detector = spec, detector
        self._tracker = FaceTracker(seats=people)
        self._people = [PersonCrops(spec) for _ in range(people)]

    def observe(
        self, frame: Frame, *, wants_clip: bool = True, wants_still: bool = False
    ) -> FaceObservation:
        """Take in one frame (blocking, ten milliseconds). `wants_clip`: the engine is free;
        `wants_still`: the next frames are to be compared with this one."""
        started, at = time.monotonic(), frame.captured_at
        latency = {"capture": _ms(started - at)}
        found = self._detector.detect(frame)
        seated = self._tracker.update_all(found, at)
        latency["face"] = _ms(time.monotonic() - started)
        near = {seat: face for seat, face in seated.items() if self._people[seat].look(face)}
        preview = self._take_in(frame, near)
        clips = {seat: self._people[seat].take_clip(at) if wants_clip else None for seat in near}
        others = (Glimpse(seat, face.track, clips[seat]) for seat, face in near.items() if seat)
        return FaceObservation(
            at,
            seated[0].track if 0 in seated else None,
            clips.get(0),
            preview,
            latency,
            too_far=0 in seated and 0 not in near,
            side=seated[0].side if 0 in seated else 0.0,
            faces=len(found),
            others=tuple(others),
            still=StillFaces(frame.image, found) if found and wants_still else None,
        )

    def _take_in(self, frame: Frame, near: dict[int, Face]) -> NDArray[np.uint8] | None:
        """Keep a crop of everybody near enough, and drop what is too old of the others. Returns
        that of the first in grey."""
        preview = None
        for seat, person in enumerate(self._people):
            if (face := near.get(seat)) is None:
                person.expire(frame.captured_at)
                continue
            picture = crop(frame.image, face, self._spec.crop_size)
            person.add(picture, frame.captured_at, face.track)
            if seat == 0:
                preview = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        return preview

    def keep_first(self, people: int) -> None:
        """Nobody but the first `people` is read from now on."""
        del self._people[people:]
        self._tracker.keep_first(people)

    def reset(self) -> None:
        """Drop the crops and patches: the camera was switched off, or sharing on."""
        for person in self._people:
            person.clear()
        self._detector.forget()


@dataclass(frozen=True, slots=True)
class Prediction:
    """The engine's answer for one clip."""

    probabilities: tuple[float, ...]  # seven, sum 1
    network_ms: float
    flaw: Flaw = Flaw.NONE  # see Judgement
    demand: float = 0.0


def predict(engine: Engine, clip: Clip) -> Prediction:
    """Run the engine (blocking: milliseconds, or seconds for a large network on a small CPU)."""
    started = time.monotonic()
    found = judge(engine, clip.frames)
    spent_ms = _ms(time.monotonic() - started)
    probabilities = tuple(float(value) for value in found.probabilities)
    return Prediction(probabilities, spent_ms, found.flaw, found.demand)


def _ms(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 2)
