"""Private answers to a question: k-ary randomised response, and what the counts mean then.

One answer a question is sent, so a question costs epsilon, and no more.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from resonance_tui.room.randomised_response import chances, drawn

EPSILON = 2.0  # what one question costs


def randomised(choice: int, choices: int, dice: Random | None = None) -> int:
    """What is sent for the answer `choice` (from 1) of so many."""
    return drawn(choice, range(1, choices + 1), EPSILON, dice or secrets.SystemRandom())


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many chose an answer, by all that can be known."""

    count: float
    margin: float  # half of the 95 % band


def estimates(counts: Sequence[int]) -> list[Estimate]:
    """Of the counts of randomised answers, unbiased before they are kept within 0 and everybody."""
    total = sum(counts)
    honest, other = chances(EPSILON, len(counts))
    return [_estimate(count, total, honest, other) for count in counts]


def _estimate(count: int, total: int, honest: float, other: float) -> Estimate:
    found = (count - total * other) / (honest - other)
    kept = min(max(found, 0.0), float(total))
    spread = kept * honest * (1 - honest) + (total - kept) * other * (1 - other)
    return Estimate(kept, 1.96 * math.sqrt(spread) / (honest - other))
