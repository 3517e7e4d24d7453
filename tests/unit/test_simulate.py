"""Simulated viewers: the same crowd for the same seed, moments that the room shares, visits."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.simulation.behaviour import (
    MOMENT_EVERY_S,
    SHORTEST_STAY_S,
    Visit,
    crowd,
    first_visit,
    next_visit,
    team_of,
)


def play(seed: int, seconds: int = 60) -> list[Emotion]:
    viewers = crowd(20, seed)
    for tenth in range(seconds * 10):
        for viewer in viewers:
            viewer.step(tenth / 10)
    return [viewer.code for viewer in viewers]


def test_the_same_seed_gives_the_same_show() -> None:
    assert play(3) == play(3)
    assert play(3) != play(4)


def test_people_dwell_on_a_feeling() -> None:
    viewers = crowd(50, 1)
    changes = sum(viewer.step(t / 10) for t in range(600) for viewer in viewers)
    assert 50 * 60 / 12 <= changes <= 50 * 60 / 3 + 50


def test_a_moment_moves_the_room() -> None:
    viewers = crowd(200, 2)
    for tenth in range(int(MOMENT_EVERY_S + 8) * 10):
        for viewer in viewers:
            viewer.step(tenth / 10)
    counted = Counter(viewer.code for viewer in viewers)
    assert counted.most_common(1)[0][0] is Emotion.SURPRISE  # the second moment


def test_no_two_of_a_crowd_have_the_same_name() -> None:
    names = [viewer.nickname for viewer in crowd(450, 5)]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 24


def visits(stay_s: float, within_s: float = 10.0, count: int = 4000) -> list[Visit]:
    rng = random.Random(7)
    return [first_visit(rng, within_s, stay_s) for _ in range(count)]


def test_a_crowd_arrives_bit_by_bit() -> None:
    arrivals = sorted(visit.arrives_at for visit in visits(1200))
    assert arrivals[0] >= 0 and arrivals[-1] <= 10
    per_second = Counter(int(at) for at in arrivals)
    assert all(300 < per_second[second] < 500 for second in range(10))


@pytest.mark.parametrize(("mean", "shortest"), [(1200.0, SHORTEST_STAY_S), (6.0, 3.0)])
def test_people_stay_as_long_on_average_as_they_should_and_nobody_leaves_at_once(
    mean: float, shortest: float
) -> None:
    stays = [visit.leaves_at - visit.arrives_at for visit in visits(mean)]
    assert min(stays) >= shortest - 1e-6
    assert 0.9 * mean < sum(stays) / len(stays) < 1.1 * mean


@given(st.integers(0, 10**6), st.floats(0, 10**6), st.floats(0.1, 10**5))
def test_somebody_else_comes_soon_after(seed: int, after: float, stay_s: float) -> None:
    visit = next_visit(random.Random(seed), after, stay_s)
    assert after < visit.arrives_at <= after + 8 + 1e-6
    assert visit.leaves_at >= visit.arrives_at


@pytest.mark.parametrize("teams", [1, 3, 8])
def test_every_team_gets_its_part_of_a_crowd_and_some_join_none(teams: int) -> None:
    found = Counter(team_of(number / 1000, teams) for number in range(1001))
    assert found.keys() == set(range(teams + 1))
    assert 0.05 < found.pop(0) / 1001 < 0.15
    assert max(found.values()) - min(found.values()) <= 2


def test_a_room_without_teams_has_nobody_in_one() -> None:
    assert {team_of(number / 100, 0) for number in range(101)} == {0}
