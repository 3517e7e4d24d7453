"""Pure: a face that is followed from picture to picture, and how long its landmarks hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin

from resonance_tui.pipeline.detectors.flow import FacePatch
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.tracker import Detection

# Where BlazeFace finds a face, from the square of its landmarks; medians over the shared clips.
REGION_SCALE = 1.235  # side / side
REGION_DROP = 0.1  # how far its centre lies below, in sides of the face's square


@dataclass(slots=True)
class FollowedFace:
    """One face that is followed."""

    read: Detection  # as its landmarks gave it
    read_at: float  # s
    patch: FacePatch  # as it was then
    now: Detection  # in the newest frame
    likeness: float = 1.0  # of the patch in the newest frame
    best: float = 0.0  # the largest likeness since


@dataclass(frozen=True, slots=True)
class Range:
    """How far a face may go from where its landmarks were read."""

    shift: float  # in sides of its square
    turn: float  # radians
    growth: float  # of its side, as a share
    likeness: float  # least of its patch with itself then, as a share of the best since

    def holds(self, face: FollowedFace) -> bool:
        read, now = face.read, face.now
        return (
            hypot(now.cx - read.cx, now.cy - read.cy) <= self.shift * read.side
            and abs(turned(now.roll - read.roll)) <= self.turn
            and abs(now.side / read.side - 1) <= self.growth
            and face.likeness >= self.likeness * face.best
        )


# At rest landmarks hold twice as long; out of reach they are read again at once.
AT_REST = Range(shift=0.02, turn=0.02, growth=0.015, likeness=0.985)
IN_REACH = Range(shift=0.12, turn=0.14, growth=0.12, likeness=0.96)


def square_of(face: Detection) -> Square:
    return Square(face.cx, face.cy, face.side, face.roll)


def turned(angle: float) -> float:
    """The same angle, in -pi..pi."""
    return (angle + pi) % (2 * pi) - pi


def placed(read: Detection, square: Square, scene: int) -> Detection:
    """The face of `read`, its square and its upright box moved to `square`."""
    k, dx, dy = square.side / read.side, square.cx, square.cy
    x0, y0, x1, y1 = read.box
    box = (
        (x0 - read.cx) * k + dx,
        (y0 - read.cy) * k + dy,
        (x1 - read.cx) * k + dx,
        (y1 - read.cy) * k + dy,
    )
    roll = turned(square.roll)
    return Detection(square.cx, square.cy, square.side, roll, box, scene)


def region_of(face: Detection) -> Square:
    """From where to read the landmarks of a face: about where BlazeFace would find it."""
    drop = REGION_DROP * face.side
    cx, cy = face.cx - drop * sin(face.roll), face.cy + drop * cos(face.roll)
    return Square(cx, cy, REGION_SCALE * face.side, face.roll)


def is_among(square: Square, others: Sequence[Square]) -> bool:
    """Whether one of the others is about the same place."""
    return any(
        hypot(square.cx - other.cx, square.cy - other.cy) < 0.3 * max(square.side, other.side)
        for other in others
    )


def distinct(faces: Iterable[FollowedFace]) -> list[FollowedFace]:
    """Each face once, though two squares led to it."""
    kept: list[FollowedFace] = []
    for one in faces:
        if not is_among(square_of(one.now), [square_of(other.now) for other in kept]):
            kept.append(one)
    return kept
