"""Pure: when a viewer whose reports are private says something, and whether it may at all.

A report is a public event, so its time must not depend on what is felt. The felt state is looked at
once in a slot, at times that were drawn before, and whatever happens in between is never told. All
times are monotonic seconds.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from random import Random

from resonance_tui.emotions import Emotion
from resonance_tui.room.private_answers import PrivateAnswers

SLOT_S = 10.0  # between two looks at the felt state; slow mode may ask for more


@dataclass(frozen=True, slots=True)
class Manner:
    """How the own state is told: as it is, privately at some epsilon, or, for now, not at all."""

    epsilon: float | None = None
    is_held: bool = False

    @property
    def is_open(self) -> bool:
        return self.epsilon is None and not self.is_held


OPENLY, HELD = Manner(), Manner(is_held=True)


@dataclass(frozen=True, slots=True)
class PrivacyView:
    """What of the budget is spent, for the person to see."""

    epsilon: float  # of each felt state
    spent: float
    budget: float
    is_over: bool = False  # nothing more is shared in this session


class PrivateVoice:
    """One viewer's answers at the times of its own grid, whose start is drawn."""

    def __init__(self, answers: PrivateAnswers, dice: Random | None = None) -> None:
        """`dice`: of tests."""
        self.answers = answers
        self.slot_s = SLOT_S
        self.said: Emotion | None = None  # the newest answer, which heartbeats repeat
        self._dice = dice or secrets.SystemRandom()
        self._next: float | None = None  # the next look

    def begin(self) -> None:
        """Nothing is said before the first look, at a time within a slot from now."""
        self.said = self._next = None

    def look(self, felt: Emotion, epsilon: float, now: float) -> bool:
        """Whether there is something else to say than before: see `said`."""
        if self._next is None:
            self._next = now + self._dice.uniform(0.0, self.slot_s)
        if now < self._next:
            return False
        while self._next <= now:  # after a pause of the program the grid is the same
            self._next += self.slot_s
        before, self.said = self.said, self.answers.answer(felt, epsilon)
        return self.said is not None and self.said is not before

    def view(self, epsilon: float) -> PrivacyView:
        account = self.answers.account
        return PrivacyView(epsilon, account.spent, account.budget, self.answers.is_over)
