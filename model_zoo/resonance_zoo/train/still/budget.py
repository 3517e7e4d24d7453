"""What a network costs: its parameters and its multiply-accumulate operations."""

from __future__ import annotations

import torch
from torch import nn


def parameters(model: nn.Module) -> int:
    """Trainable numbers."""
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_accumulates(model: nn.Module, size: int) -> int:
    """Of convolutions and linear layers, for one grey face of that side."""
    total = 0

    def count(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        per_output = weight[0].numel()  # inputs of a group times kernel area
        total += output[0].numel() * per_output

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    was_training = model.training
    with torch.inference_mode():
        model.eval()(torch.zeros(1, 1, size, size))
    model.train(was_training)
    for hook in hooks:
        hook.remove()
    return total
