"""A linear layer in int8, which ONNX Runtime runs as one operation of its own.

Weights are signed, one scale for each output; activations are unsigned, one scale for each tensor,
found while running. (Signed activations have no kernel on x86 and would stay in float.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

OPERATION = "com.microsoft::DynamicQuantizeMatMul"


class Int8Linear(nn.Module):
    """`[..., K]` to `[..., N]` of a weight int8[N, K] and its scale float32[N].

    With `twice` the layer also reads what rounding its input left over, in int8 as well: as good
    as 16 bits, for layers that read so few rows that it costs nothing.
    """

    bias: Tensor

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor, *, twice: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight.t().contiguous())
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)
        self.twice = twice

    def forward(self, x: Tensor) -> Tensor:
        y = Multiply.apply(x, self.weight, self.scale, self.bias)
        if not self.twice:
            return y
        rest = x - Round.apply(x)
        return y + Multiply.apply(rest, self.weight, self.scale, torch.zeros_like(self.bias))


class Multiply(torch.autograd.Function):
    """What the operation computes; one node where the network is written as ONNX."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
        return F.linear(rounded(x), (weight.float() * scale).t(), bias)

    @staticmethod
    def symbolic(g: Any, x: Any, weight: Any, scale: Any, bias: Any) -> Any:
        zero = g.op("Constant", value_t=torch.zeros((), dtype=torch.int8))
        y = g.op(OPERATION, x, weight, scale, zero, bias)
        sizes, outputs = x.type().sizes(), bias.type().sizes()
        return y.setType(x.type().with_sizes([*sizes[:-1], *outputs]))


class Round(torch.autograd.Function):
    """Activations as the operation rounds them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return rounded(x)

    @staticmethod
    def symbolic(g: Any, x: Any) -> Any:
        whole, scale, zero = g.op("DynamicQuantizeLinear", x, outputs=3)
        return g.op("DequantizeLinear", whole, scale, zero)


def rounded(x: Tensor) -> Tensor:
    """`x` on the 256 steps from its least to its greatest number, zero being one of them."""
    least, greatest = x.min().clamp(max=0), x.max().clamp(min=0)
    step = ((greatest - least) / 255).clamp_min(1e-30)
    zero = (-least / step).round().clamp(0, 255)
    return ((x / step).round() + zero).clamp(0, 255).sub(zero) * step
