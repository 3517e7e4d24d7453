"""Pure: the faces of one frame, and whose they are from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot

MAX_GAP = 1.0  # s for which a face that is out of sight keeps its track
MAX_STEP = 0.8  # how far a face moves between two frames, in its own sides
SMALL_STEP = 0.3  # up to here it is surely the same face
MAX_GROWTH = 1.6  # factor by which its side changes between two frames

Box = tuple[float, float, float, float]  # x0, y0, x1, y1


@dataclass(frozen=True, slots=True)
class Detection:
    """One face in one frame; pixels of that frame."""

    cx: float  # centre and side of the square to crop
    cy: float
    side: float
    roll: float  # radians by which the eye line falls towards the picture's right
    box: Box  # as the detector gave it
    scene: int = 0  # number of hard cuts before this frame; no track continues across one


@dataclass(frozen=True, slots=True)
class Face(Detection):
    """A face with its track: the same number for as long as it is the same person."""

    track: int = 0


@dataclass(slots=True)
class _Track:
    """One person: the newest face, and when it was seen."""

    face: Face
    seen_at: float


class FaceTracker:
    """Tracks every face in view and selects one: the largest, kept for as long as it stays.

    Every face has a track, not only the selected one. So a neighbour who moves to the place of
    the selected face is never taken for it.
    """

    def __init__(self, max_gap: float = MAX_GAP) -> None:
        self._max_gap = max_gap
        self._tracks: list[_Track] = []
        self._selected = -1
        self._track_count = 0

    def update(self, detections: Iterable[Detection], now: float) -> Face | None:
        """Take in one frame's faces (`now`: monotonic s). Returns the selected face, or None.

        Also None while the selected face is out of sight for less than `max_gap`, even if other
        faces are in view.
        """
        seen = self._assign_tracks(list(detections), now)
        if any(track.face.track == self._selected for track in self._tracks):
            return next((face for face in seen if face.track == self._selected), None)
        if not seen:
            return None
        largest = max(seen, key=lambda face: face.side)
        self._selected = largest.track
        return largest

    def _assign_tracks(self, detections: Sequence[Detection], now: float) -> list[Face]:
        scene = max((d.scene for d in detections), default=-1)
        self._tracks = [
            track
            for track in self._tracks
            if now - track.seen_at <= self._max_gap and track.face.scene >= scene
        ]
        seen: list[Face] = []
        for detection, track in _match(detections, tuple(self._tracks)):
            face = _as_face(detection, track.face.track if track else self._new_track())
            if track is not None:
                track.face, track.seen_at = face, now
            else:
                self._tracks.append(_Track(face, now))
            seen.append(face)
        return seen

    def _new_track(self) -> int:
        self._track_count += 1
        return self._track_count - 1


def _match(
    detections: Sequence[Detection], tracks: Sequence[_Track]
) -> list[tuple[Detection, _Track | None]]:
    """Match detections to tracks, one to one, most certain pairs first; None: a new track.

    A face that hardly moved since the last frame is more certain than one that would take the
    place of a face that is out of sight.
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
    """How far the face has moved, in its own sides; None when it cannot be the same face."""
    small, large = sorted((before.side, after.side))
    if small <= 0 or large / small > MAX_GROWTH or before.scene != after.scene:
        return None
    step = hypot(after.cx - before.cx, after.cy - before.cy) / large
    return step if step <= MAX_STEP else None


def _as_face(detection: Detection, track: int) -> Face:
    d = detection
    return Face(d.cx, d.cy, d.side, d.roll, d.box, d.scene, track)
