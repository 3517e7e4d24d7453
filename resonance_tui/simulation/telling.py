"""What a simulated viewer says of its mood: as it is, or privately as a real one does; pure."""

from __future__ import annotations

from random import Random

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.values import PRIVATE, SIMULATED
from resonance_tui.room.private_answers import MOST_EPSILON, STATES, PrivateAnswers
from resonance_tui.simulation.behaviour import SimulatedMood

# Nobody's privacy is at stake: a crowd never runs out of it, whatever a host changes.
_BUDGET = 100 * STATES * MOST_EPSILON


class Telling:
    """Of one viewer, whose noise is drawn once for each state it feels."""

    def __init__(self, dice: Random) -> None:
        self._answers = PrivateAnswers(_BUDGET, dice)

    def state(self, mood: SimulatedMood, epsilon: float | None) -> tuple[Emotion, int, int]:
        """State, confidence and flags of a report. `epsilon`: None where it is open."""
        said = None if epsilon is None else self._answers.answer(mood.code, epsilon)
        if said is None:
            return mood.code, mood.confidence, SIMULATED
        return said, 0, SIMULATED | PRIVATE
