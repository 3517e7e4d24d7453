"""Synthetic clips: coarse coloured patterns that drift, for timing and int8 calibration.

Not white noise: pooling averages it away, and every clip would look the same to a network.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F


def drifting_patterns(count: int, frames: int, size: int, seed: int) -> Iterator[Tensor]:
    """`count` clips float32[1, 3, frames, size, size] of about unit deviation."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        coarse = torch.randn(1, 3, 4, 5, 5, generator=generator) * 1.5
        clip = F.interpolate(coarse, size=(frames, size, size), mode="trilinear")
        yield clip + 0.1 * torch.randn(clip.shape, generator=generator)
