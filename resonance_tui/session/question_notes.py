"""When what a host asks, and what is answered, is kept with the recording; pure."""

from __future__ import annotations

import math

from resonance_tui.history.questions import KeptQuestion
from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.questions import UNDER_WAY_S, Question

KEEP_EVERY_S = 2.0


class QuestionNotes:
    """Follows one room that is recorded."""

    def __init__(self) -> None:
        self._kept: KeptQuestion | None = None
        self._at = -math.inf

    def due(
        self, question: Question | None, answers: Answers | None, at: float, *, step: int = 0
    ) -> KeptQuestion | None:
        """What to keep now, if anything. `at`: epoch seconds; `step`: of the counts. A
        question that was over before it was seen is another session's."""
        if question is None or answers is None or answers.question != question.id:
            return None
        if len(answers.counts) != len(question.choices):
            return None
        known = self._kept is not None and self._kept.question.id == question.id
        if not known and not question.takes(at):
            return None
        t = self._kept.t if known and self._kept is not None else int(at)
        found = KeptQuestion(t, question, answers.counts, step)
        is_over = at >= question.closes_at + UNDER_WAY_S
        if found == self._kept or (known and not is_over and at - self._at < KEEP_EVERY_S):
            return None
        self._kept, self._at = found, at
        return found
