"""What the private answers of a room say of it: the noise that each viewer added, taken out again.

Every function takes rows of nine counts in the order of `Emotion`. docs/measures.md says from which
size of a room on that is of use.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from resonance_tui.room.correction import LEAST_PRIVATE, Corrected
from resonance_tui.room.private_answers import STATES
from resonance_tui.room.randomised_response import chances

USEFUL = 0.2  # of the room: a band that reaches farther to each side says nothing
_SD_95 = 1.96


def randomisation(epsilon: float) -> NDArray[np.float64]:
    """How often each felt state (row) is answered by each (column), `[9, 9]`; rows sum to 1."""
    honest, other = chances(epsilon, STATES)
    return np.full((STATES, STATES), other) + (honest - other) * np.eye(STATES)


def estimate(answers: NDArray[np.float64], epsilon: float) -> Corrected:
    """How many felt what: on average exactly so many, with the 95 % band of the noise.

    Counts of one room may lie below 0 and above everybody, and add up to all viewers; cut off they
    would no longer be right on average. The band is cut off.
    """
    honest, other = chances(epsilon, STATES)
    answers = np.asarray(answers, np.float64)
    viewers = answers.sum(axis=1, keepdims=True)
    felt = (answers - viewers * other) / (honest - other)
    likely = np.clip(felt, 0, viewers)
    varies = likely * honest * (1 - honest) + (viewers - likely) * other * (1 - other)
    half = _SD_95 * np.sqrt(varies) / (honest - other)
    low, high = np.clip(felt - half, 0, viewers), np.clip(felt + half, 0, viewers)
    return Corrected(felt, low, high)


def least_viewers(epsilon: float) -> int:
    """So many private viewers have to be there before their estimate is shown: with fewer, the band
    of a state that nobody feels is wider than `USEFUL`."""
    honest, other = chances(epsilon, STATES)
    doubt = _SD_95**2 * other * (1 - other) / (USEFUL * (honest - other)) ** 2
    return max(LEAST_PRIVATE, math.ceil(doubt))
