"""What may be shown of the answers to a host's question: the same on screens, in events and in the
history; pure."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.protocol.questions import Question, answers_to
from resonance_tui.protocol.values import Counts
from resonance_tui.room.private_choice import estimates
from resonance_tui.room.small_rooms import STEP
from resonance_tui.room.state import RoomSnapshot


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How many chose an answer."""

    count: float
    margin: float | None = None  # half of the 95 % band, where `count` is an estimate


def heard_answers(question: Question, room: RoomSnapshot) -> Counts | None:
    """How often each answer was heard; None where the host's rules keep that back."""
    return None if room.is_withheld else answers_to(question, room.answers)


def step_of(room: RoomSnapshot) -> int:
    """Counts are shown in multiples of it; 0: as they are."""
    return STEP if room.least else 0


def shown_answers(
    question: Question, counts: Counts | None, step: int = 0
) -> list[AnswerCount] | None:
    """Each answer as it may be shown; None where none may, as too few have answered: where counts
    have a `step`, nothing but zeros says that. Private answers come as they were heard: the noise
    is taken out first, and what that leaves goes in steps."""
    if counts is None or (step and not any(counts)):
        return None
    if not question.is_private:
        return [AnswerCount(count) for count in counts]
    found = estimates(counts)
    return [
        AnswerCount(each.count // step * step if step else each.count, each.margin)
        for each in found
    ]
