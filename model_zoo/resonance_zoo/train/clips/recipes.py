"""How each network's authors trained it on dynamic facial expressions; every value can be changed.

Sources: the training scripts of MAE-DFER, of the report's authors (the fused networks), of
Former-DFER, IAL, MMNet, and the C3D of DFEW. `mae_dfer` and the fused networks start from
MAE-DFER's pre-trained encoder (`--init`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from resonance_zoo.registry import MODULES, UnknownModel
from resonance_zoo.train.clips.sampling import Name, Sampling, named
from resonance_zoo.train.clips.schedule import Cosine, Schedule, Stairs


class RecipeError(ValueError):
    """There is no recipe for that network, or its values contradict each other."""


@dataclass(frozen=True)
class ClipRecipe:
    """`batch` is clips per optimiser step over all devices; the peak learning rate is `base_lr`
    times batch / `lr_batch`, or `base_lr` itself where `lr_batch` is 0 (`min_lr` likewise)."""

    batch: int
    epochs: int
    base_lr: float
    lr_batch: int = 0
    min_lr: float = 0.0
    optimiser: Literal["adamw", "adam", "sgd"] = "sgd"
    weight_decay: float = 0.0
    layer_decay: float = 1.0
    beta2: float = 0.999
    momentum: float = 0.9
    schedule: Literal["cosine", "stairs"] = "stairs"
    warmup_epochs: int = 0
    stair_epochs: int = 1
    stair_factor: float = 1.0
    last_stair: int = 0  # 0: no end
    sampling: Name = "dense"
    stride: int = 1
    augmentation: Literal["videomae", "former_dfer", "ial", "multi_scale_crop", "none"] = "none"
    loss: Literal["cross_entropy", "ial"] = "cross_entropy"
    smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def scaled(self, rate: float) -> float:
        return rate * self.batch / self.lr_batch if self.lr_batch else rate


VIDEOMAE = ClipRecipe(
    batch=120,
    epochs=100,
    base_lr=1e-3,
    lr_batch=256,
    min_lr=1e-6,
    optimiser="adamw",
    weight_decay=0.05,
    layer_decay=0.75,
    schedule="cosine",
    warmup_epochs=5,
    augmentation="videomae",
    smoothing=0.1,
    mixup=0.8,
    cutmix=1.0,
)
FUSED = replace(VIDEOMAE, batch=16)
FORMER_DFER = ClipRecipe(
    batch=32,
    epochs=100,
    base_lr=0.01,
    weight_decay=1e-4,
    stair_epochs=40,
    stair_factor=0.1,
    sampling="former_dfer",
    augmentation="former_dfer",
)
IAL = ClipRecipe(
    batch=40,
    epochs=1000,
    base_lr=1e-3,
    weight_decay=0.1,
    stair_epochs=7,
    stair_factor=0.5,
    sampling="ial",
    augmentation="ial",
    loss="ial",
)
C3D = ClipRecipe(batch=32, epochs=500, base_lr=1e-3, optimiser="adam", sampling="spread")
MMNET = ClipRecipe(
    batch=32,
    epochs=74,
    base_lr=8e-4,
    optimiser="adamw",
    weight_decay=0.6,
    stair_factor=0.987,
    last_stair=50,
)
PRETRAIN = ClipRecipe(
    batch=160,
    epochs=100,
    base_lr=3e-4,
    lr_batch=256,
    min_lr=1e-5,
    optimiser="adamw",
    weight_decay=0.05,
    beta2=0.95,
    schedule="cosine",
    warmup_epochs=5,
    stride=4,
    augmentation="multi_scale_crop",
)
RECIPES: dict[str, ClipRecipe] = {
    "mae_dfer": VIDEOMAE,
    "videomae_base": VIDEOMAE,  # none of its own for this data: as the MAE-DFER authors ran it
    "mae_dfer_mmnet_add": FUSED,
    "mae_dfer_mmnet_concat": FUSED,
    "mae_dfer_mmnet_add_pc": FUSED,
    "former_dfer": FORMER_DFER,
    "ial": IAL,
    "c3d": C3D,
    "r3d_18": C3D,  # the DFEW authors trained their 3D baselines alike
    "mmnet": MMNET,  # its recipe is for micro-expressions; augmentation and frames are ours
}


def recipe_of(network: str) -> ClipRecipe:
    """The published recipe of a network that reads clips. Raises RecipeError."""
    if network not in MODULES:
        raise RecipeError(str(UnknownModel(network)))
    if network not in RECIPES:
        raise RecipeError(f"no recipe for {network}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[network]


def sampling_of(recipe: ClipRecipe, frames: int) -> Sampling:
    """How the recipe picks `frames` frames. Raises SamplingError where it cannot."""
    return named(recipe.sampling, frames, recipe.stride)


def schedule_of(recipe: ClipRecipe, steps_per_epoch: int) -> Schedule:
    """The learning rate over all steps of a run."""
    peak = recipe.scaled(recipe.base_lr)
    if recipe.schedule == "cosine":
        warmup = recipe.warmup_epochs * steps_per_epoch
        total = recipe.epochs * steps_per_epoch
        return Cosine(peak, recipe.scaled(recipe.min_lr), total, warmup)
    per_stair = recipe.stair_epochs * steps_per_epoch
    return Stairs(peak, recipe.stair_factor, per_stair, recipe.last_stair or None)
