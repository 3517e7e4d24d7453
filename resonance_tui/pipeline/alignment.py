"""Pure: where the square around a face lies, and whose face it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, sin

import numpy as np
from numpy.typing import NDArray

# What the engines were trained on: the framing of FER+ crops, measured on landmark boxes.
BOX_SCALE = 1.09  # side of the crop / larger side of the landmarks' box
BOX_LIFT = 0.055  # how far the crop's centre lies above the box's, in sides of the crop

# The same crop from OpenCV's Haar box, measured on real clips against the rule above.
HAAR_SCALE = 1.08  # side of the crop / side of the Haar box
HAAR_DROP = 0.042  # how far the crop's centre lies below the box's, in sides of the Haar box

# Corners of the eyes in MediaPipe's face mesh; "right" is the person's right, left in the picture.
RIGHT_EYE, LEFT_EYE = (33, 133), (362, 263)

MAX_GAP = 1.0  # s for which a face that is out of sight is waited for
MAX_STEP = 0.8  # how far a face moves between two frames, in its own sides
SMALL_STEP = 0.3  # what is surely the same face
MAX_GROWTH = 1.6  # how much its side changes between two frames

Box = tuple[float, float, float, float]  # x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Detection:
    """One face in one frame; pixels of that frame."""

    cx: float  # centre and side of the square to crop
    cy: float
    side: float
    roll: float  # radians by which the eye line falls towards the picture's right
    box: Box  # as the detector gave it
    scene: int = 0  # number of hard cuts before this frame: nobody is followed across one


@dataclass(frozen=True, slots=True)
class Face(Detection):
    """The face that is read. `track` is the same number for as long as it is the same person."""

    track: int = 0


def from_landmarks(points: NDArray[np.float64], scene: int = 0) -> Detection:
    """The crop for MediaPipe's landmarks, (478, 2) pixels, levelled by the line of the eyes."""
    eyes = points[list(LEFT_EYE)].mean(axis=0) - points[list(RIGHT_EYE)].mean(axis=0)
    roll = atan2(eyes[1], eyes[0])
    x0, y0 = points.min(axis=0).tolist()
    x1, y1 = points.max(axis=0).tolist()
    # The box of the levelled face: the upright box of a tilted face is too large.
    turn = np.array([[cos(roll), -sin(roll)], [sin(roll), cos(roll)]])
    level = points @ turn
    low, high = level.min(axis=0), level.max(axis=0)
    side = BOX_SCALE * float((high - low).max())
    centre = turn @ ((low + high) / 2 - [0.0, BOX_LIFT * side])
    return Detection(float(centre[0]), float(centre[1]), side, roll, (x0, y0, x1, y1), scene)


def from_haar_box(x: float, y: float, size: float, scene: int = 0) -> Detection:
    """The crop for a box of OpenCV's frontal-face cascade. It knows no eyes, so no roll."""
    cx, cy = x + size / 2, y + size / 2 + HAAR_DROP * size
    return Detection(cx, cy, HAAR_SCALE * size, 0.0, (x, y, x + size, y + size), scene)


def is_cut(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Whether two small grey pictures (h, w) show different scenes. Light may change between
    them, and people may move: on real clips neighbours correlate with 0.87 and more."""
    before, after = before - before.mean(), after - after.mean()
    scale = np.sqrt((before**2).sum() * (after**2).sum())
    return bool((before * after).sum() < 0.5 * scale)


@dataclass(slots=True)
class _Track:
    """Somebody in view: last place, when, and a number."""

    face: Face
    seen_at: float


class FaceTracker:
    """Follows everybody in view and picks one: the largest, kept for as long as it stays.

    All are followed, not only the chosen one, so that a neighbour who comes close to the place
    of the chosen face is never taken for it.
    """

    def __init__(self, max_gap: float = MAX_GAP) -> None:
        self._max_gap = max_gap
        self._tracks: list[_Track] = []
        self._chosen = -1
        self._made = 0

    def choose(self, detections: Iterable[Detection], now: float) -> Face | None:
        """The face to read in this frame (`now`: monotonic s), or None.

        None too while the chosen face is out of sight for less than `max_gap`, whoever else is
        in view.
        """
        seen = self._follow(list(detections), now)
        if any(track.face.track == self._chosen for track in self._tracks):
            return next((face for face in seen if face.track == self._chosen), None)
        if not seen:
            return None
        largest = max(seen, key=lambda face: face.side)
        self._chosen = largest.track
        return largest

    def _follow(self, detections: Sequence[Detection], now: float) -> list[Face]:
        scene = max((d.scene for d in detections), default=-1)
        self._tracks = [
            track
            for track in self._tracks
            if now - track.seen_at <= self._max_gap and track.face.scene >= scene
        ]
        seen = []
        for detection, track in _pairs(detections, tuple(self._tracks)):
            face = _as_face(detection, track.face.track if track else self._new_number())
            if track is not None:
                track.face, track.seen_at = face, now
            else:
                self._tracks.append(_Track(face, now))
            seen.append(face)
        return seen

    def _new_number(self) -> int:
        self._made += 1
        return self._made - 1


def _pairs(
    detections: Sequence[Detection], tracks: Sequence[_Track]
) -> list[tuple[Detection, _Track | None]]:
    """Each detection with the track it continues, surest pairs first, one to one.

    A face that hardly moved since the frame before is surer than one that would fill the place
    of somebody who is out of sight.
    """
    newest = max((track.seen_at for track in tracks), default=0.0)
    costs = sorted(
        (step > SMALL_STEP or track.seen_at < newest, step, d, t)
        for d, detection in enumerate(detections)
        for t, track in enumerate(tracks)
        if (step := _step(track.face, detection)) is not None
    )
    partner: dict[int, int] = {}
    for _, _, d, t in costs:
        if d not in partner and t not in partner.values():
            partner[d] = t
    return [
        (found, tracks[partner[d]] if d in partner else None) for d, found in enumerate(detections)
    ]


def _step(before: Detection, after: Detection) -> float | None:
    """How far a face would have moved, in its own sides; None when it cannot be the same."""
    small, large = sorted((before.side, after.side))
    if small <= 0 or large / small > MAX_GROWTH or before.scene != after.scene:
        return None
    step = hypot(after.cx - before.cx, after.cy - before.cy) / large
    return step if step <= MAX_STEP else None


def _as_face(detection: Detection, track: int) -> Face:
    d = detection
    return Face(d.cx, d.cy, d.side, d.roll, d.box, d.scene, track)
