"""A host's question to the room, and one viewer's answer to it; pure values."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.protocol.asides import Answers
from resonance_tui.protocol.values import Counts

QUESTION_MOST, CHOICE_MOST = 120, 32  # characters
CHOICES_LEAST = 2
ID_MOST = 2**32 - 1
OPEN_MOST_S = 3600  # as long as brokers keep answers
UNDER_WAY_S = 2.0  # that an answer may take to whoever counts
SHOWN_S = 60.0  # after its end

PRIVATE_ANSWERS = 1  # flag of a question: answers are randomised before they are sent


@dataclass(frozen=True, slots=True)
class Question:
    """What a host asks. `closes_at`: epoch seconds; it is always given, as nothing is asked for
    ever. A later question has a higher `id`."""

    id: int  # u32: epoch seconds, or one more than the question before
    text: str  # safe to draw
    choices: tuple[str, ...]  # 2 to 8, safe to draw
    closes_at: int
    is_private: bool = False

    def is_open(self, at: float) -> bool:
        """Whether it may be answered at `at` (epoch seconds)."""
        return at < self.closes_at

    def takes(self, made_at: float) -> bool:
        """Whether an answer that was heard of then was given in time."""
        return made_at < self.closes_at + UNDER_WAY_S

    def is_shown(self, at: float) -> bool:
        """Whether screens show it: its result is worth a look for a while."""
        return at < self.closes_at + SHOWN_S


def answers_to(question: Question, heard: Answers | None) -> Counts:
    """How often each answer was chosen; never where what was heard answers another question: rules
    and counts cross each other, and forged ones have any length."""
    if heard is None or heard.question != question.id or len(heard.counts) != len(question.choices):
        return (0,) * len(question.choices)
    return heard.counts


@dataclass(frozen=True, slots=True)
class Answer:
    """One viewer's. Of two to one question the one with the higher `(boot, seq)` holds."""

    boot: int
    seq: int
    question: int  # its id
    choice: int  # from 1; 0: taken back

    @property
    def order(self) -> tuple[int, int]:
        return self.boot, self.seq
