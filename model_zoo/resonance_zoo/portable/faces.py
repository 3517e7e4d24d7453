"""Moving faces for calibration and for checks: drawn ones, or stills that are given. No files.

A network that was trained on faces sees here what it knows: something oval, lit from a side, with
eyes, brows and a mouth in their places, that nods, turns, blinks and talks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Clip = NDArray[np.uint8]
Floats = NDArray[np.float32]
FRAME_RATE = 15.0  # Hz, of the clips made here
DRAWN_SIDE = 64  # pixels of a drawn face


def moving_faces(
    count: int, frames: int, size: int, seed: int, stills: Iterable[Picture] = ()
) -> Iterator[Clip]:
    """`count` clips, RGB uint8[frames, size, size, 3], each of another face: of `stills` (grey,
    square) as long as there are any, then of drawn ones. The same seed gives the same clips."""
    rng = np.random.default_rng(seed)
    given = iter(stills)
    for _ in range(count):
        yield animate(next(given, None), frames, size, rng)


def drawn_face(rng: np.random.Generator) -> Picture:
    """A grey face of DRAWN_SIDE pixels, as a child would shade one."""
    side = DRAWN_SIDE
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    hair, skin = rng.uniform(10, 130), rng.uniform(70, 230)
    coarse = rng.uniform(0, 255, (3, 3)).astype(np.float32)
    ground = np.asarray(cv2.resize(coarse, (side, side)), np.float32)
    wide, high = rng.uniform(0.34, 0.46), rng.uniform(0.48, 0.6)
    picture = _laid_over(ground, hair, _oval(x, y, 0.5, 0.4, wide + 0.08, high + 0.02))
    light = skin * (1 + rng.uniform(-0.5, 0.5) * (x - 0.5) + rng.uniform(-0.3, 0.3) * (y - 0.5))
    picture = _laid_over(picture, light, _oval(x, y, 0.5, 0.55, wide, high))
    eye, lift, mouth = rng.uniform(0.34, 0.42), rng.uniform(0.06, 0.13), rng.uniform(0.72, 0.82)
    open_, smile = rng.uniform(0.01, 0.1), rng.uniform(-0.06, 0.06)
    for centre in (0.5 - 0.17, 0.5 + 0.17):
        white = _oval(x, y, centre, eye, 0.075, rng.uniform(0.02, 0.045))
        picture = _laid_over(picture, skin * 1.15 + 20, white)
        picture = _laid_over(picture, 20, _oval(x, y, centre, eye, 0.03, 0.035))
        picture = _laid_over(picture, hair * 0.7, _oval(x, y, centre, eye - lift, 0.1, 0.018))
    picture = _laid_over(picture, skin * 0.75, _oval(x, y, 0.5, 0.58, 0.05, 0.07))
    bent = y + smile * ((x - 0.5) / 0.15) ** 2
    picture = _laid_over(picture, skin * 0.55, _oval(x, bent, 0.5, mouth, 0.16, open_ + 0.025))
    picture = _laid_over(picture, skin * 0.25, _oval(x, bent, 0.5, mouth, 0.13, open_))
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def _oval(x: Floats, y: Floats, cx: float, cy: float, rx: float, ry: float) -> Floats:
    """1 inside, 0 outside, with a soft edge."""
    distance = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2)
    return np.clip((1 - distance) * 6 + 0.5, 0, 1).astype(np.float32)


def _laid_over(picture: Floats, grey: Any, where: Floats) -> Floats:
    return np.asarray(picture * (1 - where) + grey * where, np.float32)


def animate(still: Picture | None, frames: int, size: int, rng: np.random.Generator) -> Clip:
    """A clip of one grey, square still (None: a drawn one), which nods, blinks, talks, and is lit
    anew: RGB uint8[frames, size, size, 3]."""
    still = drawn_face(rng) if still is None else still
    base = np.asarray(cv2.resize(still, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)
    moves, tint = _moves(frames, rng), 1 + rng.normal(0, 0.06, 3)
    side = rng.uniform(-0.3, 0.3)
    ramp = 1 + side * (np.arange(size) / size - 0.5)
    clip = np.empty((frames, size, size, 3), np.uint8)
    for index in range(frames):
        now = {name: float(values[index]) for name, values in moves.items()}
        grey = _warped(base, now) * now["light"] * ramp
        noise = rng.normal(0, 2.5, (size, size, 3))
        clip[index] = np.clip(grey[..., None] * tint + noise, 0, 255)
    return clip


def _moves(frames: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    """What the face does at each moment: parts of its side, radians, factors."""
    seconds = np.arange(frames) / FRAME_RATE

    def swing(most: float, slowest: float, fastest: float) -> NDArray[np.float64]:
        rate, start = rng.uniform(slowest, fastest), rng.uniform(0, 1)
        return rng.uniform(0, most) * np.sin(2 * np.pi * (rate * seconds + start))

    blink = 1 - np.abs(seconds - rng.uniform(-0.3, 1.2)) / 0.13
    return {
        "nod": swing(0.04, 0.3, 1.5),
        "shake": swing(0.04, 0.3, 1.5),
        "roll": swing(0.12, 0.2, 1.0),
        "zoom": 1 + swing(0.06, 0.2, 1.0),
        "mouth": np.abs(swing(0.07, 0.25, 2.0)),
        "blink": np.clip(blink, 0, 1),
        "light": 1 + swing(0.15, 0.1, 0.6),
    }


def _warped(base: Picture, now: dict[str, float]) -> Floats:
    """The still as it looks with the head and the features moved."""
    size = len(base)
    down, right = np.mgrid[0:size, 0:size].astype(np.float32) / size - np.float32(0.5)
    cos, sin = np.cos(now["roll"]), np.sin(now["roll"])
    x = (cos * right - sin * down) / now["zoom"] + 0.5 + now["shake"]
    y = (sin * right + cos * down) / now["zoom"] + 0.5 + now["nod"]
    at_mouth = np.exp(-(((y - 0.78) / 0.12) ** 2) - ((x - 0.5) / 0.2) ** 2)
    y = y - now["mouth"] * at_mouth * np.tanh((y - 0.78) * 20)
    y = y - 0.03 * now["blink"] * np.exp(-(((y - 0.38) / 0.06) ** 2))
    maps = (x * size).astype(np.float32), (y * size).astype(np.float32)
    warped = cv2.remap(base, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)
