"""Tiles cover every place of the picture, and what a search costs is bounded."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors import blazeface, search
from resonance_tui.pipeline.detectors.blazeface import SIZE, FoundFace
from resonance_tui.pipeline.detectors.search import (
    CLOSE_COST,
    LEAST_SHARE,
    READ_COST,
    TILES_A_FRAME,
    TILES_A_SECOND,
    FaceSearch,
    tiles,
)
from resonance_tui.pipeline.detectors.square import Square

LENGTHS = st.integers(100, 4000)
PLACE = st.floats(0, 1)
PICTURE = np.zeros((480, 640, 3), np.uint8)


@given(LENGTHS, LENGTHS, PLACE, PLACE, PLACE)
def test_every_box_lies_whole_and_large_enough_in_a_tile(
    width: int, height: int, size: float, right: float, down: float
) -> None:
    all_tiles = tiles(width, height)
    least = LEAST_SHARE * all_tiles[-1].side
    side = least + size * max(0.0, min(width, height) - least)
    x0, y0 = right * max(0, width - side), down * max(0, height - side)
    assert any(
        side >= LEAST_SHARE * tile.side - 1e-6 and holds(tile, x0, y0, side) for tile in all_tiles
    )


def holds(tile: Square, x0: float, y0: float, side: float) -> bool:
    left, top = tile.cx - tile.side / 2, tile.cy - tile.side / 2
    return (
        left <= x0 + 1e-6
        and top <= y0 + 1e-6
        and x0 + side <= left + tile.side + 1e-6
        and y0 + side <= top + tile.side + 1e-6
    )


@given(LENGTHS, LENGTHS)
def test_the_whole_picture_comes_first_and_no_tile_is_needlessly_small(
    width: int, height: int
) -> None:
    first, *others = tiles(width, height)
    assert holds(first, 0, 0, 0) and first.side == max(width, height)
    assert all(tile.side >= SIZE for tile in others)
    assert len(others) < 200


class Finder:
    """Sees something in each look, or nothing."""

    def __init__(self, faces: list[FoundFace]) -> None:
        self.faces, self.looks = faces, 0

    def find(self, image: NDArray[np.uint8], least_score: float) -> list[FoundFace]:
        assert least_score < blazeface.LEAST_SCORE
        assert image.shape == (SIZE, SIZE, 3)
        self.looks += 1
        return self.faces


MIDDLE = FoundFace(
    (44, 44, 84, 84), np.array([[54, 60], [74, 60], *[[64, 70]] * 4], np.float64), 0.9
)


@pytest.fixture
def finder() -> Finder:
    return Finder([])


@pytest.mark.parametrize("rate", [1, 10, 30])
@pytest.mark.parametrize("faces", [[], [MIDDLE]])
def test_a_second_of_searching_costs_no_more_than_was_said(
    finder: Finder, rate: int, faces: list[FoundFace]
) -> None:
    finder.faces, looking = faces, FaceSearch(finder)
    places = [looking.look(PICTURE, number / rate) for number in range(10 * rate)]
    cost = finder.looks + READ_COST * sum(place is not None for place in places)
    most_at_once = TILES_A_FRAME + CLOSE_COST + READ_COST
    assert cost <= 10 * TILES_A_SECOND + most_at_once
    assert finder.looks >= 10 * min(rate * TILES_A_FRAME, TILES_A_SECOND) / (1 + READ_COST)


def test_all_tiles_of_a_picture_are_seen_within_two_seconds(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[Square] = set()
    plain = FaceSearch._surest

    def note(self: FaceSearch, image: NDArray[np.uint8], tile: Square) -> object:
        seen.add(tile)
        return plain(self, image, tile)

    monkeypatch.setattr(FaceSearch, "_surest", note)
    looking = FaceSearch(finder)
    for number in range(20):
        looking.look(PICTURE, number / 10)
    assert seen == set(tiles(640, 480))


def test_time_that_stands_still_or_goes_back_buys_nothing(finder: Finder) -> None:
    looking = FaceSearch(finder)
    for at in (5.0, 5.0, 3.0, 2.0):
        looking.look(PICTURE, at)
    assert finder.looks == TILES_A_FRAME


def test_a_face_in_a_tile_is_told_in_pixels_of_the_picture(finder: Finder) -> None:
    finder.faces = [MIDDLE]
    place = FaceSearch(finder).look(PICTURE, 0)
    assert place is not None
    assert (place.cx, place.cy) == pytest.approx((320, 240))
    # A box of 40 in 128 pixels of the second look, which is 1.6 times the first look's square.
    first = 1.5 * 40 * 640 / 128
    assert place.side == pytest.approx(1.5 * 40 / 128 * 1.6 * first)
    assert place.roll == pytest.approx(0)


def test_two_looks_that_differ_are_no_face(finder: Finder) -> None:
    shift = np.array([40, 0])
    x0, y0, x1, y1 = MIDDLE.box
    finder.faces = [FoundFace((x0 + 40, y0, x1 + 40, y1), MIDDLE.keypoints + shift, 0.9)]
    looking = FaceSearch(finder)
    assert all(looking.look(PICTURE, at) is None for at in range(20))


def test_a_rolled_tile_turns_what_is_found_in_it() -> None:
    tile = Square(100, 50, 64, np.pi / 2)
    to_image = tile.to_image(SIZE)
    for x, y in product((0.0, 64.0, 128.0), repeat=2):
        found = search.moved(Square(x, y, 32, 0.1), to_image, tile)
        assert (found.cx, found.cy) == pytest.approx((100 - (y - 64) / 2, 50 + (x - 64) / 2))
        assert (found.side, found.roll) == pytest.approx((16, np.pi / 2 + 0.1))
