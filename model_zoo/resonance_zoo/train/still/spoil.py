"""What a webcam does to a face, and what stands before it: drawn on grey crops, in memory.

Pure: every draw comes from the generator that is handed in. `KINDS` are the rows of the table that
confidence is judged by, each at one strength; `anything` draws the same things wilder, to learn
from. What is drawn is not real: real glasses and masks differ from each other more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

Picture = NDArray[np.uint8]  # (S, S), grey
Floats = NDArray[np.float32]
Spoil = Callable[[Picture, Generator], Picture]
LARGE = 96  # pixels of the side at which things are drawn over a face

# Of FER+ crops, in sides from the top left: the middles of the eyes, and of the mouth.
EYES = ((0.31, 0.40), (0.69, 0.40))
MOUTH = (0.5, 0.78)


# Light and sensor


def dimmed(picture: Picture, rng: Generator, share: float, noise: float = 0.0) -> Picture:
    """This share of the light, with noise of that standard deviation (grey levels)."""
    return _picture(picture * np.float32(share) + _grain(picture, rng, noise))


def washed_out(picture: Picture, rng: Generator, contrast: float = 0.45) -> Picture:
    """Light into the lens: this share of the contrast, brighter."""
    return _picture(255 - contrast * (255 - picture.astype(np.float32)) - 25 * (1 - contrast))


def side_lit(picture: Picture, rng: Generator, dark: float = 0.25) -> Picture:
    """One half has this share of the other half's light."""
    across = np.linspace(-1, 1, picture.shape[1], dtype=np.float32)
    across = across if rng.random() < 0.5 else -across
    light = dark + (1 - dark) / (1 + np.exp(-5 * across))
    return _picture(picture * light[None, :])


# Focus, movement, resolution, compression


def blurred(picture: Picture, rng: Generator, sd: float = 1.6) -> Picture:
    """Out of focus; `sd` in 48ths of the side."""
    return _picture(cv2.GaussianBlur(picture, (0, 0), sd * len(picture) / 48))


def moved(picture: Picture, rng: Generator, length: float = 7.0, tilt: float = 0.0) -> Picture:
    """Smeared along a line of that length, in 48ths of the side, `tilt` radians from level."""
    reach = length * len(picture) / 48
    steps = np.linspace(-0.5, 0.5, 15) * reach
    shifts = [_shifted(picture, step * np.cos(tilt), step * np.sin(tilt)) for step in steps]
    return _picture(np.mean(shifts, axis=0))


def shrunk(picture: Picture, rng: Generator, side: int) -> Picture:
    """As of a face of `side` pixels."""
    small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
    return _picture(cv2.resize(small, picture.shape[::-1], interpolation=cv2.INTER_LINEAR))


def compressed(picture: Picture, rng: Generator, side: int, quality: int = 30) -> Picture:
    """A JPEG of `side` pixels."""
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    _, packed = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, quality])
    shown = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return _picture(cv2.resize(shown, picture.shape[::-1], interpolation=cv2.INTER_AREA))


def rolled(picture: Picture, rng: Generator, degrees: float) -> Picture:
    """Not levelled: turned to either side by so much."""
    side = len(picture)
    angle = degrees if rng.random() < 0.5 else -degrees
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle, 1)
    turned = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return _picture(turned)


# Things before the face


