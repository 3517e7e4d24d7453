"""The learning rate at every optimiser step, as a pure function of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """A learning rate for the steps 0, 1, ..."""

    def at(self, step: int) -> float: ...


@dataclass(frozen=True)
class Cosine:
    """Linear from exactly 0 to `peak` over the warm-up, then half a cosine towards `final`.

    Both ends of the warm-up are met (its last step has the full peak), and the cosine stops one
    step short of `final`: numpy's linspace and arange in the authors' code.
    """

    peak: float
    final: float
    steps: int
    warmup_steps: int

    def at(self, step: int) -> float:
        if step < self.warmup_steps:
            return self.peak * step / max(1, self.warmup_steps - 1)
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.final + (self.peak - self.final) * (1 + math.cos(math.pi * done)) / 2


@dataclass(frozen=True)
class Stairs:
    """`peak` times `factor` to the number of whole stairs climbed, at most `last_stair` of them."""

    peak: float
    factor: float
    steps_per_stair: int
    last_stair: int | None = None

    def at(self, step: int) -> float:
        stair = step // self.steps_per_stair
        return self.peak * self.factor ** min(stair, self.last_stair or stair)
