"""Pictures with one known face, made from the frames of a film: of any size, roll and light."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import cos, hypot, radians, sin
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.blazeface import BlazeFace
from resonance_tui.pipeline.detectors.bundle import FaceBundle
from resonance_tui.pipeline.detectors.landmarks import FaceLandmarks
from resonance_tui.pipeline.detectors.mesh import from_landmarks
from resonance_tui.pipeline.tracker import Detection

Picture = NDArray[np.uint8]
FEATHER = 12  # px of a frame over which it fades into the surroundings
USUAL_SIDE = 160.0  # px of the face where something else than its size is measured
NOISE = 2.0  # standard deviation, of 255
LEAST_CUT = 60  # px, height of the smallest faceless cut


@dataclass(frozen=True, slots=True)
class Portrait:
    """One frame and the square of its face."""

    picture: Picture
    face: Detection


@dataclass(frozen=True, slots=True)
class Scene:
    """One row of the table: how the faces are placed, and what is done to the picture then."""

    name: str
    side: float = USUAL_SIDE  # px of the crop's square
    roll: float = 0.0  # degrees, to either side
    spoil: Callable[[Picture, Detection, np.random.Generator], Picture] | None = None
    is_known: bool = False  # the same picture was shown unspoilt before


def frames(film: Path, count: int) -> list[Picture]:
    """About `count` frames, evenly spread. Raises OSError for what is no film."""
    video = cv2.VideoCapture(str(film))
    total = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    every = max(1, total // count)
    found: list[Picture] = []
    for number in range(total):
        if not video.grab():
            break
        if number % every == 0:
            found.append(np.asarray(video.retrieve()[1], np.uint8))
    video.release()
    if not found:
        raise OSError(f"{film} is no film")
    return found


def portraits(pictures: list[Picture], bundle: FaceBundle) -> Iterator[Portrait]:
    """Each picture in which a face is sure, with the largest."""
    finder, landmarks = BlazeFace(bundle.detector), FaceLandmarks(bundle.landmarks)
    for picture in pictures:
        for found in finder.find(picture)[:1]:
            points, presence = landmarks.read(picture, found.square)
            if presence > 0.9:
                yield Portrait(picture, from_landmarks(points, 0))


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture and the one face in it."""

    picture: Picture
    face: Detection
    before: Picture | None  # the same unspoilt, where it was shown before


def placed(
    portrait: Portrait, scene: Scene, size: tuple[int, int], rng: np.random.Generator
) -> Placed:
    """A picture of `size` (width, height) with the face somewhere in it."""
    face, k = portrait.face, scene.side / portrait.face.side
    roll = radians(scene.roll) * rng.choice([-1, 1])
    at = [
        rng.uniform(scene.side / 2, max(length - scene.side / 2, scene.side / 2 + 1))
        for length in size
    ]
    to_scene = np.array([[k * cos(roll), -k * sin(roll), 0], [k * sin(roll), k * cos(roll), 0]])
    to_scene[:, 2] = np.array(at) - to_scene[:, :2] @ (face.cx, face.cy)
    picture = _blended(portrait.picture, to_scene, k, size)
    truth = replace(face, cx=at[0], cy=at[1], side=scene.side, roll=_turned(face.roll + roll))
    spoilt = picture if scene.spoil is None else scene.spoil(picture, truth, rng)
    before = _noisy(picture, NOISE, rng) if scene.is_known else None
    return Placed(_noisy(spoilt, NOISE, rng), truth, before)


def _blended(
    frame: Picture, to_scene: NDArray[np.float64], k: float, size: tuple[int, int]
) -> Picture:
    """The frame placed; beyond its edge its own colours go on, out of focus."""
    around = cv2.resize(cv2.GaussianBlur(frame, (0, 0), 40), size)
    mask = np.zeros(frame.shape[:2], np.float32)
    mask[FEATHER:-FEATHER, FEATHER:-FEATHER] = 1
    mask = cv2.GaussianBlur(mask, (0, 0), FEATHER / 2)
    smooth = cv2.GaussianBlur(frame, (0, 0), 0.45 / k) if k < 0.7 else frame
    weight = cv2.warpAffine(mask, to_scene, size)[:, :, None]
    front = cv2.warpAffine(smooth, to_scene, size)
    return np.asarray(around * (1 - weight) + front * weight, np.uint8)


