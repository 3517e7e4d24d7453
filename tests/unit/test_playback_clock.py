"""A recording plays in real time, whatever its rate."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.pipeline.playback_clock import LiveClock, PlaybackClock


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


@pytest.mark.parametrize(
    ("rate", "decoded"),
    [(60, 60), (60, 55), (60, 50), (60, 40), (60, 30), (60, 20), (30, 25), (30, 15), (24, 12)],
)
@pytest.mark.parametrize("picture", [0.0, 0.01])  # s that a picture that is shown costs more
def test_a_decoder_slower_than_the_recording_shows_what_it_can(rate, decoded, picture):
    pace, now, shown = PlaybackClock(10), 50.0, []
    for number in range(20 * decoded):
        now += 1 / decoded
        wait = pace.wait(number / rate, now)
        if wait is not None:
            now += wait + picture
            shown.append(now)
    pauses = [after - before for before, after in pairwise(shown)]
    seconds = shown[-1] - shown[0]
    assert 0.8 * 10 <= len(shown) / seconds <= 10.5
    assert max(pauses) <= 0.3


@pytest.mark.parametrize("decoded", [1, 3, 7])
def test_who_decodes_fewer_frames_than_are_wanted_shows_them_all(decoded):
    assert len(play(30, 5, cost=1 / decoded)) >= 150 - decoded


def test_a_moment_of_slowness_is_made_up_for():
    pace, now = PlaybackClock(10), 50.0
    for number in range(300):
        now += 0.5 if number == 100 else 0.005
        wait = pace.wait(number / 30, now)
        if wait is not None:
            now += wait
            late = now - 50.005 - number / 30
    assert late == pytest.approx(0.0, abs=0.02)


@given(
    st.sampled_from([5.0, 24.0, 30.0, 60.0, 240.0]),
    st.lists(st.floats(0.001, 0.3), min_size=20, max_size=200),
)
def test_it_never_starves_and_never_floods(rate, costs):
    pace, now, last, shown = PlaybackClock(10), 0.0, 0.0, 0
    for number, cost in enumerate(costs):
        now += cost
        wait = pace.wait(number / rate, now)
        if wait is not None:
            now, shown = now + wait, shown + 1
            last = now
        # A catch-up delivers up to two frames of the time to come.
        assert now - last <= 0.1 + cost + 1 / rate + 0.2
    assert shown <= 10 * now + 11


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


def watch_live(clock: LiveClock, times: list[float]) -> list[float]:
    shown = [at for at in times if clock.is_due(at) and not clock.delivered(at)]
    return shown


@given(st.integers(1, 30), st.lists(st.floats(-0.4, 0.4), min_size=7, max_size=7))
def test_a_camera_that_jitters_is_thinned_to_the_rate_on_average(fps: int, shake: list[float]):
    times = [(n + shake[n % 7]) / 30 for n in range(300)]
    assert len(watch_live(LiveClock(fps), times)) == pytest.approx(10 * fps, rel=0.1, abs=2)


def test_a_rate_that_changes_counts_from_the_newest_frame_on():
    clock = LiveClock(5)
    assert watch_live(clock, [0.0, 0.1, 0.19, 0.21, 0.3]) == [0.0, 0.21]
    clock.set_fps(20)
    assert watch_live(clock, [0.24, 0.26, 0.28, 0.31, 0.33]) == [0.26, 0.31]
    clock.set_fps(5)
    assert watch_live(clock, [0.35, 0.4, 0.45, 0.51]) == [0.51]


def test_a_recording_follows_a_rate_that_rises_and_falls():
    clock, shown = PlaybackClock(5), []
    for number in range(90):
        media = number / 30
        clock.set_fps(30 if 1 <= media < 2 else 5)
        now = 50 + media
        assert clock.early(media, now) == pytest.approx(0, abs=1e-9)
        if clock.wait(media, now) is not None:
            shown.append(media)
    assert [sum(second <= at < second + 1 for at in shown) for second in range(3)] == [5, 30, 5]


def test_how_early_a_frame_of_a_recording_comes():
    clock = PlaybackClock(5)
    assert clock.early(7.0, 50.0) == 0
    clock.wait(7.0, 50.0)
    assert clock.early(7.5, 50.2) == pytest.approx(0.3)
    assert clock.early(7.5, 50.9) == 0
