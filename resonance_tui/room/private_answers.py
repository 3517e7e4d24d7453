"""What a viewer says where single reports are private: k-ary randomised response with a memory.

A felt state is answered by itself or by one of the eight others. The answer is drawn once for each
felt state and epsilon and repeated from then on, so that a thousand reports of one state say no
more than the first.

What a session gives away, by basic composition: whoever knows *when* the states changed learns
about *which* they were at most e^epsilon in odds for each state that was felt, and e^spent for all
of them together. `Account` holds that sum. docs/measures.md says what this does not cover.
"""

from __future__ import annotations

import math
import secrets
from random import Random

from resonance_tui.emotions import Emotion
from resonance_tui.room.randomised_response import drawn

STATES = len(Emotion)  # the seven, away and unsure
LEAST_EPSILON, MOST_EPSILON = 0.1, 5.0
USUAL_EPSILON = 2.0  # of a room whose host says nothing else
USUAL_BUDGET = STATES * USUAL_EPSILON  # every state can be felt
HUNDREDTHS = 100  # epsilons on the wire are whole hundredths, so that sums are exact


class Account:
    """Epsilon spent in one session, never more than `budget`."""

    def __init__(self, budget: float) -> None:
        self._budget = round(budget * HUNDREDTHS)
        self._spent = 0

    @property
    def budget(self) -> float:
        return self._budget / HUNDREDTHS

    @property
    def spent(self) -> float:
        return self._spent / HUNDREDTHS

    def covers(self, epsilon: float) -> bool:
        return self._spent + _hundredths(epsilon) <= self._budget

    def spend(self, epsilon: float) -> bool:
        """False, with nothing spent, where that is more than is left."""
        if not self.covers(epsilon):
            return False
        self._spent += _hundredths(epsilon)
        return True


def _hundredths(epsilon: float) -> int:
    return max(1, math.ceil(round(epsilon * HUNDREDTHS, 6)))


class PrivateAnswers:
    """The permanent noise of one viewer in one session.

    Another epsilon, which only the host can bring, makes other answers and is paid for again.
    """

    def __init__(self, budget: float = USUAL_BUDGET, dice: Random | None = None) -> None:
        """`dice`: of tests; else the system's, which nobody can predict."""
        self.account = Account(budget)
        self.is_over = False  # a state was felt that the budget does not cover
        self._dice = dice or secrets.SystemRandom()
        self._answers: dict[tuple[float, Emotion], Emotion] = {}

    def answer(self, felt: Emotion, epsilon: float) -> Emotion | None:
        """What to say for a felt state; None, and for good, once the budget is spent."""
        if self.is_over:
            return None
        known = self._answers.get((epsilon, felt))
        if known is not None:
            return known
        if not self.account.spend(epsilon):
            self.is_over = True
            return None
        said = drawn(felt, Emotion, epsilon, self._dice)
        return self._answers.setdefault((epsilon, felt), said)