def _turned(angle: float) -> float:
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _noisy(picture: Picture, deviation: float, rng: np.random.Generator) -> Picture:
    return np.clip(picture + rng.normal(0, deviation, picture.shape), 0, 255).astype(np.uint8)


# What may happen to a picture


def dark(
    share: float, noise: float
) -> Callable[[Picture, Detection, np.random.Generator], Picture]:
    """This share of the light, with the noise of a sensor turned up."""

    def spoil(picture: Picture, face: Detection, rng: np.random.Generator) -> Picture:
        return _noisy(np.asarray(picture * share, np.uint8), noise, rng)

    return spoil


def lit_from_the_side(picture: Picture, face: Detection, rng: np.random.Generator) -> Picture:
    """One half of the face has a tenth of the other's light."""
    across, _ = _levelled(picture, face)
    light = 0.1 + 0.9 / (1 + np.exp(-12 * across))
    return np.asarray(picture * light[:, :, None], np.uint8)


def covered(
    left: float, top: float, right: float, bottom: float
) -> Callable[[Picture, Detection, np.random.Generator], Picture]:
    """A part of the face's square, -0.5 to 0.5 from its middle, behind something brown."""

    def spoil(picture: Picture, face: Detection, rng: np.random.Generator) -> Picture:
        x, y = _levelled(picture, face)
        behind = (left <= x) & (x <= right) & (top <= y) & (y <= bottom)
        spoiled = picture.copy()
        spoiled[behind] = np.clip(rng.normal((70, 90, 120), 6, (behind.sum(), 3)), 0, 255)
        return spoiled

    return spoil


def blurred(picture: Picture, face: Detection, rng: np.random.Generator) -> Picture:
    """Out of focus: a thirtieth of the face's side."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), face.side / 30), np.uint8)


def moving(picture: Picture, face: Detection, rng: np.random.Generator) -> Picture:
    """Smeared sideways by a seventh of the face's side."""
    length = max(1, round(face.side / 7))
    return np.asarray(cv2.blur(picture, (length, 1)), np.uint8)


def _levelled(picture: Picture, face: Detection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of every pixel: how far right of and below the face's middle, in sides of its square."""
    grid: NDArray[np.float64] = np.indices(picture.shape[:2]).astype(np.float64)
    y, x = grid[0], grid[1]
    right, down = (x - face.cx) / face.side, (y - face.cy) / face.side
    c, s = cos(face.roll), sin(face.roll)
    return c * right + s * down, c * down - s * right


# Pictures without a face


def faceless(
    portraits: list[Portrait],
    empty: list[Picture],
    count: int,
    size: tuple[int, int],
    seed: int = 7,
) -> Iterator[Picture]:
    """Cuts of frames that touch no face's square, enlarged to `size` (width, height)."""
    rng = np.random.default_rng(seed)
    sources: list[tuple[Picture, Detection | None]] = [(one.picture, one.face) for one in portraits]
    sources += [(each, None) for each in empty]
    while count > 0:
        picture, face = sources[rng.integers(len(sources))]
        tall, wide = (int(length) for length in picture.shape[:2])
        height = int(rng.uniform(LEAST_CUT, tall))
        width = height * size[0] // size[1]
        if width >= wide:
            continue
        x, y = int(rng.uniform(0, wide - width)), int(rng.uniform(0, tall - height))
        if face is not None and _touches(face, x, y, width, height):
            continue
        yield np.asarray(cv2.resize(picture[y : y + height, x : x + width], size), np.uint8)
        count -= 1


def _touches(face: Detection, x: int, y: int, width: int, height: int) -> bool:
    reach = face.side / 2 * (abs(cos(face.roll)) + abs(sin(face.roll)))
    return (
        x < face.cx + reach
        and x + width > face.cx - reach
        and y < face.cy + reach
        and y + height > face.cy - reach
    )


def is_found(truth: Detection, found: list[Detection]) -> bool:
    """Whether one of them is the face: about there, about as large."""
    return any(
        hypot(one.cx - truth.cx, one.cy - truth.cy) < 0.3 * truth.side
        and 0.6 < one.side / truth.side < 1.6
        for one in found
    )
