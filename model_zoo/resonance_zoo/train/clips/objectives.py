"""Binds a network to what it is trained with: its forward gives a loss, so that one process or many
(where a wrapper must see every forward) run the same code.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from timm.data.mixup import Mixup
from timm.loss.cross_entropy import SoftTargetCrossEntropy
from torch import Tensor, nn
from torch.nn import functional as F

from resonance_zoo.ial import Ial
from resonance_zoo.ial_loss import OFFICIAL, intensity_aware_loss, total_loss
from resonance_zoo.train.clips.recipes import ClipRecipe, RecipeError

Batch = tuple[Tensor, ...]


class Learner(nn.Module):
    """`prepare` may change a batch (mixing clips); `forward` takes it and gives the mean loss."""

    network: nn.Module

    def prepare(self, batch: Batch) -> Batch:
        return batch


class CrossEntropy(Learner):
    """Plain or smoothed labels, one a clip."""

    def __init__(self, network: nn.Module, smoothing: float = 0.0) -> None:
        super().__init__()
        self.network, self.smoothing = network, smoothing

    def forward(self, clips: Tensor, labels: Tensor) -> Tensor:
        logits = self.network(clips).float()
        return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)


class Mixing(Learner):
    """Mixup or cutmix of every micro-batch with itself backwards, labels mixed and smoothed.

    Source: VideoMAE's and MAE-DFER's fine-tuning (batch mode, always, either with even chance).
    """

    def __init__(self, network: nn.Module, recipe: ClipRecipe, classes: int) -> None:
        super().__init__()
        self.network, self.loss = network, SoftTargetCrossEntropy()
        self.mixup = Mixup(
            recipe.mixup, recipe.cutmix, label_smoothing=recipe.smoothing, num_classes=classes
        )

    def prepare(self, batch: Batch) -> Batch:
        clips, labels = batch
        # timm mixes images: all frames of a clip become channels of one, and get the same box.
        images, targets = self.mixup(clips.flatten(1, 2), labels)
        return images.view_as(clips), targets

    def forward(self, clips: Tensor, targets: Tensor) -> Tensor:
        return self.loss(self.network(clips).float(), targets)


class IntensityAware(Learner):
    """Cross-entropy plus the intensity-aware loss; with the IAL network its auxiliary terms too."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor, labels: Tensor) -> Tensor:
        if isinstance(self.network, Ial):
            out = self.network.forward_all(clips)
            return total_loss(out.logits.float(), out.aux2.float(), out.aux3.float(), labels)
        logits = self.network(clips).float()
        intensity = OFFICIAL.intensity * intensity_aware_loss(logits, labels)
        return F.cross_entropy(logits, labels) + intensity


def classifier(network: nn.Module, recipe: ClipRecipe, micro_batch: int, classes: int) -> Learner:
    """The recipe's loss around a network. Raises RecipeError where its values contradict."""
    mixes = recipe.mixup > 0 or recipe.cutmix > 0
    if recipe.loss == "ial":
        if mixes or recipe.smoothing:
            raise RecipeError(
                "the intensity-aware loss needs one label a clip:"
                " set --mixup 0 --cutmix 0 --smoothing 0"
            )
        return IntensityAware(network)
    if not mixes:
        return CrossEntropy(network, recipe.smoothing)
    if micro_batch % 2:
        raise RecipeError(f"mixing takes clips in pairs; a micro-batch of {micro_batch} is odd")
    return Mixing(network, recipe, classes)


def check_finite(loss: Tensor, step: int) -> float:
    """The loss as a number. Raises RuntimeError where it is not finite: no step repairs that."""
    if not torch.isfinite(loss):
        raise RuntimeError(f"the loss is {loss.item()} at step {step}; try a smaller --base-lr")
    return loss.item()


def check_weights(weights: Mapping[str, Tensor], step: int) -> None:
    """Raises RuntimeError where a last step has left weights that are no numbers: its own loss,
    which was taken before it, does not show that."""
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise RuntimeError(f"{name} is not finite after step {step}; try a smaller --base-lr")
