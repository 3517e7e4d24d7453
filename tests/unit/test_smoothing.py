"""Steadiness on a restless classifier, speed on a real change, and few messages."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.smoothing import ABSENT, AWAY_AFTER_S, UNREAD, Smoother
from resonance_tui.session.self_report import PublishGate

HOP = 0.2


def sure(code: Emotion, top: float = 0.9) -> tuple[float, ...]:
    rest = (1 - top) / 6
    return tuple(top if code == index else rest for index in range(7))


def noisy(code: Emotion, rng: random.Random) -> tuple[float, ...]:
    """A still face as a network sees it: right on average, wrong in one reading of sixteen."""
    if rng.random() < 0.06:
        return sure(rng.choice([c for c in Emotion if c.is_emotion and c != code]), 0.6)
    return sure(code, rng.uniform(0.45, 0.9))


@pytest.mark.parametrize("seed", range(8))
def test_a_still_face_changes_at_most_once_a_minute(seed: int) -> None:
    rng, smoother = random.Random(seed), Smoother()
    codes = [
        smoother.update(noisy(Emotion.NEUTRAL, rng), n * HOP).code for n in range(int(300 / HOP))
    ]
    changes = sum(one != two for one, two in itertools.pairwise(codes))
    assert changes <= 5  # five minutes
    assert codes.count(Emotion.NEUTRAL) > 0.98 * len(codes)


def test_a_real_change_shows_within_a_second() -> None:
    smoother = Smoother()
    for n in range(20):
        smoother.update(sure(Emotion.NEUTRAL), n * HOP)
    began = 20 * HOP
    shown = next(
        n * HOP
        for n in range(20, 40)
        if smoother.update(sure(Emotion.HAPPINESS), n * HOP).code is Emotion.HAPPINESS
    )
    assert shown - began <= 1.0


def test_a_first_reading_that_is_clear_needs_no_waiting() -> None:
    assert Smoother().update(sure(Emotion.FEAR), 0.0).code is Emotion.FEAR


def test_a_single_outlier_changes_nothing() -> None:
    smoother = Smoother()
    codes = [
        smoother.update(sure(Emotion.ANGER if n == 10 else Emotion.SADNESS), n * HOP).code
        for n in range(30)
    ]
    assert set(codes) == {Emotion.SADNESS}


def test_a_flat_answer_is_unsure_and_does_not_flicker() -> None:
    smoother = Smoother()
    flat = (0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1)
    assert smoother.update(flat, 0.0).code is Emotion.UNSURE
    edge = sure(Emotion.NEUTRAL, 0.41)  # just above the threshold, inside the band
    codes = {smoother.update(edge, n * HOP).code for n in range(1, 20)}
    assert codes == {Emotion.UNSURE}


def test_away_only_after_the_face_has_been_gone_for_a_while() -> None:
    smoother = Smoother()
    smoother.update(sure(Emotion.NEUTRAL), 0.0)
    assert smoother.face_absent(AWAY_AFTER_S - 0.1).code is Emotion.NEUTRAL
    assert smoother.face_absent(AWAY_AFTER_S + 0.1) is ABSENT
    assert smoother.update(sure(Emotion.HAPPINESS), 2.0).code is Emotion.HAPPINESS


def test_a_face_in_view_without_a_prediction_is_not_away() -> None:
    smoother = Smoother()
    smoother.update(sure(Emotion.NEUTRAL), 0.0)
    smoother.face_present(0.9)
    smoother.face_present(1.8)
    assert smoother.face_absent(2.5).code is Emotion.NEUTRAL


probabilities = st.lists(st.floats(0.001, 1), min_size=7, max_size=7).map(
    lambda raw: tuple(value / sum(raw) for value in raw)
)


@given(st.lists(st.tuples(probabilities, st.floats(0.01, 3)), max_size=40))
def test_what_is_told_of_a_face_is_a_distribution_once_it_is_decided(
    steps: list[tuple[tuple[float, ...], float]],
) -> None:
    smoother, at = Smoother(), 0.0
    for reading, gap in steps:
        at += gap
        steady = smoother.update(reading, at)
        if steady is not ABSENT:  # an arriving face that nobody can name yet
            assert sum(steady.probabilities) == pytest.approx(1)
            assert 0 <= steady.confidence <= 1
            assert steady.code is not Emotion.AWAY


def test_the_gate_opens_on_a_change_at_most_once_a_second() -> None:
    gate = PublishGate()
    assert gate.opens(Emotion.NEUTRAL, 60, 0, 0.0)
    assert not gate.opens(Emotion.NEUTRAL, 65, 0, 5.0)
    assert gate.opens(Emotion.ANGER, 60, 0, 5.5)
    assert not gate.opens(Emotion.FEAR, 60, 0, 6.0)  # too soon
    assert gate.opens(Emotion.FEAR, 60, 0, 6.6)
    assert gate.opens(Emotion.FEAR, 60, 1, 7.7)  # the flags count as a change


def test_the_gate_lets_a_drifted_confidence_through_now_and_then() -> None:
    gate = PublishGate()
    gate.opens(Emotion.NEUTRAL, 90, 0, 0.0)
    assert not gate.opens(Emotion.NEUTRAL, 50, 0, 4.0)
    assert gate.opens(Emotion.NEUTRAL, 50, 0, 5.0)


def test_news_of_a_slow_engine_does_not_make_a_face_in_view_absent() -> None:
    smoother = Smoother()
    smoother.face_present(10.0)
    for n in range(1, 21):
        smoother.face_present(10.0 + n / 10)
    smoother.update(sure(Emotion.ANGER), 10.0)  # of a clip that ended two seconds ago
    assert smoother.face_absent(12.1).code is Emotion.ANGER
    assert smoother.face_absent(13.2) is ABSENT


def test_a_face_that_nobody_has_read_yet_is_unsure_after_a_second_and_not_before() -> None:
    smoother = Smoother()
    told = [smoother.face_present(5.0 + n / 10) for n in range(15)]
    assert told[:10] == [ABSENT] * 10
    assert told[11:] == [UNREAD] * 4
    assert smoother.face_absent(7.0) is UNREAD
    assert smoother.face_absent(9.0) is ABSENT
    assert smoother.face_present(9.1) is ABSENT  # somebody comes back: the wait begins anew
    assert smoother.update(sure(Emotion.FEAR), 9.2).code is Emotion.FEAR


def in_view(smoother: Smoother, start: float, end: float) -> list[Emotion]:
    """What is told while the face stays and no prediction comes, ten times a second."""
    steps = round((end - start) * 10)
    return [smoother.face_present(start + n / 10).code for n in range(steps)]


def test_a_reading_lapses_when_predictions_stop_while_the_face_stays() -> None:
    smoother = Smoother()
    for n in range(20):
        smoother.update(sure(Emotion.ANGER), n * HOP)
    assert set(in_view(smoother, 4.0, 8.7)) == {Emotion.ANGER}
    told = [smoother.face_present(8.7 + n / 10) for n in range(5)]
    assert told[-1] is UNREAD  # the last prediction came at 3.8
    assert (
        smoother.update(sure(Emotion.FEAR), 9.2).code is Emotion.FEAR
    )  # nothing is left of the anger


def test_a_slow_engine_is_given_four_of_its_gaps() -> None:
    smoother = Smoother()
    for n in range(3):  # each is of a clip that ended three seconds before it comes
        in_view(smoother, n * 3.0, n * 3.0 + 3.0)
        smoother.update(sure(Emotion.ANGER), n * 3.0)
    assert set(in_view(smoother, 9.0, 20.8)) == {Emotion.ANGER}
    assert in_view(smoother, 20.8, 21.5)[-1] is Emotion.UNSURE


def test_the_first_prediction_of_a_slow_engine_does_not_lapse_before_the_second() -> None:
    smoother = Smoother()
    in_view(smoother, 0.0, 6.0)
    smoother.update(sure(Emotion.ANGER), 0.5)
    assert set(in_view(smoother, 6.0, 12.0)) == {Emotion.ANGER}


def test_a_face_that_comes_back_after_a_while_is_read_anew() -> None:
    smoother = Smoother()
    smoother.update(sure(Emotion.ANGER), 0.0)
    assert smoother.face_present(AWAY_AFTER_S + 1.0) is ABSENT
    assert smoother.update(sure(Emotion.HAPPINESS), AWAY_AFTER_S + 1.2).code is Emotion.HAPPINESS
