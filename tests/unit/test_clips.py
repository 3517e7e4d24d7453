"""Clips are made of different moments of one person, or not at all."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.pipeline.clip_buffer import STRETCH, ClipBuffer


def picture(value: int, size: int = 4) -> np.ndarray:
    return np.full((size, size, 3), value % 256, np.uint8)


def filled(times, frames=5, rate=10.0, track=0, **options) -> ClipBuffer:
    buffer = ClipBuffer(frames, rate, **options)
    for number, at in enumerate(times):
        buffer.add(picture(number), at, track)
    return buffer


def test_a_steady_camera_fills_every_moment():
    clip = filled([k / 10 for k in range(20)]).clip(1.9)
    assert clip is not None
    assert clip.times == pytest.approx([1.5, 1.6, 1.7, 1.8, 1.9])
    assert clip.frames.shape == (5, 4, 4, 3)
    assert clip.frames.dtype == np.uint8
    assert clip.frames[:, 0, 0, 0].tolist() == [15, 16, 17, 18, 19]
    assert clip.track == 0


def test_a_fast_camera_is_thinned_to_the_rate():
    clip = filled([k / 30 for k in range(60)]).clip(2.0)
    assert clip is not None
    assert [b - a for a, b in pairwise(clip.times)] == pytest.approx([0.1] * 4, abs=0.04)


def test_many_frames_of_a_short_moment_are_no_clip():
    assert filled([k / 60 for k in range(15)]).clip(0.25) is None


def test_too_few_frames_are_no_clip_and_none_is_copied():
    assert filled([0.0, 0.1, 0.2, 0.3]).clip(0.3) is None


def test_a_slow_camera_stretches_the_clip_up_to_a_limit():
    at_7_hz = [k / 7 for k in range(20)]
    clip = filled(at_7_hz).clip(at_7_hz[-1])
    assert clip is not None
    assert len(set(clip.times)) == 5
    at_4_hz = [k / 4 for k in range(20)]
    assert filled(at_4_hz).clip(at_4_hz[-1]) is None


def test_old_news_is_no_clip():
    buffer = filled([k / 10 for k in range(20)])
    assert buffer.clip(2.39) is not None
    assert buffer.clip(2.41) is None


def test_a_hole_is_waited_out():
    buffer = filled([0.0, 0.1, 0.2, 0.8, 0.9])
    assert buffer.clip(0.9) is None
    for k in range(10, 13):
        buffer.add(picture(k), k / 10, 0)
    assert buffer.clip(1.2) is not None


def test_another_person_starts_anew():
    buffer = filled([k / 10 for k in range(10)])
    buffer.add(picture(100), 1.0, 1)
    assert buffer.clip(1.0) is None
    for k in range(1, 5):
        buffer.add(picture(100 + k), 1 + k / 10, 1)
    clip = buffer.clip(1.4)
    assert clip is not None
    assert clip.track == 1
    assert clip.frames.min() >= 100


def test_a_person_who_returns_brings_nothing_old_along():
    buffer = filled([k / 10 for k in range(10)])
    buffer.add(picture(100), 1.0, 1)
    buffer.add(picture(11), 1.1, 0)
    assert buffer.clip(1.1) is None


def test_a_repeated_or_older_frame_is_ignored():
    buffer = filled([k / 10 for k in range(10)])
    buffer.add(picture(200), 0.9, 0)
    buffer.add(picture(201), 0.3, 0)
    clip = buffer.clip(0.9)
    assert clip is not None
    assert clip.frames.max() < 200


def test_another_size_of_crop_starts_anew():
    buffer = filled([k / 10 for k in range(10)])
    buffer.add(picture(0, size=8), 1.0, 0)
    assert buffer.clip(1.0) is None


def test_clear_forgets():
    buffer = filled([k / 10 for k in range(10)])
    buffer.clear()
    assert buffer.clip(0.9) is None


def test_a_still_network_takes_one_frame():
    clip = filled([3.0], frames=1).clip(3.0)
    assert clip is not None
    assert clip.times == (3.0,)


def test_memory_is_bounded():
    buffer = filled([k / 1000 for k in range(5000)])
    assert len(buffer._kept) <= 60


@pytest.mark.parametrize(("frames", "rate"), [(0, 10.0), (5, 0.0), (5, -1.0)])
def test_a_clip_must_be_possible(frames, rate):
    with pytest.raises(ValueError):
        ClipBuffer(frames, rate)


@given(
    steps=st.lists(st.floats(0.0, 0.6), min_size=1, max_size=60),
    tracks=st.lists(st.integers(0, 1), min_size=60, max_size=60),
    frames=st.integers(1, 8),
    rate=st.sampled_from([4.0, 8.0, 10.0, 25.0]),
)
def test_whatever_comes_a_clip_is_real(steps, tracks, frames, rate):
    buffer, now, origin = ClipBuffer(frames, rate), 100.0, {}
    for number, step in enumerate(steps):
        now += step
        track = tracks[number // 8]  # people do not change with every frame
        buffer.add(picture(number), now, track)
        origin[number] = (now, track)
        clip = buffer.clip(now)
        if clip is None:
            continue
        numbers = clip.frames[:, 0, 0, 0].tolist()
        assert len(set(numbers)) == frames
        assert [origin[n][0] for n in numbers] == list(clip.times)
        assert {origin[n][1] for n in numbers} == {track} == {clip.track}
        assert all(a < b for a, b in pairwise(clip.times))
        assert now - clip.times[-1] <= 0.5
        nominal = (frames - 1) / rate
        assert nominal - 0.5 / rate <= clip.times[-1] - clip.times[0] <= STRETCH * nominal


steps = st.lists(st.tuples(st.floats(0.02, 0.6), st.booleans()), max_size=60)


@given(steps, st.integers(1, 6), st.sampled_from([1.5, 5.0, 10.0]))
def test_crops_that_are_dropped_once_the_face_has_gone_cost_no_clip(steps, frames, rate):
    keeping, dropping, now = ClipBuffer(frames, rate), ClipBuffer(frames, rate), 0.0
    for pause, has_face in steps:
        now += pause
        if has_face:
            keeping.add(picture(0), now, 0)
            dropping.add(picture(0), now, 0)
        else:
            dropping.expire(now)
        wanted, found = keeping.clip(now), dropping.clip(now)
        if wanted is not None:
            assert found is not None and found.times == wanted.times


def test_a_second_after_the_face_has_gone_no_crop_is_kept():
    buffer = filled([k / 10 for k in range(20)])
    buffer.expire(2.3)
    assert buffer.clip(2.3) is not None
    buffer.expire(2.9)
    assert buffer.clip(1.9) is None


def test_a_clip_of_one_frame_is_of_the_newest_however_soon_it_comes():
    buffer = ClipBuffer(1, 10.0)
    for number, at in enumerate([0.0, 0.01, 0.02]):
        buffer.add(picture(number), at, 0)
        clip = buffer.clip(at)
        assert clip is not None and clip.times == (at,) and clip.frames[0, 0, 0, 0] == number
