"""A simulated crowd that answers a host's question: the same for the same seed, and in time."""

from __future__ import annotations

from resonance_tui.protocol.questions import Question
from resonance_tui.simulation.answers import ABSTAIN, LATEST_S, CrowdAnswers

MAPS = Question(100, "Which map?", ("Dust", "Mirage"), 160)


def told(seed: int, question: Question = MAPS) -> list[tuple[int, int]]:
    crowd = CrowdAnswers(500, seed, 1)
    assert crowd.look(question, 101.0) == [], "people read first"
    found = [each for at in range(102, 115) for each in crowd.look(question, float(at))]
    return [(number, answer.choice) for number, answer in found]


def test_most_of_a_crowd_answer_once_and_the_same_for_a_seed() -> None:
    found = told(7)
    assert found == told(7) != told(8)
    numbers = [number for number, _ in found]
    assert len(numbers) == len(set(numbers))
    assert abs(len(numbers) / 500 - (1 - ABSTAIN)) < 0.05
    assert {choice for _, choice in found} == {1, 2}


def test_nobody_answers_what_is_over() -> None:
    crowd = CrowdAnswers(50, 1, 1)
    crowd.look(MAPS, 101.0)
    assert crowd.look(Question(100, MAPS.text, MAPS.choices, 105), 101.0 + LATEST_S) == []
    assert crowd.look(None, 130.0) == []
