"""Pure: the faces of one frame, and whose they are from frame to frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import hypot

from resonance_tui.pipeline.seats import Seats

MAX_GAP = 1.0  # s for which a face that is out of sight keeps its track
MAX_STEP = 0.8  # how far a face moves between two frames, in its own sides
SMALL_STEP = 0.3  # up to here it is surely the same face
MAX_GROWTH = 1.6  # factor by which its side changes between two frames
EPSILON = 1e-9  # pixels

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
    """One person: the newest face, when it was seen, and how it moved (pixels a second)."""

    face: Face
    seen_at: float
    vx: float = 0.0
    vy: float = 0.0

    def follow(self, face: Face, now: float) -> None:
        """The same person in a newer frame."""
        seconds = now - self.seen_at
        if seconds > 0:
            self.vx = _blended(self.vx, (face.cx - self.face.cx) / seconds)
            self.vy = _blended(self.vy, (face.cy - self.face.cy) / seconds)
        self.face, self.seen_at = face, now

    def expected(self, now: float) -> Face:
        """Where who is out of sight is by now, going on as before for MAX_STEP sides at most."""
        seconds = now - self.seen_at
        dx, dy = self.vx * seconds, self.vy * seconds
        k = min(1.0, MAX_STEP * self.face.side / max(hypot(dx, dy), EPSILON))
        dx, dy = k * dx, k * dy
        return replace(self.face, cx=self.face.cx + dx, cy=self.face.cy + dy)


class FaceTracker:
    """Tracks every face in view and seats the largest ones, each for as long as it stays.

    The first seat is that of the viewer. Every face has a track, not only the seated ones. So a
    neighbour who moves to the place of a seated face is never taken for it.
    """

    def __init__(self, max_gap: float = MAX_GAP, *, seats: int = 1) -> None:
        self._max_gap = max_gap
        self._tracks: list[_Track] = []
        self._seats = Seats(seats)
        self._track_count = 0

    def update(self, detections: Iterable[Detection], now: float) -> Face | None:
        """Take in one frame's faces (`now`: monotonic s). Returns the face of the first seat, or
        None.

        Also None while that face is out of sight for less than `max_gap`, even if other faces are
        in view.
        """
        return self.update_all(detections, now).get(0)

    def update_all(self, detections: Iterable[Detection], now: float) -> dict[int, Face]:
        """The same for every seat: the faces in view by the number of their seat."""
        seen = self._assign_tracks(list(detections), now)
        kept = {track.face.track for track in self._tracks}
        return self._seats.update(seen, kept)

    def keep_first(self, seats: int) -> None:
        """Only the first seats are left."""
        self._seats.keep_first(seats)

    def _assign_tracks(self, detections: Sequence[Detection], now: float) -> list[Face]:
        scene = max((d.scene for d in detections), default=-1)
        self._tracks = [
            track
            for track in self._tracks
            if now - track.seen_at <= self._max_gap and track.face.scene >= scene
        ]
        seen: list[Face] = []
        for detection, track in _match(detections, tuple(self._tracks), now):
            face = _as_face(detection, track.face.track if track else self._new_track())
            if track is not None:
                track.follow(face, now)
            else:
                self._tracks.append(_Track(face, now))
            seen.append(face)
        return seen

    def _new_track(self) -> int:
        self._track_count += 1
        return self._track_count - 1


def _match(
    detections: Sequence[Detection], tracks: Sequence[_Track], now: float
) -> list[tuple[Detection, _Track | None]]:
    """Match detections to tracks, one to one, most certain pairs first; None: a new track.

    A face that hardly moved since the last frame is more certain than one that would take the
    place of a face that is out of sight. Who is out of sight is looked for where they were, and
    where they were going: two who cross are hidden by each other.
    """
    newest = max((track.seen_at for track in tracks), default=0.0)
    costs = sorted(
        (step > SMALL_STEP or track.seen_at < newest, step, d, t)
        for d, detection in enumerate(detections)
        for t, track in enumerate(tracks)
        if (step := _track_step(track, detection, now, is_hidden=track.seen_at < newest))
        is not None
    )
    partner: dict[int, int] = {}
    for _, _, d, t in costs:
        if d not in partner and t not in partner.values():
            partner[d] = t
    return [
        (found, tracks[partner[d]] if d in partner else None) for d, found in enumerate(detections)
    ]


def _track_step(
    track: _Track, detection: Detection, now: float, *, is_hidden: bool
) -> float | None:
    places = (track.face, track.expected(now)) if is_hidden else (track.face,)
    steps = (_step(place, detection) for place in places)
    return min((step for step in steps if step is not None), default=None)


def _blended(before: float, now: float) -> float:
    return 0.5 * (before + now)


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
