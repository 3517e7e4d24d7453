"""Makes every random draw a function of a key, so that a run can stop anywhere and go on exactly.

timm draws from `random` and numpy's global state, torchvision from torch's; all three are seeded
together from the key (seed, epoch, clip) or (seed, rank, step).
"""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
import torch


def seed_all(*key: int) -> None:
    """Seed Python's, numpy's and torch's generators (all devices) from whole numbers >= 0."""
    python, legacy, low, high = np.random.SeedSequence(key).generate_state(4).tolist()
    random.seed(python)
    np.random.seed(legacy)
    torch.manual_seed((high << 31) + low)


@contextmanager
def seeded(*key: int) -> Generator[None]:
    """Inside, draws follow from the key; outside, the CPU generators are as they were."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    python, legacy, low, high = np.random.SeedSequence(key).generate_state(4).tolist()
    random.seed(python)
    np.random.seed(legacy)
    torch.default_generator.manual_seed((high << 31) + low)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
        torch.set_rng_state(before[2])