def covered_mouth(picture: Picture, rng: Generator, wild: float = 0.3) -> Picture:
    """A hand or a cup before the mouth: an oval as bright as skin, or another, with fingers."""
    face = _large(picture)
    x, y = _near(MOUTH, rng, 0.03 + 0.05 * wild)
    size = (rng.uniform(0.25, 0.33) * LARGE, rng.uniform(0.15, 0.21) * LARGE)
    mask = _oval(x, y, *size, np.rad2deg(rng.normal(0, 0.2 + wild)))
    skin = float(np.median(face[LARGE // 3 : 2 * LARGE // 3]))
    tone = skin * rng.uniform(0.85, 1.1) if rng.random() < 1 - wild / 2 else rng.uniform(10, 240)
    rows, columns = np.mgrid[0:LARGE, 0:LARGE].astype(np.float32)
    turn, pitch = rng.normal(0, 0.6), rng.uniform(8, 14)
    phase = (rows * np.cos(turn) + columns * np.sin(turn)) / pitch
    folds = np.float32(rng.uniform(0, 0.25)) * np.abs(np.sin(np.pi * phase + rng.uniform(0, 3)))
    return _small(_over(face, tone * (1 - folds) + _grain(face, rng, 4), mask), picture)


def masked(picture: Picture, rng: Generator, wild: float = 0.3) -> Picture:
    """A surgical mask: from the bridge of the nose down, with folds."""
    face = _large(picture)
    top = (0.55 + rng.normal(0, 0.02 + 0.03 * wild)) * LARGE
    side = rng.uniform(0.05, 0.12) * LARGE
    peak = rng.uniform(0.03, 0.09) * LARGE
    corners = [
        (side, top + peak), (LARGE / 2, top - peak / 2), (LARGE - side, top + peak),
        (LARGE - 2 * side, 0.97 * LARGE), (2 * side, 0.97 * LARGE),
    ]  # fmt: skip
    mask = np.zeros_like(face)
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 1.0)
    tone = rng.uniform(130, 235) if rng.random() > wild / 2 else rng.uniform(15, 130)
    rows = np.mgrid[0:LARGE, 0:LARGE][0].astype(np.float32)
    folds = np.float32(rng.uniform(0.02, 0.12)) * (np.sin(rows * rng.uniform(0.4, 0.8)) > 0.6)
    shade = 1 - np.float32(rng.uniform(-0.2, 0.25)) * np.linspace(-1, 1, LARGE, dtype=np.float32)
    return _small(_over(face, tone * shade[None] * (1 - folds), _soft(mask)), picture)


def framed(picture: Picture, rng: Generator, wild: float = 0.3) -> Picture:
    """Glasses with a thick, dark frame."""
    return _small(_glasses(_large(picture), rng, wild)[0], picture)


def glaring(picture: Picture, rng: Generator, wild: float = 0.3) -> Picture:
    """Glasses in which a window or screen is mirrored: both eyes, or most of them, are white."""
    face, lenses = _glasses(_large(picture), rng, wild)
    slant = rng.normal(0, 0.5)
    for x, y, wide, high in lenses:
        cx, cy = x + rng.normal(0, 2 + 2 * wild), y + rng.normal(0, 1.5 + wild)
        size = wide * rng.uniform(0.7, 1.0), high * rng.uniform(0.6, 0.95)
        corners = cv2.boxPoints(((cx, cy), (1.7 * size[0], 1.6 * size[1]), np.rad2deg(slant) / 2))
        shine = np.zeros_like(face)
        if rng.random() < 0.5:
            cv2.fillPoly(shine, [corners.astype(np.int32)], 1.0)
        else:
            shine = _oval(cx, cy, *size, np.rad2deg(slant))
        inside = _oval(x, y, wide, high, 0)
        strength = rng.uniform(0.8, 1.0) - 0.3 * wild * rng.random()
        face = _over(face, rng.uniform(235, 255), _soft(shine) * inside * strength)
    return _small(face, picture)


def shaded(picture: Picture, rng: Generator, wild: float = 0.3) -> Picture:
    """Sunglasses."""
    face, lenses = _glasses(_large(picture), rng, wild)
    tone, through = rng.uniform(10, 50), rng.uniform(0, 0.12 + 0.2 * wild)
    for x, y, wide, high in lenses:
        face = _over(face, tone + through * face, _oval(x, y, wide, high, 0))
    return _small(face, picture)


def half_covered(picture: Picture, rng: Generator) -> Picture:
    """Something upright before one half."""
    face = _large(picture)
    mask = np.zeros_like(face)
    edge = int(rng.uniform(0.42, 0.5) * LARGE)
    if rng.random() < 0.5:
        mask[:, :edge] = 1
    else:
        mask[:, -edge:] = 1
    return _small(_over(face, rng.uniform(20, 220) + _grain(face, rng, 5), _soft(mask)), picture)


def overexposed(picture: Picture, rng: Generator) -> Picture:
    """Twice the light that the sensor can take."""
    return _picture(2.2 * picture.astype(np.float32))


def _glasses(
    face: Floats, rng: Generator, wild: float
) -> tuple[Floats, list[tuple[float, float, float, float]]]:
    """The face with a frame; middle, half width and half height of each lens."""
    tone = rng.uniform(10, 60) if rng.random() > wild / 3 else rng.uniform(60, 220)
    wide, high = rng.uniform(0.15, 0.18) * LARGE, rng.uniform(0.1, 0.15) * LARGE
    shift, drop = rng.normal(0, 0.015 + 0.03 * wild), 0.02 + rng.normal(0, 0.015 + 0.03 * wild)
    thick, is_square = int(rng.integers(3, 6)), rng.random() < 0.5
    lenses = [((x + shift) * LARGE, (y + drop) * LARGE, wide, high) for x, y in EYES]
    lines = np.zeros_like(face)
    for x, y, *_ in lenses:
        if is_square:
            ends = (int(x - wide), int(y - high)), (int(x + wide), int(y + high))
            cv2.rectangle(lines, *ends, 1.0, thick)
        else:
            axes = (int(wide), int(high))
            cv2.ellipse(lines, (int(x), int(y)), axes, 0, 0, 360, 1.0, thick)
    (x0, y0, *_), (x1, y1, *_) = lenses
    cv2.line(lines, (int(x0 + wide), int(y0)), (int(x1 - wide), int(y1)), 1.0, thick)
    cv2.line(lines, (0, int(y0)), (int(x0 - wide), int(y0)), 1.0, thick - 1)
    cv2.line(lines, (int(x1 + wide), int(y1)), (LARGE, int(y1)), 1.0, thick - 1)
    return _over(face, tone, _soft(lines)), lenses


# Rows of the table

KINDS: dict[str, Spoil] = {
    "clean": lambda picture, rng: picture,
    "half light": partial(dimmed, share=0.5),
    "low light, noise": partial(dimmed, share=0.3, noise=9.0),
    "blur": blurred,
    "motion blur": moved,
    "JPEG 30 at 96 px": partial(compressed, side=96),
    "JPEG 30 at 48 px": partial(compressed, side=48),
    "roll 15": partial(rolled, degrees=15),
    "roll 30": partial(rolled, degrees=30),
    "mouth covered": covered_mouth,
    "surgical mask": masked,
    "dark frame": framed,
    "glare on glasses": glaring,
    "sunglasses": shaded,
    "24 px": partial(shrunk, side=24),
    "16 px": partial(shrunk, side=16),
    "side light": side_lit,
    "washed out": washed_out,
}


# Rows of which nothing is learnt, and nothing is fitted on.
UNLEARNT: dict[str, Spoil] = {"half covered": half_covered, "overexposed": overexposed}


def spoilt(pictures: Iterable[Picture], kind: str, seed: int) -> NDArray[np.uint8]:
    """Each picture with what `kind`, a key of KINDS or UNLEARNT, does to it."""
    rng = np.random.default_rng([seed, *kind.encode()])
    draw = (KINDS | UNLEARNT)[kind]
    return np.stack([draw(picture, rng) for picture in pictures])


# To learn from

REASONS = ("dark", "blurred", "turned", "mouth", "glare", "eyes")


def anything(picture: Picture, rng: Generator) -> tuple[Picture, Floats]:
    """The picture with nothing, one or two things done to it, and how much of each of REASONS it
    shows, 0-1."""
    shows = np.zeros(len(REASONS), np.float32)
    count = int(rng.choice(3, p=[0.25, 0.55, 0.2]))
    for name in sorted(rng.choice(list(_WILD), count, replace=False), key=list(_WILD).index):
        picture, reason, much = _WILD[name](picture, rng)
        if reason:
            place = REASONS.index(reason)
            shows[place] = max(shows[place], much)
    return picture, shows


Wild = Callable[[Picture, Generator], tuple[Picture, str, float]]


def _wild_cover(spoil: Callable[..., Picture], reason: str) -> Wild:
    def draw(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
        return spoil(picture, rng, wild=rng.uniform(0, 1)), reason, 1.0

    return draw


def _wild_turn(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    degrees = rng.uniform(0, 40)
    return rolled(picture, rng, degrees), "turned", min(degrees / 30, 1)


def _wild_light(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    share, noise = rng.uniform(0.08, 0.7), rng.uniform(0, 14)
    signal = share * float(picture.std())
    return dimmed(picture, rng, share, noise), "dark", min(noise / (signal + 1e-3), 1)


def _wild_blur(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    sd = rng.uniform(0.3, 2.8)
    return blurred(picture, rng, sd), "blurred", min(sd / 2, 1)


def _wild_move(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    length = rng.uniform(2, 12)
    tilt = rng.choice([0.0, rng.uniform(0, np.pi)])
    return moved(picture, rng, length, tilt), "blurred", min(length / 8, 1)


def _wild_size(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    side = int(rng.integers(11, 36))
    return shrunk(picture, rng, side), "blurred", min(14 / side, 1)


def _wild_packing(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    side, quality = int(rng.choice([48, 64, 96])), int(rng.integers(12, 60))
    return compressed(picture, rng, side, quality), "", 0


def _wild_side(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    return side_lit(picture, rng, rng.uniform(0.05, 0.6)), "", 0


def _wild_wash(picture: Picture, rng: Generator) -> tuple[Picture, str, float]:
    return washed_out(picture, rng, rng.uniform(0.2, 0.8)), "", 0


# In the order in which they come between a face and the file: things, light, lens, sensor.
_WILD: dict[str, Wild] = {
    "mouth": _wild_cover(covered_mouth, "mouth"),
    "mask": _wild_cover(masked, "mouth"),
    "frame": _wild_cover(framed, ""),
    "glare": _wild_cover(glaring, "glare"),
    "shades": _wild_cover(shaded, "eyes"),
    "turn": _wild_turn,
    "side": _wild_side,
    "wash": _wild_wash,
    "blur": _wild_blur,
    "move": _wild_move,
    "size": _wild_size,
    "light": _wild_light,
    "packing": _wild_packing,
}


def _picture(values: ArrayLike) -> Picture:
    return np.clip(np.rint(np.asarray(values)), 0, 255).astype(np.uint8)


def _grain(like: NDArray[np.generic], rng: Generator, sd: float) -> Floats:
    return np.float32(sd) * rng.standard_normal(like.shape, dtype=np.float32)


def _shifted(picture: Picture, right: float, down: float) -> Picture:
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = picture.shape[::-1]
    moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _large(picture: Picture) -> Floats:
    large = cv2.resize(picture, (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.float32)


def _small(face: Floats, like: Picture) -> Picture:
    return _picture(cv2.resize(face, like.shape[::-1], interpolation=cv2.INTER_AREA))


def _near(place: tuple[float, float], rng: Generator, sd: float) -> tuple[float, float]:
    x, y = place
    return (x + rng.normal(0, sd)) * LARGE, (y + rng.normal(0, sd)) * LARGE


def _oval(x: float, y: float, wide: float, high: float, degrees: float) -> Floats:
    """1 inside, 0 outside, with a soft edge."""
    mask = np.zeros((LARGE, LARGE), np.float32)
    cv2.ellipse(mask, (int(x), int(y)), (int(wide), int(high)), float(degrees), 0, 360, 1.0, -1)
    return _soft(mask)


def _soft(mask: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)


def _over(face: Floats, tone: float | Floats, where: Floats) -> Floats:
    return np.asarray(face * (1 - where) + tone * where, np.float32)
