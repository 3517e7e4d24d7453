"""MediaPipe's networks run by OpenCV, and between two readings the flow of the picture.

What MediaPipe does in every frame happens here once a second, or when the face moves: the whole
picture is searched, and landmarks are read from where a face was found, as MediaPipe reads them.
In between a small patch of each face is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi, sin
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_tui.errors import FaceModelMissing
from resonance_tui.pipeline.detectors.base import SceneCounter, narrowed
from resonance_tui.pipeline.detectors.blazeface import BlazeFace
from resonance_tui.pipeline.detectors.bundle import FaceBundle, read_bundle
from resonance_tui.pipeline.detectors.flow import FacePatch
from resonance_tui.pipeline.detectors.landmarks import LEAST_PRESENCE, FaceLandmarks
from resonance_tui.pipeline.detectors.mesh import from_landmarks
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.face_model import HINT
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

MOST_FACES = 3
SLACK = 0.01  # s by which frames may come early
SEARCH_WIDTH = 640  # px; the network that searches sees 128

# Seconds after which the whole picture is searched: with everybody in view, with nobody.
SEARCH_EVERY, SEARCH_NOBODY = 1.0, 0.2

# Landmarks are read at once where a face has left this range since they were read last.
MOST_SHIFT = 0.12  # in sides of its square
MOST_TURN = 0.14  # radians
MOST_GROWTH = 0.12
LEAST_LIKENESS = 0.96  # of its patch with itself then, as a share of the best since

# Where BlazeFace finds a face, from the square of its landmarks; medians over the shared clips.
REGION_SCALE = 1.235  # side / side
REGION_DROP = 0.1  # how far its centre lies below, in sides of the face's square


def create(model: Path | None) -> FastDetector:
    """With the face model at `model`. Raises FaceModelMissing, or RuntimeError where this OpenCV
    cannot run it."""
    if model is None:
        raise FaceModelMissing("The fast detector needs the face model.", HINT)
    return FastDetector(read_bundle(model))


@dataclass(slots=True)
class _Known:
    """One face that is followed."""

    read: Detection  # as its landmarks gave it
    read_at: float  # s
    patch: FacePatch  # as it was then
    now: Detection  # in the newest frame
    best: float = 0.0  # the largest likeness since


class FastDetector:
    """See FaceDetector. Holds 64x64 grey pixels of each face beside the thumbnail."""

    name = "fast"

    def __init__(self, bundle: FaceBundle) -> None:
        self._finder = BlazeFace(bundle.detector)
        self._landmarks = FaceLandmarks(bundle.landmarks)
        self._scenes = SceneCounter()
        self._scene = 0
        self._known: list[_Known] = []
        self._searched_at = float("-inf")

    def detect(self, frame: Frame) -> list[Detection]:
        scene = self._scenes.scene(_thinned(frame.image))
        if scene != self._scene:
            self._scene, self._known, self._searched_at = scene, [], float("-inf")
        wait = SEARCH_EVERY if self._known else SEARCH_NOBODY
        is_due = not 0 <= frame.captured_at - self._searched_at < wait - SLACK
        sure = [known for known in self._known if self._follow(known, frame)]
        if is_due or len(sure) < len(self._known):
            self._known = self._search(frame, [] if is_due else sure)
        return [known.now for known in self._known]

    def forget(self) -> None:
        self._known = []
        self._scenes.forget()
        self._searched_at = float("-inf")

    def close(self) -> None:
        self.forget()

    def _follow(self, known: _Known, frame: Frame) -> bool:
        """Move the face to where it is in this frame. False where its landmarks have to be read
        again: it is lost, has moved, or looks different."""
        found = known.patch.follow(frame.image, _square(known.now))
        if found is None:
            return False
        known.now = _placed(known.read, found.square, self._scene)
        known.best = max(known.best, found.likeness)
        return _is_near(known) and found.likeness >= LEAST_LIKENESS * known.best

    def _search(self, frame: Frame, sure: list[_Known]) -> list[_Known]:
        """Every face: those that are `sure` as they are, others where BlazeFace finds them, else
        where they were."""
        small = narrowed(frame.image, SEARCH_WIDTH)
        k = frame.image.shape[1] / small.shape[1]
        found = [scaled(face.square, k) for face in self._finder.find(small)]
        self._searched_at = frame.captured_at
        places = [_region(known.now) for known in self._known]
        kept = [place for place in places if not _is_among(place, found)]
        held = [_region(known.now) for known in sure]
        new = [place for place in (*kept, *found) if not _is_among(place, held)]
        faces = (self._read(frame, place) for place in new[: MOST_FACES - len(sure)])
        return _distinct([*sure, *(face for face in faces if face is not None)])

    def _read(self, frame: Frame, square: Square) -> _Known | None:
        """The face in this square, by its landmarks; None where there is none."""
        points, presence = self._landmarks.read(frame.image, square)
        face = from_landmarks(points, self._scene)
        if presence < LEAST_PRESENCE or face.side <= 0:
            return None
        return _Known(face, frame.captured_at, FacePatch(frame.image, _square(face)), face)


def _thinned(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Some of the green pixels: enough for a thumbnail."""
    step = max(1, image.shape[1] // 160)
    return np.ascontiguousarray(image[::step, ::step, 1])


def _square(face: Detection) -> Square:
    return Square(face.cx, face.cy, face.side, face.roll)


def scaled(square: Square, k: float) -> Square:
    """The same place in a picture that is `k` times as large."""
    return Square(square.cx * k, square.cy * k, square.side * k, square.roll)


def _turned(angle: float) -> float:
    """The same angle, in -pi..pi."""
    return (angle + pi) % (2 * pi) - pi


def _is_near(known: _Known) -> bool:
    """Whether the face is about where its landmarks were read."""
    read, now = known.read, known.now
    return (
        hypot(now.cx - read.cx, now.cy - read.cy) <= MOST_SHIFT * read.side
        and abs(_turned(now.roll - read.roll)) <= MOST_TURN
        and abs(now.side / read.side - 1) <= MOST_GROWTH
    )


def _placed(read: Detection, square: Square, scene: int) -> Detection:
    """The face of `read`, its square and its upright box moved to `square`."""
    k, dx, dy = square.side / read.side, square.cx, square.cy
    x0, y0, x1, y1 = read.box
    box = (
        (x0 - read.cx) * k + dx,
        (y0 - read.cy) * k + dy,
        (x1 - read.cx) * k + dx,
        (y1 - read.cy) * k + dy,
    )
    roll = _turned(square.roll)
    return Detection(square.cx, square.cy, square.side, roll, box, scene)


def _region(face: Detection) -> Square:
    """From where to read the landmarks of a face: about where BlazeFace would find it."""
    drop = REGION_DROP * face.side
    cx, cy = face.cx - drop * sin(face.roll), face.cy + drop * cos(face.roll)
    return Square(cx, cy, REGION_SCALE * face.side, face.roll)


def _is_among(square: Square, others: list[Square]) -> bool:
    """Whether one of the others is about the same place."""
    return any(
        hypot(square.cx - other.cx, square.cy - other.cy) < 0.3 * max(square.side, other.side)
        for other in others
    )


def _distinct(known: list[_Known]) -> list[_Known]:
    """Each face once, though two squares led to it."""
    distinct: list[_Known] = []
    for one in known:
        if not _is_among(_square(one.now), [_square(other.now) for other in distinct]):
            distinct.append(one)
    return distinct
