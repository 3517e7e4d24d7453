"""k-ary randomised response: of k answers the true one is told with probability p and each other
one with probability q, where p / q = e^epsilon."""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import TypeVar

Answer = TypeVar("Answer")


def chances(epsilon: float, answers: int) -> tuple[float, float]:
    """(p, q) of so many answers. p + (k - 1) q = 1."""
    weight = math.exp(epsilon)
    return weight / (weight + answers - 1), 1.0 / (weight + answers - 1)


def drawn(true: Answer, answers: Iterable[Answer], epsilon: float, dice: Random) -> Answer:
    """What is told instead of the true one of these answers, or it."""
    others = [each for each in answers if each != true]
    honest, _ = chances(epsilon, len(others) + 1)
    return true if dice.random() < honest else dice.choice(others)
