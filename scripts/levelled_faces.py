"""FER+ stills framed and levelled as the live path frames faces: by MediaPipe's landmarks. Pictures
stay in memory; what may be kept is where each face lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from acted_faces import SIDE, landmarks
from numpy.typing import NDArray

from resonance_tui.pipeline.alignment import crop
from resonance_tui.pipeline.detectors.mesh import from_landmarks
from resonance_tui.pipeline.tracker import Detection
from resonance_zoo.train.still.ferplus import FaceSet

Frames = NDArray[np.float64]  # (N, 4): middle, side and roll of the square; NaN where none is found
_FEW = 1000  # stills a call


def levelled(faces: FaceSet, model: Path, kept: Path | None = None) -> FaceSet:
    """The faces in the squares that the live path would cut out; as they are where MediaPipe's
    `model` finds none. `kept` (.npy) spares the search next time: 7 ms a face."""
    frames = _known(kept, len(faces))
    if frames is None:
        frames = frames_of(faces.images, model)
        if kept is not None:
            np.save(kept, frames)
    return replace(faces, images=cut(faces.images, frames))


def frames_of(images: NDArray[np.uint8], model: Path) -> Frames:
    """Where the live path would cut each still (48x48, grey)."""
    found: Frames = np.full((len(images), 4), np.nan)
    for start in range(0, len(images), _FEW):
        for row, points in enumerate(landmarks(list(images[start : start + _FEW]), model), start):
            if points is not None:
                face = from_landmarks(points * (48 / SIDE))
                found[row] = face.cx, face.cy, face.side, face.roll
    return found


def cut(images: NDArray[np.uint8], frames: Frames) -> NDArray[np.uint8]:
    """Each still in its square, as large as before."""
    return np.stack([_cut(still, frame) for still, frame in zip(images, frames, strict=True)])


def _cut(still: NDArray[np.uint8], frame: NDArray[np.float64]) -> NDArray[np.uint8]:
    if np.isnan(frame).any():
        return still
    cx, cy, side, roll = (float(value) for value in frame)
    picture = np.asarray(cv2.cvtColor(still, cv2.COLOR_GRAY2BGR), np.uint8)
    face = Detection(cx, cy, side, roll, (0.0, 0.0, side, side))
    return np.ascontiguousarray(crop(picture, face, len(still))[:, :, 0])


def _known(kept: Path | None, count: int) -> Frames | None:
    if kept is None or not kept.is_file():
        return None
    frames: Frames = np.load(kept)
    return frames if frames.shape == (count, 4) else None
