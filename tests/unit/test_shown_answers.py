"""What is shown of a question's answers: hidden is not none, noise comes out before rounding."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from resonance_tui.history.questions import KeptQuestion
from resonance_tui.protocol.asides import Answers, Aside
from resonance_tui.protocol.questions import Question
from resonance_tui.room.private_choice import estimates, randomised
from resonance_tui.room.shown_answers import shown_answers
from resonance_tui.room.small_rooms import STEP, SmallRoom, Table
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot
from resonance_tui.session.json_events import question_json
from resonance_tui.tui.widgets.question_bars import Asked

OPEN = Question(7, "Which map?", ("Dust", "Mirage", "Nuke"), 2**40)
PRIVATE = replace(OPEN, is_private=True)
HEARD = Answers(7, (6, 3, 0))
LEAST = 5


def counts_in(room: RoomSnapshot, question: Question = OPEN) -> list[float | None]:
    return [each["count"] for each in question_json(question, room, 0.0)["answers"]]


@pytest.mark.parametrize(
    "room",
    [
        replace(EMPTY_ROOM, is_blind=True),
        replace(EMPTY_ROOM, missing=2, least=LEAST),
        replace(EMPTY_ROOM, least=LEAST, answers=Answers(7, (0, 0, 0))),
    ],
)
@pytest.mark.parametrize("question", [OPEN, PRIVATE])
def test_counts_that_are_kept_back_are_null_and_not_none(
    room: RoomSnapshot, question: Question
) -> None:
    assert counts_in(room, question) == [None, None, None]


def test_nobody_has_answered_is_told_where_nothing_is_kept_back() -> None:
    assert counts_in(replace(EMPTY_ROOM, answers=Answers(7, (0, 0, 0)))) == [0, 0, 0]
    assert counts_in(replace(EMPTY_ROOM, least=LEAST, answers=HEARD)) == [6, 3, 0]


def test_a_screen_and_the_history_say_hidden_and_never_a_zero() -> None:
    asked, kept = Asked(OPEN, None, 9), KeptQuestion(1, OPEN, (0, 0, 0), STEP)
    assert "hidden" in asked.state()
    assert not any(char.isdigit() for number in asked.numbers for char in number)
    assert [count for _, count, _ in kept.shown] == [None, None, None]
    assert kept.result == "Dust, Mirage, Nuke"


def test_private_answers_of_a_small_room_are_told_on_average_as_they_are() -> None:
    """Rounding what was heard would take up to two off each answer, and noise that is taken out
    afterwards makes five of them."""
    dice, found = Random(5), 0.0
    truth, rounds = (12, 6, 6), 400
    for _ in range(rounds):
        heard = [0, 0, 0]
        for choice, people in enumerate(truth, start=1):
            for _ in range(people):
                heard[randomised(choice, 3, dice) - 1] += 1
        aside = Aside(answers=Answers(7, tuple(heard)))
        told = SmallRoom().aside(aside, Table(24), LEAST, PRIVATE).answers
        assert told is not None
        found += estimates(told.counts)[0].count
    assert found / rounds == pytest.approx(truth[0], abs=0.5)


def test_estimates_go_in_steps_and_too_few_private_answers_are_hidden() -> None:
    shown = shown_answers(PRIVATE, (20, 9, 4), STEP)
    assert shown is not None
    assert all(each.count % STEP == 0 for each in shown)
    few = SmallRoom().aside(Aside(answers=Answers(7, (2, 2, 0))), Table(24), LEAST, PRIVATE)
    assert few.answers == Answers(7, (0, 0, 0))


def test_answers_that_only_say_to_be_of_a_private_question_are_rounded() -> None:
    heard = Answers(8, (6, 4, 1))
    told = SmallRoom().aside(Aside(answers=heard), Table(24), LEAST, PRIVATE).answers
    assert told is not None
    assert all(count % STEP == 0 for count in told.counts)
