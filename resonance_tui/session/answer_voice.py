"""The own answers to a host's questions, numbered, and randomised where the host asks for that."""

from __future__ import annotations

from random import Random

from resonance_tui.protocol.questions import Answer, Question
from resonance_tui.room.private_choice import randomised


class AnswerVoice:
    """Makes what is sent of what a person answers."""

    def __init__(self, boot: int, dice: Random | None = None) -> None:
        """`dice`: of tests; else the system's, which nobody can predict."""
        self._boot, self._seq, self._dice = boot, 0, dice
        self._private_to = 0  # the question that was answered privately last

    def answer(self, question: Question, choice: int) -> Answer | None:
        """None where it was answered privately before: a second draw would say more than one."""
        if question.is_private:
            if self._private_to == question.id:
                return None
            if choice:
                self._private_to = question.id
                choice = randomised(choice, len(question.choices), self._dice)
        self._seq += 1
        return Answer(self._boot, self._seq, question.id, choice)
