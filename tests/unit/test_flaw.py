"""Why a face is unsure: named where a picture says so, and only while it lasts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import Flaw
from resonance_tui.pipeline.decision import DecisionSettings
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.flaw import FLAW_HOLDS_S, SMALL_SIDE, SteadyFlaw, named
from resonance_tui.pipeline.smoothing import Smoother

FLAT = (0.3, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05)
CLEAR = (0.9, 0.02, 0.02, 0.02, 0.02, 0.01, 0.01)
HALF = (0.6, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05)


def read(reader: EmotionReader, seen: Iterable[tuple[tuple[float, ...], Flaw, float]]) -> None:
    """Ten pictures a second, from where the reader's last one was."""
    reader.face_seen(1, 0.0)
    for number, (probabilities, flaw, demand) in enumerate(seen):
        at = number / 10
        reader.face_seen(1, at)
        reader.predicted(probabilities, at, reader.generation, {}, 0.0, flaw, demand)


def reader() -> EmotionReader:
    made = EmotionReader(lambda _steady, _latency: None)
    made.set_engine(0.55)
    return made


# the reason


def test_the_reason_is_told_while_the_face_is_unsure() -> None:
    one = reader()
    read(one, [(FLAT, Flaw.GLARE, 0.0)] * 20)
    assert one.flaw is Flaw.GLARE


def test_no_reason_is_told_of_a_face_that_is_read() -> None:
    one = reader()
    read(one, [(CLEAR, Flaw.GLARE, 0.1)] * 20)
    assert one.flaw is Flaw.NONE


def test_the_reason_goes_with_the_person() -> None:
    for leave in (
        lambda x: x.face_seen(2, 2.0),
        lambda x: x.face_missing(60.0),
        lambda x: x.forget(),
    ):
        one = reader()
        read(one, [(FLAT, Flaw.MOUTH, 0.0)] * 20)
        leave(one)
        assert one.flaw is Flaw.NONE


def test_a_blurred_face_far_away_is_too_small() -> None:
    assert named(Flaw.BLURRED, SMALL_SIDE - 1) is Flaw.SMALL
    assert named(Flaw.BLURRED, SMALL_SIDE) is Flaw.BLURRED
    assert named(Flaw.GLARE, 10) is Flaw.GLARE


flaws = st.lists(st.sampled_from(list(Flaw)), min_size=1, max_size=80)


@given(flaws, st.floats(1, 30))
def test_a_reason_never_changes_faster_than_it_has_to_hold(seen: list[Flaw], fps: float) -> None:
    steady = SteadyFlaw()
    changed: list[float] = []
    for number, flaw in enumerate(seen):
        before = steady.told
        steady.see(flaw, number / fps)
        if steady.told is not before:
            changed.append(number / fps)
    gaps = (later - earlier for earlier, later in itertools.pairwise([0.0, *changed]))
    assert all(gap >= FLAW_HOLDS_S - 1e-6 for gap in gaps)


# the demand


def told(demands: Iterable[float], probabilities: tuple[float, ...] = HALF) -> list[Emotion]:
    smoother = Smoother(DecisionSettings(unsure_below=0.55))
    return [
        smoother.update(probabilities, number / 10, demand=demand).code
        for number, demand in enumerate(demands)
    ]


def test_a_bad_picture_has_to_be_read_more_surely() -> None:
    assert told([0.0] * 20)[-1] is Emotion.HAPPINESS
    assert told([0.2] * 20)[-1] is Emotion.UNSURE
    assert told([0.2] * 20, CLEAR)[-1] is Emotion.HAPPINESS


def test_a_picture_that_turns_bad_makes_a_face_unsure_and_a_good_one_brings_it_back() -> None:
    codes = told([0.0] * 20 + [0.2] * 20 + [0.0] * 20, (0.7, 0.1, 0.1, 0.04, 0.02, 0.02, 0.02))
    assert (codes[19], codes[59]) == (Emotion.HAPPINESS, Emotion.HAPPINESS)
    codes = told([0.0] * 20 + [0.2] * 20)
    assert (codes[19], codes[39]) == (Emotion.HAPPINESS, Emotion.UNSURE)


@given(st.lists(st.floats(0.0, 0.09), min_size=30, max_size=120))
def test_a_demand_that_wavers_within_the_band_changes_nothing(wavering: list[float]) -> None:
    codes = told([0.0] * 10 + wavering)
    assert len(set(codes[10:])) == 1


@given(st.lists(st.floats(0, 0.3), min_size=20, max_size=60), st.floats(0, 0.2))
def test_more_demand_never_makes_an_unsure_arrival_sure(demands: list[float], by: float) -> None:
    first = next(code for code in told(demands) if code is not Emotion.AWAY)
    more = next(code for code in told([x + by for x in demands]) if code is not Emotion.AWAY)
    assert first is not Emotion.UNSURE or more is Emotion.UNSURE
