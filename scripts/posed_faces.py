"""Expressions put onto neutral stills: each person neutral, and as a class of other people moves.

An active appearance model: how mouth, brows and eyes of a class differ from neutral ones on average
(landmarks), and how its skin does (grey levels once the shapes agree). A neutral face gets so much
of both. Pictures stay in memory. It is drawn, not acted: good for what moves between two settings
of a decision on the same person, not for how many of a hundred real faces are read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from acted_faces import Features, features_of, landmarks
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion

Picture = NDArray[np.uint8]
Plane = NDArray[np.float32]
Points = NDArray[np.float64]  # (N, 2): x, y in pixels of SIDE

SIDE = 96  # pixels in which a face is warped
SOFT = 9.0  # pixels over which one landmark's step is smoothed into the next one's
_ROWS, _COLUMNS = (plane.astype(np.float32) for plane in np.mgrid[0:SIDE, 0:SIDE])
# Of MediaPipe's mesh: jaw, brows, eyes, nose and lips, and the four corners, which never move.
_JAW = (
    *(10, 338, 297, 284, 251, 389, 356, 454, 361, 397, 379, 400),
    *(152, 176, 150, 172, 132, 234, 127, 162, 21, 54, 67, 109),
)
_BROWS = (
    *(70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    *(300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)
_EYES = (33, 160, 159, 158, 133, 153, 145, 144, 362, 385, 386, 387, 263, 373, 374, 380)
_NOSE = (168, 6, 4, 98, 327, 2)
_LIPS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
MARKS = np.array(_JAW + _BROWS + _EYES + _NOSE + _LIPS)
_CORNERS = np.array([(0, 0), (SIDE - 1, 0), (0, SIDE - 1), (SIDE - 1, SIDE - 1)], np.float64)


@dataclass(frozen=True, slots=True)
class Neutral:
    """A neutral still, enlarged, and its landmarks."""

    face: Plane  # grey levels, (SIDE, SIDE)
    marks: Points
    features: Features


@dataclass(frozen=True, slots=True)
class _Change:
    """What an expression does: to the landmarks of the mean face, and to grey levels there."""

    step: Points
    shape: Points  # of the class, where `skin` is
    skin: Plane  # in standard deviations of a face


class Expressions:
    """How each class differs from neutral. `examples`: neutral ones, and some of each class."""

    def __init__(self, examples: dict[Emotion, list[Neutral]]) -> None:
        neutral = examples[Emotion.NEUTRAL]
        self._mean = np.mean([each.marks for each in neutral], axis=0)
        aligned = [_aligned(each, self._mean) for each in neutral]
        shape = np.mean([each.marks for each in aligned], axis=0)
        self._changes = {
            code: _change([_aligned(each, self._mean) for each in faces], aligned, shape)
            for code, faces in examples.items()
            if code is not Emotion.NEUTRAL
        }

    def posed(self, person: Neutral, code: Emotion, strength: float) -> Plane:
        """The person with so much of it: 0 neutral, 1 as much as the class has on average."""
        change = self._changes[code]
        turn = _similarity(self._mean, person.marks)
        marks = person.marks + strength * change.step @ turn[:, :2].T
        moved = _warped(person.face, person.marks, marks)
        skin = _warped(change.skin, change.shape, marks)
        return moved + np.float32(strength * person.face.std()) * skin


def stills(pictures: list[Picture], model: Path) -> list[Neutral | None]:
    """With their landmarks; None where no face looks at the camera upright."""
    found = landmarks(pictures, model)
    return [
        _still(picture, points) if points is not None else None
        for picture, points in zip(pictures, found, strict=True)
    ]


def _still(picture: Picture, points: Points) -> Neutral | None:
    found = features_of(points)
    return None if found is None else Neutral(_large(picture), points[MARKS], found)


def _large(picture: Picture) -> Plane:
    return np.asarray(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32)


def _change(faces: list[Neutral], neutral: list[Neutral], rest: Points) -> _Change:
    shape = np.mean([each.marks for each in faces], axis=0)
    step = shape - rest
    skins = [np.mean([_skin(each, shape) for each in group], axis=0) for group in (faces, neutral)]
    return _Change(step, shape, np.asarray(skins[0] - skins[1], np.float32))


def _skin(face: Neutral, shape: Points) -> Plane:
    """Its grey levels where its marks are moved to `shape`, in standard deviations."""
    moved = _warped(face.face, face.marks, shape)
    return np.asarray((moved - moved.mean()) / max(float(moved.std()), 1.0), np.float32)


def _aligned(face: Neutral, mean: Points) -> Neutral:
    """Turned, scaled and shifted to the mean face."""
    turn = _similarity(face.marks, mean)
    moved = cv2.warpAffine(
        face.face, turn.astype(np.float32), (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE
    )
    marks = face.marks @ turn[:, :2].T + turn[:, 2]
    return replace(face, face=np.asarray(moved, np.float32), marks=marks)


def _similarity(one: Points, other: Points) -> Points:
    """(2, 3): the turn, scale and shift that takes `one`'s eyes and nose nearest to `other`'s."""
    fixed = slice(len(_JAW) + len(_BROWS), len(_JAW) + len(_BROWS) + len(_EYES) + len(_NOSE))
    a, b = one[fixed], other[fixed]
    x, y = a - a.mean(0), b - b.mean(0)
    size = (x**2).sum()
    c, s = (x * y).sum() / size, (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum() / size
    turn = np.array([[c, -s], [s, c]])
    return np.column_stack([turn, b.mean(0) - turn @ a.mean(0)])


def _warped(face: Plane, before: Points, after: Points) -> Plane:
    """What stands at `before` is at `after`, smoothly in between."""
    anchors = np.vstack([after, _CORNERS])
    steps = np.vstack([before - after, np.zeros_like(_CORNERS)])
    gaps = ((anchors[:, None] - anchors[None]) ** 2).sum(-1)
    bumps = np.exp(-gaps / (2 * SOFT**2)) + 0.05 * np.eye(len(anchors))
    weights = np.asarray(np.linalg.solve(bumps, steps), np.float64)
    pixels = np.stack([_COLUMNS.ravel(), _ROWS.ravel()], 1)
    near = (pixels**2).sum(1)[:, None] - 2 * pixels @ anchors.T + (anchors**2).sum(1)
    origins = np.asarray(pixels + np.exp(-near / (2 * SOFT**2)) @ weights, np.float32)
    x, y = (np.ascontiguousarray(plane) for plane in origins.T.reshape(2, SIDE, SIDE))
    moved = cv2.remap(face, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)
