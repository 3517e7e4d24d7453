"""A recording plays in real time, whatever its rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.pipeline.playback_clock import PlaybackClock


def play(rate: float, seconds: float, fps: float = 10.0, cost: float = 0.0):
    """(media time, shown at) of every frame shown; each frame costs `cost` s to decode."""
    pace, now, shown = PlaybackClock(fps), 50.0, []
    for number in range(round(rate * seconds)):
        now += cost
        wait = pace.wait(number / rate, now)
        if wait is not None:
            now += wait
            shown.append((number / rate, now - 50.0))
    return shown


@pytest.mark.parametrize("rate", [10.0, 15.0, 23.976, 25.0, 30.0, 60.0, 120.0])
def test_ten_frames_a_second_at_the_right_time(rate):
    shown = play(rate, 5)
    assert abs(len(shown) - 50) <= 1
    assert all(at == pytest.approx(media) for media, at in shown)


def test_a_slow_file_shows_every_frame():
    assert len(play(5, 4)) == 20


def test_when_decoding_is_slow_frames_are_skipped_and_time_is_kept():
    shown = play(30, 10, cost=0.03)
    assert shown[-1][1] == pytest.approx(shown[-1][0], abs=0.15)


def test_when_decoding_cannot_keep_up_it_still_shows_something():
    assert len(play(30, 10, cost=0.1)) >= 5


def test_after_a_sleep_it_goes_on_from_where_it_was():
    pace = PlaybackClock(10)
    assert pace.wait(0.0, 0.0) == 0
    assert pace.wait(0.1, 500.0) == 0
    assert pace.wait(0.2, 500.0) == pytest.approx(0.1)


def test_a_stream_need_not_start_at_zero():
    pace = PlaybackClock(10)
    assert pace.wait(9000.0, 7.0) == 0
    assert pace.wait(9000.1, 7.0) == pytest.approx(0.1)


@given(
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2)), max_size=50),
    st.sampled_from([1.0, 10.0, 25.0]),
)
def test_never_waits_longer_than_the_recording_itself(steps, fps):
    pace, media, now = PlaybackClock(fps), 0.0, 0.0
    pace.wait(media, now)
    for forward, spent in steps:
        media, now = media + forward, now + spent
        wait = pace.wait(media, now)
        if wait is not None:
            assert 0 <= wait <= media + 1e-6
            now += wait
