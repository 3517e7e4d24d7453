"""Pictures of people who look elsewhere: stills of FER+, sorted by how far the face is turned."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from face_scenes import Picture, Portrait
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.bundle import FaceBundle
from resonance_tui.pipeline.detectors.landmarks import OUTER_EYES, FaceLandmarks, next_square
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.tracker import Detection

SIDE = 192.0  # px of a still, enlarged from 48
AROUND = 1.15  # side of the first reading / side of a still
NOSE = 1  # landmark of its tip
NONE = "NF"  # votes of FER+ for: no face
FRONT = "stills, from the front"
# How far the nose's tip lies beside the middle of the eyes, in distances of the eyes.
TURNS = {
    FRONT: (0.0, 0.1),
    "stills, three quarters": (0.25, 0.4),
    "stills, nearly profile": (0.4, 9.0),
}


@dataclass(frozen=True, slots=True)
class Still:
    """A face that fills its picture."""

    portrait: Portrait
    turn: float


def stills(file: Path, count: int, bundle: FaceBundle) -> dict[str, list[Portrait]]:
    """Faces of FER+'s validation split by row of TURNS, of `count` pictures drawn from it.

    How far a face is turned is read from its landmarks, however sure they are. Raises OSError or
    ValueError for what is no such file.
    """
    found = list(_sorted(file, count, FaceLandmarks(bundle.landmarks)))
    return {
        name: [still.portrait for still in found if least <= still.turn < most]
        for name, (least, most) in TURNS.items()
    }


def _sorted(file: Path, count: int, landmarks: FaceLandmarks) -> Iterator[Still]:
    face = Detection(SIDE / 2, SIDE / 2, SIDE, 0.0, (0.0, 0.0, SIDE, SIDE))
    for picture in _pictures(file, count):
        points, _ = landmarks.read(picture, Square(SIDE / 2, SIDE / 2, AROUND * SIDE, 0.0))
        points, _ = landmarks.read(picture, next_square(points))
        yield Still(Portrait(picture, face), _turn(points))


def _turn(points: NDArray[np.float64]) -> float:
    right, left = points[OUTER_EYES[0]], points[OUTER_EYES[1]]
    across = left - right
    distance = max(float(across @ across), 1e-6)
    return abs(float((points[NOSE] - (right + left) / 2) @ across)) / distance


def _pictures(file: Path, count: int) -> Iterator[Picture]:
    """BGR, SIDE pixels; the same ones every time."""
    if not zipfile.is_zipfile(file):
        raise ValueError(f"{file} holds no stills of FER+")
    with np.load(file) as data:
        if missing := {"webp", "offsets", "votes", "vote_columns", "split"} - set(data):
            raise ValueError(f"{file} lacks {', '.join(sorted(missing))}")
        webp, offsets, votes = (np.asarray(data[key]) for key in ("webp", "offsets", "votes"))
        none = votes[:, list(data["vote_columns"]).index(NONE)]
        chosen = np.flatnonzero((data["split"] == "valid") & (none == 0))
    for index in np.random.default_rng(0).permutation(chosen)[:count]:
        coded = np.asarray(webp[offsets[index] : offsets[index + 1]], np.uint8)
        grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
        large = cv2.resize(grey, (int(SIDE), int(SIDE)), interpolation=cv2.INTER_CUBIC)
        yield np.asarray(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), np.uint8)
