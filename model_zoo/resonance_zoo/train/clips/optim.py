"""Builds the optimiser: groups of parameters by depth and by whether they are decayed."""

from __future__ import annotations

import re
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from resonance_zoo.train.clips.recipes import ClipRecipe

# By full name, as the authors look them up: in pre-training the tokens are called
# encoder.lg_region_tokens, so there they are decayed.
NOT_DECAYED = frozenset(("lg_region_tokens",))
BLOCK = re.compile(r"blocks\.(\d+)\.")


def layer_scales(blocks: int, decay: float) -> list[float]:
    """Learning-rate factor of layer ids 0..blocks+1: decay^(blocks + 1 - id)."""
    return [decay ** (blocks + 1 - layer) for layer in range(blocks + 2)]


def layer_id(name: str, blocks: int) -> int:
    """0 for the patch embedding, i + 1 for block i, blocks + 1 for everything else."""
    if name.startswith("patch_embed."):
        return 0
    block = BLOCK.match(name)
    return int(block[1]) + 1 if block else blocks + 1


def parameter_groups(network: nn.Module, recipe: ClipRecipe) -> list[dict[str, Any]]:
    """One group for each layer id and kind of decay; `lr_scale` multiplies the schedule.

    Not decayed: tensors of one axis, biases, `lg_region_tokens`. Source: MAE-DFER's script.
    """
    named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    blocks = len({match[1] for name, _ in named if (match := BLOCK.match(name))})
    scales = layer_scales(blocks, recipe.layer_decay)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in named:
        plain = parameter.ndim <= 1 or name.endswith(".bias") or name in NOT_DECAYED
        layer = layer_id(name, blocks)
        group = groups.setdefault(
            (layer, plain),
            {
                "params": [],
                "lr_scale": scales[layer],
                "weight_decay": 0.0 if plain else recipe.weight_decay,
            },
        )
        group["params"].append(parameter)
    return list(groups.values())


def build(network: nn.Module, recipe: ClipRecipe) -> Optimizer:
    """The recipe's optimiser over the network's parameters, at a learning rate of 0."""
    if recipe.optimiser == "adamw":
        on_gpu = next(network.parameters()).is_cuda
        groups = parameter_groups(network, recipe)
        return AdamW(groups, lr=0.0, betas=(0.9, recipe.beta2), eps=1e-8, fused=on_gpu or None)
    groups = [{"params": [p for p in network.parameters() if p.requires_grad], "lr_scale": 1.0}]
    if recipe.optimiser == "adam":
        betas = (0.9, recipe.beta2)
        return Adam(groups, lr=0.0, betas=betas, weight_decay=recipe.weight_decay)
    return SGD(groups, lr=0.0, momentum=recipe.momentum, weight_decay=recipe.weight_decay)


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Give every group its share of the learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["lr_scale"]
