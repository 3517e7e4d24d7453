"""Continuous Attention once more, from a bare state dict and first principles: slow on purpose."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def naive_batch_norm(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    shape = (1, -1, 1, 1)
    mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    scale = state[f"{name}.weight"] / torch.sqrt(variance + 1e-5)
    return (x - mean.view(shape)) * scale.view(shape) + state[f"{name}.bias"].view(shape)


def naive_gate(out: Tensor, state: dict[str, Tensor], prior: Tensor | None) -> Tensor:
    """Pixel by pixel: weigh mean and maximum over channels, squash, narrow by the 3x3 around."""
    batch, _, height, width = out.shape
    weight_mean, weight_max = state["attn.0.weight"].flatten().tolist()
    raw = torch.zeros(batch, 1, height, width, dtype=out.dtype)
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                pixel = out[b, :, y, x].tolist()
                raw[b, 0, y, x] = weight_mean * sum(pixel) / len(pixel) + weight_max * max(pixel)
    gate = 1 / (1 + torch.exp(-naive_batch_norm(raw, state, "attn.1")))
    if prior is None:
        return gate
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                rows = slice(max(2 * y - 1, 0), 2 * y + 2)
                columns = slice(max(2 * x - 1, 0), 2 * x + 2)
                gate[b, 0, y, x] *= prior[b, 0, rows, columns].max()
    return gate


def naive_stage(
    x: Tensor, state: dict[str, Tensor], stride: int, prior: Tensor | None
) -> tuple[Tensor, Tensor]:
    out = F.conv2d(x, state["conv1.weight"], stride=stride, padding=1)
    out = naive_batch_norm(out, state, "bn1").clamp(min=0)
    out = torch.einsum("oi,bihw->bohw", state["conv2.weight"][:, :, 0, 0], out)
    out = naive_batch_norm(out, state, "bn2")
    if "downsample.0.weight" in state:
        picked = x[:, :, ::stride, ::stride]
        picked = torch.einsum("oi,bihw->bohw", state["downsample.0.weight"][:, :, 0, 0], picked)
        x = naive_batch_norm(picked, state, "downsample.1")
    out = (out + x).clamp(min=0)
    gate = naive_gate(out, state, prior)
    return out * gate, gate


def naive_attention_map(
    state: dict[str, Tensor], branch: str, difference: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """The stem and the four stages from a bare state dict; `branch` is their prefix in it."""
    x = F.conv2d(difference, state["conv_act.0.weight"], stride=2, padding=1)
    x = naive_batch_norm(x, state, "conv_act.1").clamp(min=0)
    x = F.conv2d(x, state[f"{branch}.conv1.weight"], padding=1)
    x = naive_batch_norm(x, state, f"{branch}.bn1").clamp(min=0)
    gates: list[Tensor] = []
    for number, stride in ((1, 1), (2, 2), (3, 2), (4, 2)):
        prefix = f"{branch}.layer{number}.0."
        own = {key.removeprefix(prefix): v for key, v in state.items() if key.startswith(prefix)}
        x, gate = naive_stage(x, own, stride, gates[-1] if gates else None)
        gates.append(gate)
    return x, gates
