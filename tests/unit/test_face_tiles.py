"""Tiles cover every place of the picture, and what a search costs is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonance_tui.pipeline.detectors import blazeface, search
from resonance_tui.pipeline.detectors.blazeface import SIZE, FoundFace
from resonance_tui.pipeline.detectors.search import (
    BESIDE_A_SECOND,
    BESIDE_SIDE,
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


Known = Sequence[Square]


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

    def note(self: FaceSearch, image: NDArray[np.uint8], tile: Square, known: Known) -> object:
        seen.add(tile)
        return plain(self, image, tile, known)

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


@pytest.mark.parametrize(("width", "height", "side"), [(640, 480, 60), (1280, 720, 90)])
def test_beside_a_small_face_are_tiles_for_faces_of_its_size_the_nearest_first(
    width: int, height: int, side: int
) -> None:
    known = Square(width / 4, height / 2, side, 0.0)
    places = search.beside(tiles(width, height), [known])
    assert len({place.side for place in places}) == 1
    assert 0.5 < places[0].side / (BESIDE_SIDE / 1.235 * side) <= 1
    assert holds(places[0], known.cx - 20, known.cy - 20, 40)
    row = [place for place in places[:12] if abs(place.cy - known.cy) < place.side]
    assert len(row) >= 8


def test_beside_a_face_that_fills_the_picture_nobody_is_looked_for() -> None:
    assert search.beside(tiles(640, 480), [Square(320, 240, 300, 0.0)]) == []


def test_a_face_that_is_known_is_not_found_again(finder: Finder) -> None:
    finder.faces, looking, tile = [MIDDLE], FaceSearch(finder), Square(320, 240, 160, 0.0)
    assert looking._surest(PICTURE, tile, [Square(100, 240, 75, 0.0)]) is not None
    assert looking._surest(PICTURE, tile, [Square(320, 240, 75, 0.0)]) is None


@pytest.mark.parametrize("rate", [1, 10, 30])
def test_looking_beside_a_face_costs_a_sixth(finder: Finder, rate: int) -> None:
    looking = FaceSearch(finder)
    for number in range(10 * rate):
        looking.look(PICTURE, number / rate, [Square(100, 240, 60, 0.0)])
    assert 30 <= finder.looks <= 10 * BESIDE_A_SECOND + TILES_A_FRAME
    assert BESIDE_A_SECOND <= TILES_A_SECOND / 6


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
