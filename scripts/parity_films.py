"""Films for comparing face detectors: the shared clips, and what is made of them in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import degrees, hypot, pi, sin
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.base import FaceDetector
from resonance_tui.pipeline.sources import Frame
from resonance_tui.pipeline.tracker import Detection

Picture = NDArray[np.uint8]
RATE = 10  # frames a second
ENTERING = 5  # frames after a face appears that are not compared
SHIFT = (3, 2)  # px by which `disturbed` moves a picture
GRAIN = 97  # px by which the noise is larger than a picture
LONG, SHORT = "WolfgangLanger_Pexels", "single_face"


@dataclass(frozen=True, slots=True)
class Film:
    """Ten frames a second."""

    group: str
    name: str
    frames: list[Picture]


@dataclass(frozen=True, slots=True)
class Errors:
    """How one square differs from another."""

    centre: float  # in sides
    side: float  # as a share
    roll: float  # degrees


def films(clips: Path, seconds: float) -> Iterator[Film]:
    """The shared clips as they are, then turned, scaled and lit otherwise for `seconds` each, then
    stills of them that move as heads do."""
    short, long = read_clip(clips / f"{SHORT}.mp4"), read_clip(clips / f"{LONG}.mp4")
    count, rng = round(seconds * RATE), np.random.default_rng(0)
    yield Film("as it is", SHORT, short)
    yield Film("as it is", LONG, long)
    for roll in (-40, -20, 20, 40):
        yield Film("turned", f"{roll} degrees", [moved(p, roll=roll) for p in long[:count]])
    for scale in (0.7, 1.4):
        yield Film("scaled", f"x {scale}", [moved(p, scale=scale) for p in long[:count]])
    for light in (0.25, 1.6, 0.08):
        yield Film("light", f"x {light}", [lit(p, light, 3, rng) for p in long[:count]])
    for name, still in (("man", short[0]), ("laughing", long[95])):
        yield from _stills(name, still, count, rng)


def _stills(name: str, still: Picture, count: int, rng: np.random.Generator) -> Iterator[Film]:
    seconds = [number / RATE * 2 * pi for number in range(count)]
    yield Film("at rest", name, [lit(still, 1, 5, rng) for _ in seconds])
    poses = {
        "nods": [moved(still, dy=12 * sin(0.7 * t)) for t in seconds],
        "sways": [moved(still, roll=15 * sin(0.4 * t), dx=40 * sin(0.3 * t)) for t in seconds],
        "leans": [moved(still, scale=1 + 0.25 * sin(0.2 * t)) for t in seconds],
        "drifts": [moved(still, dx=number) for number in range(count)],
    }
    for what, pictures in poses.items():
        yield Film("moving", f"{name} {what}", [lit(p, 1, 3, rng) for p in pictures])
    fading = [lit(still, 1 - 0.8 * number / count, 3, rng) for number in range(count)]
    yield Film("light", f"{name} fades", fading)


def read_clip(path: Path) -> list[Picture]:
    """RATE frames of every second, as a camera would give them."""
    video, number = cv2.VideoCapture(str(path)), 0
    frames: list[Picture] = []
    rate = video.get(cv2.CAP_PROP_FPS)
    while video.grab():
        if number / rate >= len(frames) / RATE - 1e-9:
            frames.append(np.asarray(video.retrieve()[1], np.uint8))
        number += 1
    video.release()
    return frames


def moved(
    picture: Picture, *, roll: float = 0, scale: float = 1, dx: float = 0, dy: float = 0
) -> Picture:
    """Turned by `roll` degrees and scaled around its middle, then shifted."""
    height, width = picture.shape[:2]
    to_new = cv2.getRotationMatrix2D((width / 2, height / 2), roll, scale)
    to_new[:, 2] += (dx, dy)
    border = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(picture, to_new, (width, height), borderMode=border), np.uint8)


def lit(picture: Picture, light: float, noise: float, rng: np.random.Generator) -> Picture:
    """Times `light`, with a sensor's noise of this standard deviation."""
    height, width = picture.shape[:2]
    down, right = rng.integers(0, GRAIN, 2)  # another piece of it every time
    grain = _grain(height + GRAIN, width + GRAIN)[down : down + height, right : right + width]
    bright = picture * np.float32(light) + grain * np.float32(noise)
    return np.clip(bright, 0, 255).astype(np.uint8)


@cache
def _grain(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(0, 1, (height, width, 3)).astype(np.float32)


def disturbed(film: Film) -> list[Picture]:
    """What no person would notice: shifted by SHIFT, and a little noisy."""
    rng = np.random.default_rng(1)
    return [lit(moved(p, dx=SHIFT[0], dy=SHIFT[1]), 1, 2, rng) for p in film.frames]


def watch(detector: FaceDetector, frames: Sequence[Picture]) -> tuple[list[list[Detection]], float]:
    """The faces of every frame, and milliseconds of CPU a frame, all threads together."""
    started = time.process_time()
    found = [
        detector.detect(Frame(picture, 100 + number / RATE, number))
        for number, picture in enumerate(frames)
    ]
    return found, (time.process_time() - started) / len(frames) * 1000


def errors(
    ours: Sequence[list[Detection]],
    theirs: Sequence[list[Detection]],
    shift: tuple[float, float] = (0, 0),
) -> list[Errors]:
    """For every face of `theirs` the nearest of `ours`, which lies by `shift` further; without the
    first ENTERING frames after a face appears, and frames where either has none."""
    found: list[Errors] = []
    seen_for = 0
    for mine, other in zip(ours, theirs, strict=True):
        seen_for = seen_for + 1 if other else 0
        if mine and seen_for > ENTERING:
            found += [min((_error(m, face, shift) for m in mine), key=_centre) for face in other]
    return found


def _centre(error: Errors) -> float:
    return error.centre


def _error(one: Detection, other: Detection, shift: tuple[float, float]) -> Errors:
    dx, dy = one.cx - shift[0] - other.cx, one.cy - shift[1] - other.cy
    turn = (one.roll - other.roll + pi) % (2 * pi) - pi
    return Errors(hypot(dx, dy) / other.side, abs(one.side / other.side - 1), abs(degrees(turn)))


def odd(ours: Sequence[list[Detection]], theirs: Sequence[list[Detection]]) -> int:
    """Frames in which another number of faces is seen."""
    return sum(len(mine) != len(other) for mine, other in zip(ours, theirs, strict=True))
