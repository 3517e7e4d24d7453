"""Pictures with faces that nobody should be read by: drawn ones, and people on a screen or a poster
behind the viewer. In memory, 640x480."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from acted_faces import Picture
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 480
VIEWER_SIDE = 190  # pixels of the face of who sits there
PAD = 14  # pixels of the still's 48 that are added on each side, of its own edge
NOISE = 2.0  # standard deviation, of 255
SHIFTS = 97  # different offsets into the noise
VIEWER_AT, BEHIND_AT = (400, 290), (130, 130)  # middles of the two faces
STYLES = ("smiley", "line drawing", "cartoon", "two dots and a slot")


@dataclass(frozen=True, slots=True)
class Company:
    """A viewer, and a face on a screen behind, of `side` pixels; 0: nobody."""

    viewer: Picture | None  # a still of 48 pixels
    behind: Picture | None
    side: int


def room(seed: int) -> Picture:
    """A wall, a shelf and the light on them, without any face."""
    rng = np.random.default_rng(seed)
    wall = np.linspace(90, 150, WIDTH)[None, :, None] + rng.uniform(-20, 20, 3)
    scene = np.repeat(wall, HEIGHT, axis=0)
    for _ in range(9):
        x, y = int(rng.integers(0, WIDTH)), int(rng.integers(0, HEIGHT))
        size = (int(rng.integers(20, 120)), int(rng.integers(20, 120)))
        scene[y : y + size[1], x : x + size[0]] = rng.uniform(40, 200, 3)
    return np.asarray(cv2.GaussianBlur(scene.astype(np.uint8), (0, 0), 3), np.uint8)


def together(company: Company, seed: int) -> Picture:
    """The viewer before the room, somebody on a screen with a frame around behind."""
    scene = room(seed)
    if company.behind is not None:
        _screen(scene, company.behind, company.side)
    if company.viewer is not None:
        _paste(scene, company.viewer, VIEWER_SIDE, VIEWER_AT)
    return scene


@cache
def _noise() -> NDArray[np.int16]:
    shape = (HEIGHT + SHIFTS, WIDTH + SHIFTS, 3)
    return np.random.default_rng(1906).normal(0, NOISE, shape).round().astype(np.int16)


def noisy(scene: Picture, look: int) -> Picture:
    """As a sensor sees it, look after look."""
    shift = 7 * look % SHIFTS
    noise = _noise()[shift : shift + HEIGHT, shift : shift + WIDTH]
    return np.asarray(cv2.add(scene, noise, dtype=cv2.CV_8U), np.uint8)


def _screen(scene: Picture, still: Picture, side: int) -> None:
    x, y = BEHIND_AT
    half = round(side * 0.5 * (48 + 2 * PAD) / 48) + 6
    cv2.rectangle(scene, (x - half, y - half), (x + half, y + half), (20, 20, 20), -1)
    _paste(scene, still, side, BEHIND_AT, is_flat=True)


def _paste(
    scene: Picture, still: Picture, side: int, at: tuple[int, int], *, is_flat: bool = False
) -> None:
    """Its middle at `at`; soft towards the room, or with the edge of a picture."""
    padded = np.pad(still, PAD, mode="edge")
    length = round(side * len(padded) / 48)
    large = cv2.resize(padded, (length, length), interpolation=cv2.INTER_CUBIC)
    colour = np.repeat(large[:, :, None], 3, axis=2).astype(np.float64)
    left, top = at[0] - length // 2, at[1] - length // 2
    cut_x, cut_y = max(0, -left), max(0, -top)
    area = scene[max(0, top) : top + length, max(0, left) : left + length]
    colour = colour[cut_y : cut_y + area.shape[0], cut_x : cut_x + area.shape[1]]
    grid = np.linspace(-1, 1, length)
    mask = np.clip((1 - np.maximum(np.abs(grid)[:, None], np.abs(grid))) * 8, 0, 1)
    mask = mask[cut_y : cut_y + area.shape[0], cut_x : cut_x + area.shape[1]]
    weight = np.ones((1, 1, 1)) if is_flat else mask[:, :, None]
    area[:] = (area * (1 - weight) + colour * weight).astype(np.uint8)


def drawn(style: str, side: int, seed: int) -> Picture:
    """A drawn face of so many pixels on a sheet of paper in the room."""
    rng = np.random.default_rng((STYLES.index(style), side, seed))
    scene, sheet = room(seed), round(side * 0.8)
    x, y = int(rng.integers(sheet, WIDTH - sheet)), HEIGHT // 2
    cv2.rectangle(scene, (x - sheet, y - sheet), (x + sheet, y + sheet), (235, 240, 240), -1)
    _DRAW[style](scene, x, y, side / 2, rng)
    return scene


def _smiley(scene: Picture, x: int, y: int, r: float, rng: np.random.Generator) -> None:
    thick = max(1, round(r / 20))
    cv2.circle(scene, (x, y), round(r), (60, 220, 250), -1)
    cv2.circle(scene, (x, y), round(r), (20, 20, 20), thick)
    for sign in (-1, 1):
        cv2.circle(scene, (x + round(sign * 0.35 * r), y - round(0.25 * r)), round(r / 9), 0, -1)
    bend = float(rng.uniform(0.3, 0.6))
    size = (round(0.55 * r), round(bend * r))
    cv2.ellipse(scene, (x, y + round(0.15 * r)), size, 0, 10, 170, (20, 20, 20), 2 * thick)


def _line(scene: Picture, x: int, y: int, r: float, rng: np.random.Generator) -> None:
    ink, thick = (40, 40, 40), max(1, round(r / 30))
    cv2.ellipse(scene, (x, y), (round(0.72 * r), round(r)), 0, 0, 360, ink, thick)
    for sign in (-1, 1):
        eye = (x + round(sign * 0.3 * r), y - round(0.2 * r))
        cv2.ellipse(scene, eye, (round(0.16 * r), round(0.08 * r)), 0, 0, 360, ink, thick)
        cv2.circle(scene, eye, max(1, round(0.06 * r)), ink, -1)
        brow = (eye[0], eye[1] - round(rng.uniform(0.1, 0.2) * r))
        cv2.ellipse(scene, brow, (round(0.2 * r), round(0.07 * r)), 0, 190, 350, ink, 2 * thick)
    nose = np.array([(x, y - 0.1 * r), (x - 0.1 * r, y + 0.2 * r), (x + 0.08 * r, y + 0.2 * r)])
    cv2.polylines(scene, [nose.round().astype(np.int32)], False, ink, thick)
    lips = (round(0.3 * r), round(rng.uniform(0.05, 0.15) * r))
    cv2.ellipse(scene, (x, y + round(0.5 * r)), lips, 0, 0, 360, ink, thick)


def _cartoon(scene: Picture, x: int, y: int, r: float, rng: np.random.Generator) -> None:
    skin = tuple(float(each) for each in rng.uniform((110, 150, 190), (170, 200, 240)))
    cv2.ellipse(
        scene, (x, y - round(0.25 * r)), (round(0.85 * r), round(r)), 0, 0, 360, (25, 35, 60), -1
    )
    cv2.ellipse(scene, (x, y), (round(0.7 * r), round(0.95 * r)), 0, 0, 360, skin, -1)
    shade = tuple(0.8 * each for each in skin)
    for sign in (-1, 1):
        eye = (x + round(sign * 0.3 * r), y - round(0.15 * r))
        cv2.ellipse(scene, eye, (round(0.17 * r), round(0.11 * r)), 0, 0, 360, (250, 250, 250), -1)
        cv2.circle(scene, eye, round(0.08 * r), (30, 20, 10), -1)
        brow = (eye[0], eye[1] - round(0.2 * r))
        cv2.ellipse(scene, brow, (round(0.2 * r), round(0.06 * r)), 0, 180, 360, (25, 35, 60), -1)
    cv2.ellipse(
        scene, (x, y + round(0.18 * r)), (round(0.1 * r), round(0.2 * r)), 0, 0, 360, shade, -1
    )
    lips = (round(0.3 * r), round(rng.uniform(0.06, 0.14) * r))
    cv2.ellipse(scene, (x, y + round(0.52 * r)), lips, 0, 0, 360, (70, 60, 180), -1)
    soft = scene[max(0, y - round(1.4 * r)) : y + round(1.4 * r)]
    soft[:] = cv2.GaussianBlur(soft, (0, 0), max(r / 60, 0.5))


def _dots(scene: Picture, x: int, y: int, r: float, rng: np.random.Generator) -> None:
    """A socket: two dots and a slot."""
    cv2.rectangle(scene, (x - round(r), y - round(r)), (x + round(r), y + round(r)), (210,) * 3, -1)
    for sign in (-1, 1):
        cv2.circle(scene, (x + round(sign * 0.4 * r), y - round(0.2 * r)), round(0.13 * r), 20, -1)
    half, low = round(rng.uniform(0.2, 0.4) * r), y + round(0.4 * r)
    cv2.rectangle(scene, (x - half, low), (x + half, low + round(0.12 * r)), (20,) * 3, -1)


_DRAW = {
    "smiley": _smiley,
    "line drawing": _line,
    "cartoon": _cartoon,
    "two dots and a slot": _dots,
}
