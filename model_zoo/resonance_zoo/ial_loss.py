"""The intensity-aware loss: the target against the one class most likely to be taken for it (Li et
al. 2023, "Intensity-Aware Loss for Dynamic Facial Expression Recognition in the Wild").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class LossWeights:
    """Factors of the four terms in `total_loss`; the defaults are those of the authors' code."""

    final: float = 1.0
    intensity: float = 0.1
    aux2: float = 0.05
    aux3: float = 0.0


OFFICIAL = LossWeights()


def intensity_aware_per_sample(logits: Tensor, target: Tensor) -> Tensor:
    """-log(e^x_t / (e^x_t + e^x_max)) = softplus(x_max - x_t), float64[B].

    `logits` float[B, C], C >= 2; `target` int64[B]; x_max is the largest logit of another class,
    the first of equals. Equations 9 and 10 of the project's report; the authors' masks make it
    float64, which also keeps half precision out of a difference. MPS has no float64: float32
    there. Raises ValueError for other shapes.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or target.shape != logits.shape[:1]:
        raise ValueError(
            f"logits [B, C >= 2] and targets [B] are needed, not {list(logits.shape)} and"
            f" {list(target.shape)}"
        )
    wide = logits.to(torch.float32 if logits.device.type == "mps" else torch.float64)
    index = target[:, None]
    rival = wide.detach().scatter(1, index, -torch.inf).argmax(1, keepdim=True)
    margin = wide.gather(1, index) - wide.gather(1, rival)
    return -F.logsigmoid(margin)[:, 0]  # F.softplus turns linear at 20, which loses digits


def intensity_aware_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of `intensity_aware_per_sample` over the batch."""
    return intensity_aware_per_sample(logits, target).mean()


def total_loss(
    logits: Tensor, aux2: Tensor, aux3: Tensor, target: Tensor, weights: LossWeights = OFFICIAL
) -> Tensor:
    """What the IAL network is trained with; all logits float[B, C], `target` int64[B].

    Cross-entropy of the final logits, the intensity-aware loss, and the cross-entropies of the
    auxiliary logits that `Ial.forward_all` gives. A term of weight 0 is computed all the same:
    its parameters then have a gradient of zero, not none, and weight decay reaches them.
    """
    return (
        weights.final * F.cross_entropy(logits, target)
        + weights.intensity * intensity_aware_loss(logits, target)
        + weights.aux2 * F.cross_entropy(aux2, target)
        + weights.aux3 * F.cross_entropy(aux3, target)
    )
