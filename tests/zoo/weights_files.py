"""Small networks and checkpoints of theirs, for the tests of weights files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import resonance_zoo

SMALL: dict[str, Any] = {
    "img_size": 32, "num_frames": 4, "embed_dim": 16, "depth": 1, "num_heads": 2,
    "region_size": (1, 1, 2),
}  # fmt: skip
State = dict[str, Tensor]


def small(name: str = "mae_dfer", **more: Any) -> nn.Module:
    """A network that is built in no time; of the same numbers each time."""
    torch.manual_seed(0)
    return resonance_zoo.create(name, **{**SMALL, **more}).eval()


def saved(path: Path, content: object, **options: Any) -> Path:
    """`path`, after torch wrote `content` there."""
    torch.save(content, path, **options)
    return path


def same(a: State, b: State) -> bool:
    """Whether both have the same entries in the same order, equal to the bit."""
    return list(a) == list(b) and all(torch.equal(a[key], b[key]) for key in a)


class RecorderMeter:
    """Like the record that some trainers pickle with their weights."""

    def __init__(self) -> None:
        self.epoch_losses = np.zeros((3, 2), dtype=np.float32)
        self.best = np.float64(0.5)
