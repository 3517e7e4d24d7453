"""Several doubtful looks make a face; a single sure one, or landmarks that go along, do not."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from resonance_tui.pipeline.detectors.evidence import FACE, STILL_FACE, Looks, stray

POINTS = np.random.default_rng(0).uniform(0, 100, (478, 2))


def test_a_clear_face_is_one_by_far() -> None:
    assert Looks((0.9999999,) * 5, (0.9,) * 3, 0.007).evidence > 2 * FACE


def test_half_a_face_is_one_by_all_looks_together() -> None:
    """Two of the readings would deny it."""
    assert Looks((0.4, 0.99, 0.9999, 0.98, 0.3), (0.78, 0.8, 0.76), 0.018).evidence > FACE


def test_lettering_is_none_however_sure_single_readings_are() -> None:
    """Of a film's title: BlazeFace sees it as well as half a face, and the mirror image is sure."""
    lettering = Looks((0.997, 0.973, 0.9999997, 0.95, 0.999), (0.64, 0.79, 0.7), 0.05)
    assert lettering.evidence < FACE


def test_lettering_that_nearly_all_readings_take_for_a_face_is_none() -> None:
    """The same title on another cut, the clearest of 1,095 pictures without a face."""
    lettering = Looks((0.0792, 0.999, 1.0, 0.9947, 0.9993), (0.72, 0.72, 0.79), 0.0321)
    assert lettering.evidence < FACE


def test_less_will_do_where_a_face_was() -> None:
    covered = Looks((0.3, 0.6, 0.9, 0.7, 0.4), (0.6, 0.62, 0.6), 0.035).evidence
    assert STILL_FACE < covered < FACE


def test_presences_of_nought_and_one_weigh_no_more_than_any_may() -> None:
    assert Looks((0.0, 1.0), (0.5,), 0.03).evidence == pytest.approx((-4 + 9) / 2)
    orders = permutations((0.1, 0.5, 0.999))
    assert len({round(Looks(each, (0.5,), 0.03).evidence, 9) for each in orders}) == 1


def test_landmarks_that_stay_do_not_stray_and_those_that_go_along_do() -> None:
    assert stray([POINTS, POINTS, POINTS], 100) == pytest.approx(0, abs=1e-9)
    down = np.array([0.0, 8.0])
    moved = [POINTS + down, POINTS, POINTS - down]
    assert stray(moved, 100) == pytest.approx(0.08 * (2 / 3) ** 0.5)
    assert stray(moved, 200) == pytest.approx(stray(moved, 100) / 2)
