"""Counts what a network costs: parameters, and multiply-accumulates of one clip.

The convention is that of fvcore, which the papers of the field print as "FLOPs": one
multiply-accumulate counts 1; batch and layer norms count 2 and 5 a number (with their affine
part); softmax, activations and sums count nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from resonance_zoo.card_types import ClipInput, NetworkCard
from resonance_zoo.cards import network_card
from resonance_zoo.masking import part_window_mask
from resonance_zoo.mmer_classes import ACTION_UNITS
from resonance_zoo.registry import create

Shape = Sequence[int]
ONE_SECOND = 30  # frames of action units that count as the clip of a sequence network
FLOPS_PER_MAC = 2  # torch's counter tells multiplications from sums


@dataclass(frozen=True)
class Measured:
    """Parameters (one of a shared pair counts once) and multiply-accumulates in 1e9, batch 1."""

    params: int
    gmacs: float


def measure(name: str, **overrides: Any) -> Measured:
    """What network `name` costs on the input of its card; built without memory for its numbers
    (the two small ones that read features apart).

    `num_frames` and `img_size` among the overrides change the clip as well.
    """
    card = network_card(name)
    with torch.device("cpu" if card.input is None else "meta"):
        network = create(name, **overrides).eval()
        macs = _count(network, example_inputs(card, overrides))
    return Measured(sum(each.numel() for each in network.parameters()), macs / 1e9)


def example_inputs(card: NetworkCard, overrides: Mapping[str, Any]) -> tuple[Tensor, ...]:
    """What the network of that card reads in one call, of the right shapes, on torch's current
    default device; the mask of a pre-training network is real, because its values decide shapes."""
    if card.input is not None:
        clip = _clip(card.input, overrides)
        return (clip, _mask()) if card.takes == "pretrain" else (clip,)
    if card.name == "mmer_mlp":
        return (torch.zeros(1, len(ACTION_UNITS)),)
    return torch.zeros(1, ONE_SECOND, len(ACTION_UNITS)), torch.tensor([ONE_SECOND])


def _mask() -> Tensor:
    """Any nine tenths: the cost does not depend on which."""
    with torch.device("cpu"):
        return torch.from_numpy(part_window_mask(np.random.RandomState(0)))[None]


def _clip(wanted: ClipInput, overrides: Mapping[str, Any]) -> Tensor:
    size = overrides.get("img_size", wanted.size)
    return torch.empty(1, 3, overrides.get("num_frames", wanted.frames), size, size)


def _count(network: nn.Module, inputs: tuple[Tensor, ...]) -> float:
    counter = FlopCounterMode(display=False, custom_mapping=_uncounted())
    with torch.no_grad(), counter:
        network(*inputs)
    return counter.get_total_flops() / FLOPS_PER_MAC


def _uncounted() -> dict[Any, Callable[..., int]]:
    """What torch's counter leaves out: norms, and recurrent layers that oneDNN runs as one."""
    aten = torch.ops.aten

    def batch_norm(numbers: Shape, weight: Shape | None, *_: Any, **__: Any) -> int:
        return FLOPS_PER_MAC * prod(numbers) * (1 if weight is None else 2)

    def layer_norm(numbers: Shape, _shape: Shape, weight: Shape | None, *_: Any, **__: Any) -> int:
        return FLOPS_PER_MAC * prod(numbers) * (4 if weight is None else 5)

    def recurrent(steps: Shape, inputs: Shape, states: Shape, *_: Any, **__: Any) -> int:
        return FLOPS_PER_MAC * steps[0] * steps[1] * (prod(inputs) + prod(states))

    counted: dict[Any, Callable[..., int]] = {
        aten.native_batch_norm: batch_norm,
        aten.native_layer_norm: layer_norm,
        aten.mkldnn_rnn_layer: recurrent,
    }
    # The counter takes an operation apart, where torch knows how, unless its overload is known too.
    return counted | {operation.default: count for operation, count in counted.items()}
