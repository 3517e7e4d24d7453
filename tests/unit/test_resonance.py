"""The resonance score: near 0 for people on their own, near 1 for a room that moves as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.history.recording import Recording, resonance_of
from resonance_tui.room.resonance import LEAST_S, WINDOW_S, Resonance, allowance
from resonance_tui.room.state import RoomSnapshot, ViewerRow

SIZES = (2, 5, 20, 200, 5000)
CALM = (0.18, 0.06, 0.58, 0.03, 0.08, 0.02, 0.05)
T0 = 1_767_225_600

Moods = NDArray[np.int_]  # (seconds, viewers), codes


def alone(dice: np.random.Generator, viewers: int, seconds: int, dwell_s: float = 7.0) -> Moods:
    """Everybody stays with a mood for a while, and nobody cares what the others feel."""
    moods = np.empty((seconds, viewers), int)
    moods[0] = dice.choice(7, viewers, p=CALM)
    for t in range(1, seconds):
        is_new = dice.random(viewers) < 1 / dwell_s
        moods[t] = np.where(is_new, dice.choice(7, viewers, p=CALM), moods[t - 1])
    return moods


def show(seconds: int) -> Moods:
    """What a room that hangs on every word shows: another emotion every five seconds."""
    return (np.arange(seconds) // 5 * 3 % 7)[:, None]


def together(dice: np.random.Generator, viewers: int, seconds: int, part: float) -> Moods:
    """A part of the room follows the show, the others are on their own."""
    moods = alone(dice, viewers, seconds)
    moods[:, : round(part * viewers)] = show(seconds)
    return moods


def snapshot(moods: NDArray[np.int_], *, is_total: bool) -> RoomSnapshot:
    """One second; -1 is somebody who is not there."""
    counts = tuple(int((moods == code).sum()) for code in EMOTIONS)
    rows = () if is_total else tuple(row(i, code) for i, code in enumerate(moods) if code >= 0)
    away = int((moods == Emotion.AWAY).sum())
    return RoomSnapshot(
        sum(counts) + away, counts, 0, away, rows, frozenset(), frozenset(), is_total
    )


def row(index: int, code: int) -> ViewerRow:
    return ViewerRow(f"viewer{index}", "", Emotion(int(code)), 60, False, False, False)


def live(moods: Moods, *, is_total: bool = False) -> list[float | None]:
    """The score of every second, as a session would see it."""
    resonance, found = Resonance(), []
    for t, second in enumerate(moods):
        resonance.add(snapshot(second, is_total=is_total), T0 + t)
        found.append(resonance.score)
    return found


def mean(found: list[float | None]) -> float:
    """Over the seconds that have a whole window behind them."""
    return float(np.mean([score for score in found[WINDOW_S:] if score is not None]))


def track(moods: Moods, times: list[int] | None = None) -> Recording:
    counts = np.stack([(moods == code).sum(axis=1) for code in EMOTIONS], axis=1)
    at = np.arange(len(moods)) if times is None else np.array(times)
    return Recording(T0 + at, counts, np.zeros(len(moods), int), counts.sum(axis=1))


def seconds_for(viewers: int) -> int:
    """Small rooms are noisy and cheap, so they run for longer."""
    return 1500 if viewers <= 5 else 300 if viewers <= 200 else 60


# What it says of a room


@pytest.mark.parametrize("dwell_s", [3, 15])
@pytest.mark.parametrize("viewers", SIZES)
def test_viewers_on_their_own_are_near_nothing(viewers: int, dwell_s: float) -> None:
    moods = alone(np.random.default_rng(viewers), viewers, seconds_for(viewers), dwell_s)
    assert mean(live(moods)) < 0.05
    assert mean(live(moods, is_total=True)) < 0.05


@pytest.mark.parametrize("viewers", SIZES)
def test_a_room_that_moves_as_one_is_near_everything(viewers: int) -> None:
    moods = np.repeat(show(60), viewers, axis=1)
    assert min(score for score in live(moods)[WINDOW_S:] if score is not None) > 0.99
    assert mean(live(moods, is_total=True)) > 0.95


@pytest.mark.parametrize("viewers", SIZES)
def test_lasting_moods_that_differ_are_nothing_in_common(viewers: int) -> None:
    moods = np.tile(np.arange(viewers) % 7, (60, 1))
    assert set(live(moods)[LEAST_S:]) == {0.0}
    assert set(live(moods, is_total=True)[LEAST_S:]) == {0.0}


def test_where_nothing_moves_nobody_moves_together() -> None:
    assert live(np.full((40, 12), int(Emotion.NEUTRAL)))[-1] == 0.0


@pytest.mark.parametrize("is_total", [False, True])
@pytest.mark.parametrize("viewers", [20, 200])
def test_the_score_is_the_part_of_the_room_that_moves_as_one(viewers: int, is_total: bool) -> None:
    dice = np.random.default_rng(3)
    parts = (0.0, 0.25, 0.5, 0.75, 1.0)
    found = [mean(live(together(dice, viewers, 200, part), is_total=is_total)) for part in parts]
    assert found == sorted(found)
    assert found == pytest.approx(parts, abs=0.15)


def test_misread_faces_blur_it_and_do_not_hide_it() -> None:
    dice = np.random.default_rng(4)
    moods = np.repeat(show(200), 50, axis=1)
    is_misread = dice.random(moods.shape) < 0.3
    blurred = np.where(is_misread, dice.choice(7, moods.shape, p=CALM), moods)
    assert 0.5 < mean(live(blurred)) < 0.9


def test_people_who_come_and_go_do_not_count_as_moving() -> None:
    dice = np.random.default_rng(5)
    moods = alone(dice, 60, 300)
    comes, stays = dice.integers(-60, 300, 60), dice.integers(40, 200, 60)
    seconds = np.arange(300)[:, None]
    moods[(seconds < comes) | (seconds > comes + stays)] = -1
    assert mean(live(moods)) < 0.05
    moods[(moods >= 0)] = np.repeat(show(300), 60, axis=1)[moods >= 0]
    assert mean(live(moods)) > 0.99


def test_half_the_room_that_goes_at_once_is_no_movement_of_those_who_stay() -> None:
    moods = np.full((70, 40), int(Emotion.NEUTRAL))
    moods[:, :20] = Emotion.HAPPINESS
    moods[35:, :20] = -1
    assert max(score or 0.0 for score in live(moods)) < 1e-6
    moods[35:, :20], moods[:35, :20] = Emotion.HAPPINESS, -1  # or comes
    assert max(score or 0.0 for score in live(moods)) < 1e-6


def test_a_room_through_which_thousands_pass_remembers_those_of_the_window() -> None:
    """Two viewers who move as one, and others who are each there for three seconds."""
    crowded, pair = Resonance(), Resonance()
    for t, second in enumerate(np.repeat(show(400), 2, axis=1)):
        guests = [ViewerRow(f"{t - back}-{i}", "", Emotion.AWAY, 0, False, False, False)
                  for back in range(3) for i in range(20)]  # fmt: skip
        room = snapshot(second, is_total=False)
        pair.add(room, T0 + t)
        crowded.add(replace(room, rows=(*guests, *room.rows)), T0 + t)
        assert crowded.score == pair.score
    assert len(crowded._seats) < 1000


def test_it_is_steady_enough_to_be_shown_every_second() -> None:
    found = live(together(np.random.default_rng(6), 50, 300, 0.6))[WINDOW_S:]
    known = [score for score in found if score is not None]
    assert float(np.abs(np.diff(known)).mean()) < 0.03
    assert len(known) == len(found)


def test_two_people_must_agree_for_longer_than_many() -> None:
    long, short = np.array([30.0]), np.array([10.0])
    one, many = np.array([1.0]), np.array([190.0])
    assert allowance(one, long) > 10 * allowance(many, long)
    assert allowance(one, short) > allowance(one, long)


# When there is none


def test_one_viewer_alone_has_no_score() -> None:
    assert live(show(40)) == [None] * 40


def test_it_takes_a_few_seconds_to_know() -> None:
    found = live(np.repeat(show(20), 4, axis=1))
    assert found[: LEAST_S - 1] == [None] * (LEAST_S - 1)
    assert found[LEAST_S] is not None


def test_who_is_away_or_unsure_is_not_read() -> None:
    moods = np.repeat(show(40), 3, axis=1)
    moods[:, 2] = Emotion.AWAY
    pair = live(moods[:, :2])
    assert live(moods) == pair
    moods[-1, 1] = Emotion.UNSURE
    assert live(moods)[-1] is None


# Seconds, clocks, and the change to a total


def test_the_first_snapshot_of_a_second_counts() -> None:
    once, often = Resonance(), Resonance()
    for t, second in enumerate(np.repeat(show(40), 3, axis=1)):
        room = snapshot(second, is_total=False)
        once.add(room, T0 + t)
        often.add(room, T0 + t + 0.1)
        often.add(snapshot(second * 0, is_total=False), T0 + t + 0.9)
    assert once.score == often.score


@given(st.lists(st.integers(-40, 40), max_size=80), st.booleans())
def test_any_clock_leaves_what_its_last_seconds_say(steps: list[int], is_total: bool) -> None:
    dice = np.random.default_rng(len(steps))
    jumping, at = Resonance(), T0
    for step in steps:
        at += step
        jumping.add(snapshot(alone(dice, 4, 1)[0], is_total=is_total), at)
    steady = Resonance()
    for t in range(at + 1000, at + 1000 + WINDOW_S):
        room = snapshot(alone(dice, 4, 1)[0], is_total=is_total)
        jumping.add(room, t)
        steady.add(room, t)
    assert jumping.score == steady.score


def test_a_clock_that_is_set_back_starts_anew() -> None:
    set_back, fresh = Resonance(), Resonance()
    for t, second in enumerate(np.repeat(show(25), 6, axis=1)):
        set_back.add(snapshot(second, is_total=False), T0 + 3600 + t)
    for t, second in enumerate(alone(np.random.default_rng(9), 6, LEAST_S + 2)):
        room = snapshot(second, is_total=False)
        set_back.add(room, T0 + t)
        fresh.add(room, T0 + t)
        assert set_back.score == fresh.score
    assert fresh.score is not None


def test_the_change_to_a_total_and_back_keeps_the_score_sane() -> None:
    resonance = Resonance()
    for t, second in enumerate(np.repeat(show(120), 30, axis=1)):
        resonance.add(snapshot(second, is_total=40 < t < 80), T0 + t)
        if t > WINDOW_S:
            assert resonance.score is not None
            assert resonance.score > 0.9


# The same, of a recording


@pytest.mark.parametrize("part", [0.0, 0.6, 1.0])
def test_a_recording_has_the_scores_of_a_total(part: float) -> None:
    moods = together(np.random.default_rng(8), 30, 120, part)
    said = [np.nan if score is None else score for score in live(moods, is_total=True)]
    assert resonance_of(track(moods)) == pytest.approx(said, nan_ok=True)


def test_a_gap_in_a_recording_is_not_bridged() -> None:
    moods = np.repeat(show(80), 5, axis=1)
    times = [*range(40), *range(500, 540)]
    found = resonance_of(track(moods, times))
    assert np.isnan(found[:9]).all()
    assert np.isnan(found[40:49]).all()
    assert not np.isnan(found[9:40]).any()
    assert not np.isnan(found[49:]).any()


def test_a_recording_of_nobody() -> None:
    assert resonance_of(track(np.zeros((0, 3), int))).shape == (0,)
    assert np.isnan(resonance_of(track(np.full((20, 3), -1)))).all()


@given(st.lists(st.tuples(*[st.integers(0, 200_000)] * 7), max_size=50))
def test_whatever_was_recorded_the_score_is_a_share(rows: list[tuple[int, ...]]) -> None:
    counts = np.array(rows, np.int64).reshape(-1, 7)
    times = np.arange(len(rows), dtype=np.int64)
    found = resonance_of(Recording(times, counts, times * 0, counts.sum(axis=1)))
    is_known = ~np.isnan(found)
    assert ((found[is_known] >= 0) & (found[is_known] <= 1)).all()
    assert not is_known[counts.sum(axis=1) < 2].any()
