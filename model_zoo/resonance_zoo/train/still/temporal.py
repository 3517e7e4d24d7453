"""A small recurrent head over the still network's features: what a video network of our own is.

It adds to the still network's logits, and begins with adding nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[np.float32]
BATCH = 32
RATE = 3e-3


@dataclass(frozen=True)
class Stretch:
    """Frames of one face at a steady rate: features float32[T, F], the still network's logits
    float32[T, 7] (softmax gives its probabilities), and the class of each frame, int64[T]."""

    features: Floats
    logits: Floats
    labels: NDArray[np.int64]


class TemporalHead(nn.Module):
    """A GRU that looks back, never ahead: features [B, T, F], logits [B, T, 7] -> [B, T, 7]."""

    def __init__(self, features: int, hidden: int = 16, classes: int = 7) -> None:
        super().__init__()
        self.narrow = nn.Linear(features, hidden)
        self.memory = nn.GRU(hidden, hidden, batch_first=True)
        self.add = nn.Linear(hidden, classes)
        nn.init.zeros_(self.add.weight)
        nn.init.zeros_(self.add.bias)

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        remembered, _ = self.memory(torch.tanh(self.narrow(features)))
        return logits + self.add(remembered)


def train_head(stretches: list[Stretch], epochs: int, seed: int) -> TemporalHead:
    """A head for these stretches, which are all as long. Frames count alike: a class that counted
    more would only move the operating point."""
    torch.manual_seed(seed)
    features, logits, labels = (torch.from_numpy(each) for each in _together(stretches))
    head = TemporalHead(features.shape[-1], classes=logits.shape[-1])
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=1e-2)
    steps = epochs * -(-len(stretches) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(stretches)).split(BATCH):
            said = head(features[rows], logits[rows])
            loss = nn.functional.cross_entropy(
                said.flatten(0, 1), labels[rows].flatten(), label_smoothing=0.03
            )
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return head.eval()


def said(head: TemporalHead, stretch: Stretch) -> Floats:
    """The head's logits, frame by frame: float32[T, 7]."""
    with torch.inference_mode():
        one = (torch.from_numpy(each)[None] for each in (stretch.features, stretch.logits))
        return head(*one)[0].numpy()


def _together(stretches: list[Stretch]) -> tuple[Floats, Floats, NDArray[np.int64]]:
    return (
        np.stack([each.features for each in stretches]),
        np.stack([each.logits for each in stretches]),
        np.stack([each.labels for each in stretches]),
    )
