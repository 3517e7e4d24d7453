"""A face that is too small in the whole picture: looked for in tiles of it, a few a frame.

BlazeFace sees 128 pixels, so in a picture of 640 it finds faces from about 120 on. In a tile of a
quarter of the picture it finds those of 30, at any roll.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, hypot
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors.blazeface import SIZE, FoundFace
from resonance_tui.pipeline.detectors.followed import REGION_SCALE, is_among
from resonance_tui.pipeline.detectors.square import Square
from resonance_tui.pipeline.opencv import cv2

# BlazeFace's boxes, measured on the shared clips: at a least score of .3 it finds every face whose
# box is this part of the tile's side or more, at any roll.
LEAST_SHARE = 0.154
OVERLAP = 2 * LEAST_SHARE  # of neighbours, in tiles: the next larger tiles see what does not fit
SMALLEST_TILE = SIZE  # px; smaller ones would show no more
MOST_HALVINGS = 3  # of the picture's longer side, to the smallest tile

LEAST_SCORE = 0.3  # in a tile; more is asked for at the second look
CLOSE_LOOK = 1.6  # side of the second look / side of the square of the landmarks
CLOSE_SCORE = 0.5
CLOSE_SHIFT = 0.4  # how far the two looks may differ, in sides of that square

# What a search may cost, in tiles (each about 2 ms of a core); spread over the frames.
TILES_A_SECOND = 24.0
TILES_A_FRAME = 4.0
CLOSE_COST = 1.0
READ_COST = 6.0  # the landmarks are read twice
DOUBT_EVERY = 1.0  # s; landmarks read four times more, and three looks, beside that budget
LOOKS = (1.44, 1.92, 2.64)  # sides of the looks at a face that was read / side of its square
LEAST_SIDE, MOST_SIDE = 0.5, 2.5  # of what they see / side of its square

# Beside faces that are known: people on a couch are about as far away as each other, and in a row.
BESIDE_A_SECOND = 4.0  # tiles
BESIDE_SIDE = 3.7  # of those tiles at most, in sides of the largest known square / REGION_SCALE
BESIDE_RISE = 3.0  # how much further away a place counts that lies above or below


def tiles(width: int, height: int) -> list[Square]:
    """Where to look in a picture of this size: upright squares, the largest first.

    Every box that lies in the picture, from LEAST_SHARE of the smallest tile on, lies whole in a
    tile of which its larger side is LEAST_SHARE or more.
    """
    longer = max(width, height)
    sides = [longer / 2**halvings for halvings in range(MOST_HALVINGS + 1)]
    return [
        Square(cx, cy, side, 0.0)
        for side in sides
        if side == longer or side >= SMALLEST_TILE
        for cy, cx in product(_middles(height, side), _middles(width, side))
    ]


def _middles(length: float, side: float) -> list[float]:
    """The middles of tiles in a row over `length`, evenly spread, that overlap by OVERLAP."""
    if side >= length:
        return [length / 2]
    steps = ceil((length - side) / (side * (1 - OVERLAP)))
    return [side / 2 + step * (length - side) / steps for step in range(steps + 1)]


def beside(places: Sequence[Square], known: Sequence[Square]) -> list[Square]:
    """Of the tiles `places` those of the size for faces like the `known` ones, the nearest first.

    A known one is the square that landmarks are read from. Empty where the tiles of that size are
    the whole picture, which is searched anyway.
    """
    most = BESIDE_SIDE / REGION_SCALE * max(square.side for square in known)
    sides = sorted({place.side for place in places})
    side = max((one for one in sides if one <= most), default=sides[0])
    if side == sides[-1]:
        return []

    def far(place: Square) -> float:
        return min(hypot(place.cx - k.cx, BESIDE_RISE * (place.cy - k.cy)) for k in known)

    return sorted((place for place in places if place.side == side), key=far)


class Finder(Protocol):
    """BlazeFace, for one."""

    def find(self, image: NDArray[np.uint8], least_score: float) -> list[FoundFace]: ...


@dataclass(frozen=True, slots=True)
class _Seen:
    """From where to read the landmarks of what BlazeFace saw."""

    square: Square
    score: float  # 0-1


class FaceSearch:
    """Looks through the tiles of a stream of pictures, one after the other, at a bounded cost."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._shape: tuple[int, ...] = ()
        self._tiles: list[Square] = []
        self.forget()

    def forget(self) -> None:
        """Start again with the largest tile."""
        self._next = 0
        self._allowance = TILES_A_FRAME
        self._at: float | None = None
        self._doubted_at = float("-inf")

    def look(
        self, image: NDArray[np.uint8], at: float, known: Sequence[Square] = ()
    ) -> Square | None:
        """From where to read the landmarks of what may be a face; None for nowhere.

        `image` is (H, W, 3) BGR, captured at `at` (s). Whether it is a face, the landmarks say.
        Beside those that are `known` (by their squares) others are looked for, less often.
        """
        self._save(at, BESIDE_A_SECOND if known else TILES_A_SECOND)
        if image.shape != self._shape:
            self._shape, self._next = image.shape, 0
            self._tiles = tiles(image.shape[1], image.shape[0])
        places = beside(self._tiles, known) if known else self._tiles
        spent = 0.0
        while places and spent < TILES_A_FRAME and self._allowance >= 1:
            spent += self._spend(1)
            seen = self._surest(image, places[self._next % len(places)], known)
            self._next += 1
            if seen is None:
                continue
            spent += self._spend(CLOSE_COST)
            if (close := self._close(image, seen.square, known)) is not None:
                self._spend(READ_COST)
                return close
        return None

    def may_doubt(self, at: float) -> bool:
        """Whether a place that is not surely a face may be looked at more closely, at `at` (s)."""
        if 0 <= at - self._doubted_at < DOUBT_EVERY:
            return False
        self._doubted_at = at
        return True

    def scores(self, image: NDArray[np.uint8], face: Square) -> tuple[float, ...]:
        """How surely that face is seen from near and from further away, 0-1 each; `face` is the
        square of its landmarks."""
        tiles = (Square(face.cx, face.cy, k * face.side, face.roll) for k in LOOKS)
        return tuple(self._score(image, face, tile) for tile in tiles)

    def _score(self, image: NDArray[np.uint8], face: Square, tile: Square) -> float:
        seen = self._surest(image, tile)
        if seen is None:
            return 0.0
        found = seen.square
        is_there = hypot(found.cx - face.cx, found.cy - face.cy) <= CLOSE_SHIFT * face.side
        is_it = is_there and LEAST_SIDE <= found.side / face.side <= MOST_SIDE
        return seen.score if is_it else 0.0

    def _save(self, at: float, tiles_a_second: float) -> None:
        """What may be spent grows with time; what is not spent is not kept."""
        elapsed = max(0.0, at - self._at) if self._at is not None else 0.0
        self._at = at
        self._allowance = min(self._allowance + elapsed * tiles_a_second, TILES_A_FRAME)

    def _spend(self, cost: float) -> float:
        self._allowance -= cost
        return cost

    def _surest(
        self, image: NDArray[np.uint8], tile: Square, known: Sequence[Square] = ()
    ) -> _Seen | None:
        """The surest face in a tile that is not known."""
        to_image = tile.to_image(SIZE)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cut = np.asarray(cv2.warpAffine(image, to_image, (SIZE, SIZE), flags=flags), np.uint8)
        for face in self._finder.find(cut, LEAST_SCORE):
            square = moved(face.square, to_image, tile)
            if not is_among(square, known):
                return _Seen(square, face.score)
        return None

    def _close(
        self, image: NDArray[np.uint8], place: Square, known: Sequence[Square]
    ) -> Square | None:
        """The same face looked at again, levelled and larger; None where it is not sure."""
        tile = Square(place.cx, place.cy, CLOSE_LOOK * place.side, place.roll)
        found = self._surest(image, tile, known)
        if found is None or found.score < CLOSE_SCORE:
            return None
        shift = hypot(found.square.cx - place.cx, found.square.cy - place.cy)
        return found.square if shift <= CLOSE_SHIFT * place.side else None


def moved(square: Square, to_image: NDArray[np.float64], tile: Square) -> Square:
    """A square of a tile cut out at SIZE pixels, in the picture; `to_image` is the tile's."""
    cx, cy = (to_image @ (square.cx, square.cy, 1.0)).tolist()
    return Square(cx, cy, square.side * tile.side / SIZE, square.roll + tile.roll)
