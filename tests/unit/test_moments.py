"""Where a room reacted: built series with known answers, and crowds that do not react at all."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.history.moments import (
    MOMENT_APART_S,
    Moment,
    chance,
    jensen_shannon,
    moments,
)
from resonance_tui.history.recording import Recording

RESTING = np.array([0.18, 0.06, 0.58, 0.03, 0.08, 0.02, 0.05])
T0 = 1_795_345_000


def track(counts: NDArray[np.int64], start: int = 0, others: int = 0) -> Recording:
    viewers = counts.sum(axis=1) + others
    times = np.arange(start, start + len(counts), dtype=np.int64)
    return Recording(times, counts.astype(np.int64), np.full(len(counts), others), viewers)


def steady(people: int, length: int = 1200) -> NDArray[np.int64]:
    """A third smiles, the rest looks on."""
    counts = np.zeros((length, 7), np.int64)
    counts[:, Emotion.HAPPINESS] = people // 3
    counts[:, Emotion.NEUTRAL] = people - people // 3
    return counts


def moved(
    counts: NDArray[np.int64], to: Emotion, start: int, end: int, part: float
) -> NDArray[np.int64]:
    """The same room, and `part` of those who look on feel `to` from `start` to `end` - 1."""
    counts = counts.copy()
    gone = np.round(counts[start:end, Emotion.NEUTRAL] * part).astype(np.int64)
    counts[start:end, Emotion.NEUTRAL] -= gone
    counts[start:end, to] += gone
    return counts


def crowd(people: int, length: int, seed: int, dwell: int = 3) -> NDArray[np.int64]:
    """Viewers who change their minds every `dwell` s or up to four times that, each alone."""
    dice = np.random.default_rng(seed)
    counts = np.zeros((length, 7), np.int64)
    for _ in range(people):
        stays = dice.integers(dwell, 4 * dwell + 1, length // dwell + 1)
        codes = dice.choice(7, len(stays), p=RESTING).repeat(stays)[:length]
        counts[np.arange(length), codes] += 1
    return counts


# Known answers


def test_a_joke_at_ten_minutes() -> None:
    (found,) = moments(track(moved(steady(60), Emotion.HAPPINESS, 600, 610, 0.8), T0))
    assert found.t == T0 + 600
    assert (found.code, found.kind, found.name) == (Emotion.HAPPINESS, "reaction", "Laughter")
    assert found.before == pytest.approx(20 / 60)
    assert found.after == pytest.approx(52 / 60)
    assert found.shift == pytest.approx(32 / 60)
    assert 0.1 < found.strength < 0.3


def test_a_scare_of_three_seconds() -> None:
    (found,) = moments(track(moved(steady(60), Emotion.FEAR, 300, 303, 0.9)))
    assert abs(found.t - 300) <= 2
    assert (found.code, found.name) == (Emotion.FEAR, "Scare")
    assert found.after == pytest.approx(0.6 * 3 / 5)  # the mean of five seconds


def test_laughter_that_builds_up_and_dies_down() -> None:
    counts = steady(80)
    for second in range(30):
        part = 0.8 * min(second, 30 - second) / 15
        counts = moved(counts, Emotion.HAPPINESS, 500 + second, 501 + second, part)
    (found,) = moments(track(counts))
    assert 500 <= found.t <= 512
    assert found.kind == "reaction"


def test_a_room_that_turns_sad_and_stays_so() -> None:
    (found,) = moments(track(moved(steady(60), Emotion.SADNESS, 600, 1200, 1.0)))
    assert (found.t, found.code, found.kind) == (600, Emotion.SADNESS, "turn")


def test_the_way_back_is_no_moment_of_its_own() -> None:
    room = moved(steady(60), Emotion.HAPPINESS, 600, 680, 0.9)  # long enough to be told apart
    assert [found.t for found in moments(track(room))] == [600]


def test_several_emotions_at_once() -> None:
    room = moved(steady(60), Emotion.SURPRISE, 600, 608, 0.4)
    room = moved(room, Emotion.FEAR, 600, 608, 0.5)
    (found,) = moments(track(room))
    assert (found.t, found.code) == (600, Emotion.SURPRISE)


def test_while_it_is_happening() -> None:
    room = moved(steady(60), Emotion.HAPPINESS, 600, 610, 0.8)[:605]
    (found,) = moments(track(room))
    assert (found.t, found.kind) == (600, "reaction")
    assert moments(track(room[:601])) == []  # a second is too little to say


def test_moments_are_few_apart_and_in_order() -> None:
    counts = steady(60, 3000)
    for start in range(100, 2900, 35):
        counts = moved(counts, Emotion.HAPPINESS, start, start + 8, 0.8)
    found = moments(track(counts), limit=5)
    assert len(found) == 5
    times = [moment.t for moment in found]
    assert times == sorted(times)
    assert all(b - a >= MOMENT_APART_S for a, b in itertools.pairwise(times))


def test_the_stronger_of_two_neighbours_is_taken() -> None:
    room = moved(steady(60), Emotion.SURPRISE, 600, 606, 0.4)
    room = moved(room, Emotion.HAPPINESS, 630, 640, 0.9)
    (found,) = moments(track(room))
    assert (found.t, found.code) == (630, Emotion.HAPPINESS)


# What is none


def test_a_steady_room_has_none() -> None:
    assert moments(track(steady(60))) == []
    assert moments(track(np.zeros((600, 7), np.int64))) == []
    assert moments(track(steady(60)[:1])) == []
    assert moments(track(steady(60)[:0])) == []


def test_a_gradual_drift_is_none() -> None:
    counts = steady(300, 2400)
    for second in range(2400):
        counts = moved(counts, Emotion.SADNESS, second, second + 1, second / 2400)
    assert moments(track(counts)) == []


def test_those_who_come_and_go_are_none() -> None:
    counts = steady(60)
    counts[300:600] *= 2
    counts[600:] //= 3
    assert moments(track(counts)) == []


def test_a_raid_of_people_in_another_mood_is_none() -> None:
    counts = steady(60)
    counts[600:, Emotion.SADNESS] += 60
    assert moments(track(counts)) == []
    after_all = moved(counts, Emotion.ANGER, 600, 1200, 0.9)  # and now those who were there react
    assert [found.code for found in moments(track(after_all))] == [Emotion.SADNESS]


def test_those_whose_face_is_lost_are_none() -> None:
    counts = steady(60)
    counts[600:] //= 2
    whole = track(counts)
    assert moments(replace(whole, viewers=np.full(1200, 60))) == []


def test_a_gap_is_none() -> None:
    whole = track(moved(steady(60), Emotion.SADNESS, 600, 1200, 1.0))
    is_kept = (whole.times < 590) | (whole.times >= 620)
    parts = (whole.times, whole.counts, whole.others, whole.viewers)
    assert moments(Recording(*(part[is_kept] for part in parts))) == []


@pytest.mark.parametrize(("people", "is_one"), [(1, False), (3, False), (4, False), (12, True)])
def test_three_people_cannot_make_one(people: int, is_one: bool) -> None:
    counts = np.zeros((600, 7), np.int64)
    counts[:, Emotion.NEUTRAL] = people
    assert bool(moments(track(moved(counts, Emotion.HAPPINESS, 300, 310, 1.0)))) == is_one


@pytest.mark.parametrize("dwell", [3, 10, 30])
@pytest.mark.parametrize("people", [2, 5, 8, 12, 40, 150])
def test_independent_viewers_make_none_by_chance(people: int, dwell: int) -> None:
    assert moments(track(crowd(people, 7200, 1, dwell))) == []


def test_the_same_reaction_is_stronger_in_a_larger_room() -> None:
    def strength(people: int) -> float:
        counts = np.zeros((600, 7), np.int64)
        counts[:, Emotion.NEUTRAL] = people
        (found,) = moments(track(moved(counts, Emotion.HAPPINESS, 300, 310, 0.75)))
        return found.strength

    found = [strength(people) for people in (16, 40, 200, 4000)]
    assert found == sorted(found)
    assert found[0] < 0.6 * found[-1]


# The measure


def test_jensen_shannon_by_hand() -> None:
    pure, half = np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]])
    assert jensen_shannon(pure, pure[:, ::-1]).tolist() == [1.0]
    assert jensen_shannon(pure, pure).tolist() == [0.0]
    assert jensen_shannon(pure, half)[0] == pytest.approx(0.3112781)


def test_chance_is_what_draws_from_one_room_give() -> None:
    """The bound is exceeded in about one of four thousand draws, and the half of it often."""
    dice, people = np.random.default_rng(3), 80
    mix = np.array([0.2, 0.1, 0.3, 0.1, 0.1, 0.1, 0.1])
    one, other = (dice.multinomial(people, mix, 40_000) / people for _ in range(2))
    bound = chance(np.array([80.0]), np.array([80.0]), np.array([6]))[0]
    found = jensen_shannon(one, other)
    assert 0.00005 < (found > bound).mean() < 0.001
    assert (found > bound / 2).mean() > 0.01


@given(
    st.lists(st.tuples(*[st.integers(0, 40)] * 7), max_size=120),
    st.integers(0, 2**31),
    st.integers(0, 9),
)
def test_any_recording_has_sound_moments(
    counts: list[tuple[int, ...]], start: int, others: int
) -> None:
    table = np.array(counts, np.int64).reshape(-1, 7)
    for found in moments(track(table, start, others)):
        assert isinstance(found, Moment)
        assert start <= found.t < start + len(table)
        assert 0 < found.strength <= 1
        assert 0 <= found.before <= found.after <= 1
        assert 0 < found.shift <= 1
