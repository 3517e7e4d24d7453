"""What may be wrong with a picture of a face: light, focus, size, a hand, glasses. Of grey stills
of 48 pixels as FER+ has them, in memory."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from acted_faces import Picture

Spoil = Callable[[Picture, np.random.Generator], Picture]

SIDE = 48
_ROWS, _COLUMNS = np.mgrid[0:SIDE, 0:SIDE]
_EYES, _MOUTH = ((14, 19), (34, 19)), 37  # where most stills have them: x, y; the lips' y


def _as_picture(values: np.ndarray) -> Picture:
    return np.clip(values, 0, 255).astype(np.uint8)


def light(share: float, noise: float = 0.0, offset: float = 0.0) -> Spoil:
    """So much of the light, and a sensor's noise of this standard deviation."""
    return lambda face, rng: _as_picture(
        face * share + offset + rng.normal(0, max(noise, 1e-9), face.shape)
    )


def blurred(deviation: float) -> Spoil:
    return lambda face, _: np.asarray(cv2.GaussianBlur(face, (0, 0), deviation), np.uint8)


def moving(pixels: int) -> Spoil:
    return lambda face, _: np.asarray(cv2.blur(face, (pixels, 1)), np.uint8)


def rolled(degrees: float) -> Spoil:
    """To either side, and not levelled."""

    def spoil(face: Picture, rng: np.random.Generator) -> Picture:
        middle = (SIDE / 2, SIDE / 2)
        turn = cv2.getRotationMatrix2D(middle, degrees * float(rng.choice([-1, 1])), 1)
        edge = cv2.BORDER_REPLICATE
        return np.asarray(cv2.warpAffine(face, turn, (SIDE, SIDE), borderMode=edge), np.uint8)

    return spoil


def small(pixels: int) -> Spoil:
    """As a face of so many pixels comes out."""

    def spoil(face: Picture, _: np.random.Generator) -> Picture:
        less = cv2.resize(face, (pixels, pixels), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(less, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)

    return spoil


def side_light(face: Picture, rng: np.random.Generator) -> Picture:
    """One half has a third of the other's light."""
    across = (_COLUMNS - SIDE / 2) * rng.choice([-1, 1])
    return _as_picture(face * (0.35 + 0.65 / (1 + np.exp(-across / 4))))


def covered(level: float, top: int) -> Spoil:
    """Everything below `top`: a hand, a mask."""

    def spoil(face: Picture, rng: np.random.Generator) -> Picture:
        behind = (top <= _ROWS) & (np.abs(_COLUMNS - SIDE / 2) < 19)
        cover = level * max(float(face.mean()), 40.0) + rng.normal(0, 4, face.shape)
        return _as_picture(np.where(behind, cover, face))

    return spoil


def hand(face: Picture, rng: np.random.Generator) -> Picture:
    """Before the mouth alone."""
    near = ((_COLUMNS - SIDE / 2) / 13) ** 2 + ((_ROWS - _MOUTH) / 7) ** 2 < 1
    cover = float(face.mean()) + rng.normal(0, 5, face.shape)
    return _as_picture(np.where(near, cover, face))


def glasses(lens: float, frame: float = 0.25, glare: float = 0.0) -> Spoil:
    """`lens`: the share of the light that it lets through; `glare`: how much of it is white."""

    def spoil(face: Picture, rng: np.random.Generator) -> Picture:
        values = face.astype(np.float64)
        for x, y in _EYES:
            far = np.maximum(np.abs(_COLUMNS - x) / 8.5, np.abs(_ROWS - y) / 5.5)
            values = np.where(far < 0.85, values * lens, values)
            values = np.where((far >= 0.85) & (far <= 1.1), values * frame, values)
            spot = ((_COLUMNS - x - rng.uniform(-2, 2)) / 6) ** 2 + ((_ROWS - y) / 3) ** 2
            values = np.where(spot < 1, values + glare * (250 - values), values)
        return _as_picture(values)

    return spoil


# By the name that the table has. They are drawn, and drawn ones overstate real ones.
SPOILT: dict[str, Spoil] = {
    "half the light": light(0.5),
    "low light with noise": light(0.25, 8.0),
    "washed out": light(0.5, 0.0, 120.0),
    "lit from the side": side_light,
    "out of focus": blurred(1.6),
    "moving": moving(7),
    "24 pixels": small(24),
    "16 pixels": small(16),
    "rolled by 15 degrees": rolled(15),
    "hand before the mouth": hand,
    "surgical mask": covered(1.5, 28),
    "dark frame of glasses": glasses(1.0),
    "glare on glasses": glasses(1.0, 0.25, 0.85),
    "sunglasses": glasses(0.12),
}


def spoilt(faces: list[Picture], name: str, seed: int) -> list[Picture]:
    """All of them in that way; always the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [SPOILT[name](face, rng) for face in faces]
