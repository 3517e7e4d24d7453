"""The hyper-parameters of a training run, with the schedules that follow from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from resonance_zoo.train.still.augment import Augmentation


@dataclass(frozen=True)
class StillRecipe:
    """Hyper-parameters; `epochs` or `minutes` sets the length of the cosine schedule."""

    design: str = "t1w"
    minutes: float | None = None
    epochs: float | None = None
    seed: int = 0
    workers: int = 2
    batch: int = 64
    learning_rate: float = 0.06
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.01
    clip: float = 5.0
    smoothing: float = 0.03
    balance: float = 0.55
    sync_steps: int = 16
    ema: float = 0.95
    sizes: tuple[tuple[float, float], ...] = ((0.0, 2 / 3), (0.45, 5 / 6), (0.72, 1.0))
    device: str = "cpu"
    begins_with: str = ""  # name of the shipped file that is trained on; "" a random network
    taught: float = 0.0  # share of the teachers' word in what is learnt; the rest is the votes'
    taught_by: str = ""  # the teachers, where they see what the student sees (`distil`)
    groups: int = 0  # look-alike groups that weigh by how badly they are read; 0 none do
    augmentation: Augmentation = field(default_factory=Augmentation)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> StillRecipe:
        """The recipe that `dataclasses.asdict` took apart, tuples perhaps turned into lists."""
        whole = dict(values)
        whole["sizes"] = tuple((float(start), float(share)) for start, share in values["sizes"])
        whole["augmentation"] = Augmentation(**values["augmentation"])
        return cls(**whole)

    def size_at(self, progress: float, full: int) -> int:
        """Side of the training crops at that share of the schedule: small first, whole last."""
        share = [share for start, share in self.sizes if progress >= start][-1]
        return round(full * share)

    def rate_at(self, progress: float) -> float:
        """Linear warm-up, then cosine to zero."""
        warm = min(1.0, (progress + 1e-3) / self.warmup)
        return self.learning_rate * warm * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
