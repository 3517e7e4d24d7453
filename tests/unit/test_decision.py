"""How long a face must show an emotion before it is told, at any frame rate."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.decision import DecisionSettings
from resonance_tui.pipeline.smoothing import (
    ABSENT,
    ACTIVE_FPS,
    AWAY_AFTER_S,
    REST_FPS,
    Smoother,
)

IMMUNITY = DecisionSettings().immunity_s
EMOTIONS = [code for code in Emotion if code.is_emotion]


def sure(code: Emotion, top: float = 0.8) -> tuple[float, ...]:
    rest = (1 - top) / 6
    return tuple(top if code == index else rest for index in range(7))


distributions = st.lists(st.floats(0.001, 1), min_size=7, max_size=7).map(
    lambda raw: tuple(value / sum(raw) for value in raw)
)


@st.composite
def stamps(draw: st.DrawFn, seconds: float = 6.0) -> list[float]:
    """When the frames of a webcam come: 2 to 30 a second, each of them early or late.

    With fewer a face can be away between two of them, and arrive anew.
    """
    fps = draw(st.floats(2, 30))
    shake = draw(st.lists(st.floats(-0.45, 0.45), min_size=8, max_size=8))
    return [(n + shake[n % 8]) / fps + 1 for n in range(math.ceil(seconds * fps))]


@given(
    stamps(),
    st.sampled_from(EMOTIONS),
    st.floats(0.55, 0.95),
    distributions,
    st.floats(2.5, 4),
    st.floats(0.01, IMMUNITY - 1e-6),
)
def test_what_lasts_shorter_than_the_immunity_never_changes_the_report(
    times: list[float],
    shown: Emotion,
    top: float,
    between: tuple[float, ...],
    start: float,
    length: float,
) -> None:
    smoother = Smoother()
    told = {
        smoother.update(between if start <= at < start + length else sure(shown, top), at).code
        for at in times
    }
    assert told <= {shown, ABSENT.code}


@given(
    stamps(),
    st.permutations(EMOTIONS),
    st.floats(0.55, 0.95),
    st.floats(0.75, 0.95),
    st.floats(2.5, 3.5),
)
def test_what_stays_is_told_within_the_immunity_and_two_frames(
    times: list[float], codes: list[Emotion], top: float, later: float, start: float
) -> None:
    before, after, smoother = codes[0], codes[1], Smoother()
    told = [
        (at, smoother.update(sure(after, later) if at >= start else sure(before, top), at).code)
        for at in times
    ]
    widest = max(b - a for a, b in itertools.pairwise(times))
    assume(start + IMMUNITY + 2 * widest < times[-1])
    changed_at = next(at for at, code in told if code is after)
    assert changed_at <= start + IMMUNITY + 2 * widest + 1e-6
    assert {code for at, code in told if at >= changed_at} == {after}


@given(st.lists(st.tuples(distributions, st.integers(1, 64)), max_size=60), st.integers(0, 2**20))
def test_what_is_told_does_not_depend_on_when(
    steps: list[tuple[tuple[float, ...], int]], later: int
) -> None:
    here, there, at = Smoother(), Smoother(), 0.0
    for reading, gap in steps:
        at += gap / 64  # exact in floating point, as `at + later` is
        assert here.update(reading, at) == there.update(reading, at + later)
        assert here.wanted_fps(at) == there.wanted_fps(at + later)


def test_a_camera_of_one_frame_a_second_is_not_away_between_two_that_come_late() -> None:
    smoother = Smoother()
    times = [n + 0.1 * (n % 2) for n in range(20)]
    for at in times:
        smoother.face_present(at)
        told = [smoother.update(sure(Emotion.NEUTRAL, 0.9), at), smoother.face_absent(at + 0.95)]
        assert {steady.code for steady in told} == {Emotion.NEUTRAL}
    assert smoother.face_absent(times[-1] + 5) is ABSENT


@pytest.mark.parametrize("fps", [1, 2, 3, 4])
def test_a_slow_camera_is_read_with_the_second_frame_of_a_changed_face(fps: int) -> None:
    smoother = Smoother()
    for n in range(5 * fps):
        assert smoother.update(sure(Emotion.NEUTRAL, 0.9), n / fps).code is Emotion.NEUTRAL
    told = [smoother.update(sure(Emotion.FEAR), 5 + n / fps).code for n in range(3)]
    assert told == [Emotion.NEUTRAL, Emotion.FEAR, Emotion.FEAR]


def test_an_arriving_face_that_could_be_two_things_needs_more_than_one_frame() -> None:
    smoother, torn = Smoother(), (0.5, 0.3, 0.1, 0.04, 0.02, 0.02, 0.02)
    told = [smoother.update(torn, n / 15).code for n in range(12)]
    assert told[:5] == [Emotion.AWAY] * 5
    assert told[-1] is Emotion.HAPPINESS


def test_an_arriving_face_that_blinks_is_not_told_as_the_blink() -> None:
    smoother, lids = Smoother(), sure(Emotion.SADNESS, 0.55)
    told = [smoother.update(lids if n < 1 else sure(Emotion.HAPPINESS), n / 15) for n in range(9)]
    assert {steady.code for steady in told} == {Emotion.AWAY, Emotion.HAPPINESS}


def test_speech_that_shows_something_else_half_of_the_time_is_not_told() -> None:
    smoother = Smoother()
    for n in range(600):  # five syllables a second, seen 30 times a second
        opened = n % 6 < 3 and n > 30
        shown = sure(Emotion.SURPRISE if opened else Emotion.NEUTRAL, 0.9)
        assert smoother.update(shown, n / 30).code is Emotion.NEUTRAL


def test_two_challengers_at_once_leave_the_emotion_that_neither_of_them_is() -> None:
    smoother = Smoother()
    for n in range(10):
        smoother.update(sure(Emotion.NEUTRAL), n / 10)
    torn = (0.05, 0.01, 0.02, 0.01, 0.44, 0.02, 0.45)
    told = [smoother.update(torn, 1 + n / 10).code for n in range(5)]
    assert told[-1] in (Emotion.FEAR, Emotion.SURPRISE)


def test_unsure_comes_and_goes_with_evidence_too() -> None:
    smoother, flat = Smoother(), (0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1)
    smoother.update(sure(Emotion.ANGER, 0.9), 0.0)
    told = [smoother.update(flat, 1 + n / 20).code for n in range(10)]
    assert told[:5] == [Emotion.ANGER] * 5 and told[-1] is Emotion.UNSURE
    back = [smoother.update(sure(Emotion.ANGER), 2 + n / 20).code for n in range(10)]
    assert back[:5] == [Emotion.UNSURE] * 5 and back[-1] is Emotion.ANGER


def test_an_engine_that_guesses_is_never_believed() -> None:
    smoother = Smoother(DecisionSettings(unsure_below=math.inf))
    codes = {smoother.update(sure(Emotion(n % 7), 0.99), n / 5).code for n in range(50)}
    assert codes == {Emotion.UNSURE}


HOP, SPAN = 0.2, 1.0  # of an engine that reads clips


def test_clips_that_overlap_change_the_report_later_than_frames_and_within_a_second() -> None:
    smoother = Smoother()
    for n in range(10):
        smoother.update(sure(Emotion.NEUTRAL, 0.9), n * HOP, SPAN)
    told = [smoother.update(sure(Emotion.FEAR), (10 + n) * HOP, SPAN).code for n in range(6)]
    assert told[:3] == [Emotion.NEUTRAL] * 3
    assert told[-1] is Emotion.FEAR


def test_a_slow_engine_is_believed_with_its_second_clip() -> None:
    smoother, told = Smoother(), []
    for second, code in enumerate((Emotion.NEUTRAL, Emotion.FEAR, Emotion.FEAR)):
        told.append(smoother.update(sure(code, 0.9), 3.0 * second, SPAN).code)
        for n in range(1, 31):
            smoother.face_present(3.0 * second + n / 10)
    assert told == [Emotion.NEUTRAL, Emotion.NEUTRAL, Emotion.FEAR]


def test_the_first_clip_of_a_slow_engine_is_told_at_once() -> None:
    torn = (0.5, 0.3, 0.1, 0.04, 0.02, 0.02, 0.02)
    assert Smoother().update(torn, 3.0, SPAN).code is Emotion.HAPPINESS


def test_frames_are_asked_for_where_there_is_something_to_find_out() -> None:
    smoother = Smoother()
    assert smoother.wanted_fps(0.0) == REST_FPS  # nobody there
    smoother.face_present(1.0)
    assert smoother.wanted_fps(1.0) == ACTIVE_FPS  # somebody arrives
    for n in range(10):
        smoother.update(sure(Emotion.NEUTRAL, 0.9), 1 + n / 10)
    assert smoother.wanted_fps(2.0) == REST_FPS
    smoother.update(sure(Emotion.FEAR), 2.1)
    assert smoother.wanted_fps(2.1) == ACTIVE_FPS  # a change, or a blink
    smoother.update(sure(Emotion.FEAR), 2.35)
    assert smoother.wanted_fps(2.4) == ACTIVE_FPS  # right after a change
    smoother.update(sure(Emotion.FEAR), 3.0)
    assert smoother.wanted_fps(3.0) == REST_FPS
    assert smoother.wanted_fps(3.1 + AWAY_AFTER_S) == REST_FPS
