"""The own answers to a host's questions, numbered, and randomised where the host asks for that."""

from __future__ import annotations

from random import Random

from resonance_tui.protocol.questions import Answer, Question
from resonance_tui.room.private_answers import Account
from resonance_tui.room.private_choice import EPSILON, randomised
from resonance_tui.texts import tr


class AnswerVoice:
    """Makes what is sent of what a person answers."""

    def __init__(self, boot: int, account: Account, dice: Random | None = None) -> None:
        """`account`: of the session, which private answers are paid from as private reports are.
        `dice`: of tests; else the system's, which nobody can predict."""
        self._boot, self._seq, self._dice = boot, 0, dice
        self._account = account
        self._private_to: set[int] = set()  # questions that were answered privately

    def why_not(self, question: Question) -> str:
        """A sentence where this question is not answered; "" where it is."""
        if not question.is_private:
            return ""
        if question.id in self._private_to:  # a second draw would say more than one
            return tr("A private answer stays as it was given.")
        if not self._account.covers(EPSILON):
            spent, budget = f"{self._account.spent:g}", f"{self._account.budget:g}"
            return tr(
                "Your privacy budget does not cover this: {spent} of {budget} is spent.",
                spent=spent,
                budget=budget,
            )
        return ""

    def answer(self, question: Question, choice: int) -> Answer:
        """To be called where `why_not` says nothing."""
        if question.is_private and choice and self._account.spend(EPSILON):
            self._private_to.add(question.id)
            choice = randomised(choice, len(question.choices), self._dice)
        elif question.is_private:
            choice = 0
        self._seq += 1
        return Answer(self._boot, self._seq, question.id, choice)
