"""The noise of private reports: how often an answer is true, how long it lasts, what it costs."""

from __future__ import annotations

import math
from collections import Counter
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui import config
from resonance_tui.emotions import Emotion
from resonance_tui.protocol.rules import PRIVATE_MOST
from resonance_tui.room.private_answers import (
    HUNDREDTHS,
    LEAST_EPSILON,
    MOST_EPSILON,
    STATES,
    USUAL_BUDGET,
    Account,
    PrivateAnswers,
)
from resonance_tui.room.randomised_response import chances

epsilons = st.integers(10, PRIVATE_MOST).map(lambda hundredths: hundredths / HUNDREDTHS)
states = st.sampled_from(Emotion)


@given(epsilons)
def test_no_answer_is_more_than_e_to_the_epsilon_likelier_for_one_state(epsilon: float) -> None:
    honest, other = chances(epsilon, STATES)
    assert honest + (STATES - 1) * other == pytest.approx(1)
    assert honest / other == pytest.approx(math.exp(epsilon))


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 4.0])
def test_answers_are_as_often_true_and_false_as_epsilon_says(epsilon: float) -> None:
    dice, draws = Random(7), 9000
    said = Counter(PrivateAnswers(dice=dice).answer(Emotion.ANGER, epsilon) for _ in range(draws))
    honest, other = chances(epsilon, STATES)
    for state in Emotion:
        expected = honest if state is Emotion.ANGER else other
        error = math.sqrt(expected * (1 - expected) / draws)
        assert said[state] / draws == pytest.approx(expected, abs=5 * error)


@given(st.lists(states, min_size=1, max_size=60), st.integers(0, 2**32))
def test_a_state_that_is_felt_again_is_answered_as_before(felt: list[Emotion], seed: int) -> None:
    answers = PrivateAnswers(dice=Random(seed))
    first: dict[Emotion, Emotion | None] = {}
    for state in felt:
        said = answers.answer(state, 2.0)
        assert said == first.setdefault(state, said)
    assert answers.account.spent == 2.0 * len(first)


@given(st.lists(st.tuples(states, epsilons), max_size=80), st.floats(0.1, 45))
def test_the_budget_is_never_exceeded_and_what_is_spent_is_what_was_drawn(
    felt: list[tuple[Emotion, float]], budget: float
) -> None:
    answers, drawn = PrivateAnswers(budget, Random(1)), set[tuple[Emotion, float]]()
    for state, epsilon in felt:
        was_over = answers.is_over
        said = answers.answer(state, epsilon)
        assert (said is None) == answers.is_over
        assert not (was_over and said is not None)  # for good
        if said is not None:
            drawn.add((state, epsilon))
        assert answers.account.spent <= answers.account.budget <= round(budget, 2)
    assert answers.account.spent == pytest.approx(sum(epsilon for _, epsilon in drawn))


def test_all_nine_states_are_within_the_usual_budget() -> None:
    answers = PrivateAnswers(dice=Random(1))
    assert all(answers.answer(state, 2.0) is not None for state in Emotion)
    assert answers.account.spent == answers.account.budget == USUAL_BUDGET


def test_an_epsilon_that_the_host_changes_is_paid_for_again() -> None:
    answers = PrivateAnswers(5.0, Random(1))
    assert answers.answer(Emotion.FEAR, 2.0) is not None
    assert answers.answer(Emotion.FEAR, 3.0) is not None
    assert answers.account.spent == 5.0
    assert answers.answer(Emotion.FEAR, 4.0) is None and answers.is_over
    assert answers.account.spent == 5.0


def test_a_cost_is_rounded_up_to_hundredths() -> None:
    account = Account(0.1)
    assert account.spend(0.095) and account.spent == 0.1
    assert not account.spend(0.0001)


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
def test_what_is_learnt_of_several_states_together_is_the_sum_of_what_each_costs(
    epsilon: float,
) -> None:
    """Composition, exactly: of all ways to feel three different states at times that are known,
    none makes any answers more than e^(3 epsilon) likelier than another, and one comes near."""
    honest, other = chances(epsilon, STATES)
    some = (Emotion.HAPPINESS, Emotion.FEAR, Emotion.AWAY, Emotion.ANGER, Emotion.UNSURE)
    ways = list(permutations(some, 3))

    def chance(said: tuple[Emotion, ...], way: tuple[Emotion, ...]) -> float:
        return math.prod(
            honest if answer is felt else other for answer, felt in zip(said, way, strict=True)
        )

    ratios = [
        max(chance(said, way) for way in ways) / min(chance(said, way) for way in ways)
        for said in ways
    ]
    answers = PrivateAnswers(dice=Random(1))
    for state in some[:3]:
        answers.answer(state, epsilon)
    assert max(ratios) <= math.exp(answers.account.spent) * (1 + 1e-9)
    assert max(ratios) == pytest.approx(math.exp(3 * epsilon))


def test_the_ends_of_the_range_are_the_same_everywhere() -> None:
    assert (LEAST_EPSILON, MOST_EPSILON) == (config.LEAST_EPSILON, config.MOST_EPSILON)
    assert MOST_EPSILON * HUNDREDTHS == PRIVATE_MOST
    assert config.ViewerSection().privacy_budget == USUAL_BUDGET


def test_the_systems_dice_are_used_where_none_are_given() -> None:
    said = {PrivateAnswers().answer(Emotion.FEAR, LEAST_EPSILON) for _ in range(200)}
    assert len(said) > 4
