"""What a simulated crowd answers to a host's question, and when; a pure function of a seed."""

from __future__ import annotations

import random

from resonance_tui.protocol.questions import Answer, Question
from resonance_tui.room.private_choice import randomised

SOONEST_S, LATEST_S = 0.8, 12.0  # people read first
ABSTAIN = 0.1  # of them say nothing


class CrowdAnswers:
    """Follows the newest question. Times are epoch seconds."""

    def __init__(self, size: int, seed: int, boot: int) -> None:
        self._size, self._seed, self._boot = size, seed, boot
        self._asked = 0  # the id of the newest question
        self._due: list[tuple[float, int, Answer]] = []  # when, whose, what; the last one first

    def look(self, question: Question | None, at: float) -> list[tuple[int, Answer]]:
        """Who answers now: a number from 0 to `size` - 1, and the answer."""
        if question is not None and question.id != self._asked and question.is_open(at):
            self._asked = question.id
            self._plan(question, at)
        ready: list[tuple[int, Answer]] = []
        while self._due and self._due[-1][0] <= at:
            _, number, answer = self._due.pop()
            ready.append((number, answer))
        return ready if question is not None and question.is_open(at) else []

    def _plan(self, question: Question, at: float) -> None:
        dice = random.Random(f"{self._seed} {question.id}")
        weights = [dice.uniform(0.2, 1.0) for _ in question.choices]
        latest = max(SOONEST_S, min(LATEST_S, question.closes_at - at - 1.0))
        self._due = []
        for number in range(self._size):
            choice = dice.choices(range(1, 1 + len(weights)), weights)[0]
            when, speaks = dice.uniform(SOONEST_S, latest), dice.random() >= ABSTAIN
            if question.is_private:
                choice = randomised(choice, len(weights), dice)
            if speaks:
                answer = Answer(self._boot, 1, question.id, choice)
                self._due.append((at + when, number, answer))
        self._due.sort(key=lambda each: -each[0])
