"""Turns the large linear layers of a network into int8, calibrated on clips. No data of people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from resonance_zoo.optimize import PACKED_FROM, rewrite
from resonance_zoo.portable.int8 import Int8Linear
from resonance_zoo.portable.lean import LeanLastBlock, Seam, careful_layers
from resonance_zoo.portable.moments import Moments, observe
from resonance_zoo.portable.progress import Done, told
from resonance_zoo.portable.rounding import gptq, int8_scale, nearest

FEW_ROWS = 32  # up to which reading the rest of an activation as well costs next to nothing
OBSERVING = 0.3  # of the time that it takes, until all clips were seen


def large_layers(network: nn.Module) -> list[nn.Linear]:
    """The layers whose weights are worth rounding."""
    found = (module for module in network.modules() if isinstance(module, nn.Linear))
    return [layer for layer in found if layer.weight.numel() >= PACKED_FROM]


@torch.no_grad()
def quantise(network: nn.Module, clips: Sequence[Tensor], done: Done = lambda _: None) -> None:
    """Exchange all large linear layers that `network` runs on `clips`, in place.

    Biases make up for what rounding shifts the answers of a layer by on the mean (bias correction,
    Nagel et al., ICCV 2019), and what layers read is centred and evened out where that is free.
    """
    shown = told(clips, len(clips), done, 0, OBSERVING)
    seen = observe(network, large_layers(network), shown)
    for seam in _seams(network):
        _even(seam, seen)
    careful = set(careful_layers(network))
    made = {
        layer: _rounded(layer, moments, is_careful=layer in careful)
        for layer, moments in told(seen.items(), len(seen), done, OBSERVING)
    }
    rewrite(network, lambda module: made.get(module) if isinstance(module, nn.Linear) else None)


def _seams(network: nn.Module) -> Iterator[Seam]:
    for module in network.modules():
        if isinstance(module, LeanLastBlock):
            yield from module.seams()


def _even(seam: Seam, seen: dict[nn.Linear, Moments]) -> None:
    """Centre what is read and bring its channels nearer to one another, so that fewer of the 256
    steps are spent on a few channels (after Xiao et al., "SmoothQuant", ICML 2023)."""
    weight, bias, readers = seam
    if readers[0] not in seen:
        return
    mean, factor = seen[readers[0]].mean.clone(), seen[readers[0]].evening()
    weight.mul_(factor[:, None] if weight.ndim > 1 else factor)
    bias.sub_(mean).mul_(factor)
    for layer in readers:
        assert layer.bias is not None
        layer.bias.data.add_(layer.weight @ mean)
        layer.weight.data.div_(factor)
        if layer in seen:
            seen[layer].change(mean, factor)


def _rounded(layer: nn.Linear, moments: Moments, *, is_careful: bool) -> Int8Linear:
    weight, covariance = layer.weight.detach(), moments.covariance
    scale = int8_scale(weight)
    whole = nearest(weight, scale) if covariance is None else gptq(weight, scale, covariance)
    rest = weight - whole * scale[:, None]
    bias = torch.zeros(len(weight)) if layer.bias is None else layer.bias.detach()
    twice = is_careful or moments.rows_a_call <= FEW_ROWS
    return Int8Linear(whole, scale, bias + rest @ moments.mean, twice=twice)
