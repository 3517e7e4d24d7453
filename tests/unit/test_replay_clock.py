"""The clock of a replay: whatever is pressed, the position is where a watch would put it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.history.replay_clock import SPEEDS, ReplayClock
from resonance_tui.history.replayed_room import played

FIRST, LAST = 1000.0, 1600.0
PASSED = st.floats(0, 400)
DOINGS = st.one_of(
    st.tuples(st.just("wait"), PASSED),
    st.tuples(st.just("toggle"), st.just(0.0)),
    st.tuples(st.just("skip"), st.floats(-800, 800)),
    st.tuples(st.just("faster"), st.integers(-9, 9)),
    st.tuples(st.just("settle"), st.just(0.0)),
)


def standing() -> ReplayClock:
    return ReplayClock(FIRST, LAST, FIRST)


@given(st.lists(DOINGS, max_size=40))
def test_no_pause_seek_or_speed_loses_the_position(doings: list[tuple[str, float]]) -> None:
    """Held against a watch that adds up what passed, step by step."""
    clock, now = standing(), 50.0
    watch, speed, is_moving = FIRST, 1.0, False
    for what, value in doings:
        if what == "wait":
            now += value
            watch = min(watch + value * speed, LAST) if is_moving else watch
            is_moving = is_moving and watch < LAST
        elif what == "toggle":
            clock = clock.toggle(now)
            watch = FIRST if not is_moving and watch >= LAST else watch
            is_moving = not is_moving
        elif what == "skip":
            clock = clock.skip(value, now)
            watch = min(max(watch + value, FIRST), LAST)
        elif what == "faster":
            clock = clock.faster(now, int(value))
            speed = clock.speed
        else:
            clock = clock.settle(now)
        if watch >= LAST and what in ("skip", "settle"):  # over: both stand from the next look on
            clock, is_moving = clock.settle(now), False
        assert math.isclose(clock.at(now), watch, abs_tol=1e-6)
        assert FIRST <= clock.at(now) <= LAST
        assert clock.speed in SPEEDS


@given(PASSED, st.sampled_from(SPEEDS))
def test_it_ends_once_and_stands_at_the_end(late: float, speed: float) -> None:
    clock = ReplayClock(FIRST, LAST, FIRST, speed=speed).play(0.0)
    ends = (LAST - FIRST) / speed
    assert not clock.is_over(ends - 0.01)
    over = clock.settle(ends + late)
    assert over.at(ends + late) == LAST and not over.is_playing
    assert over.settle(ends + late) is over
    again = over.toggle(9999.0)
    assert again.is_playing and again.at(9999.0) == FIRST


def test_a_clock_that_steps_back_takes_nothing_back() -> None:
    clock = standing().seek(1200.0, 100.0).play(100.0)
    assert clock.at(90.0) == 1200.0
    assert clock.pause(90.0).at(500.0) == 1200.0


def test_speed_stops_at_its_ends() -> None:
    clock = standing()
    assert clock.faster(0.0, 99).speed == SPEEDS[-1]
    assert clock.faster(0.0, -99).speed == SPEEDS[0]
    assert clock.faster(0.0).faster(0.0, -1) == clock


@pytest.mark.parametrize(
    ("before", "now", "seconds"),
    [
        (10.0, 10.1, [10]),
        (10.9, 11.0, [10, 11]),
        (10.0, 13.5, [10, 11, 12, 13]),
        (10.0, 99.5, [99]),  # the program stood still: what was read belongs to the present
        (20.0, 11.0, [11]),
    ],
)
def test_seconds_that_were_played_between_two_looks(
    before: float, now: float, seconds: list[int]
) -> None:
    assert list(played(before, now, most_s=4.0)) == seconds
