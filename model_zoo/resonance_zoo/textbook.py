"""The video transformers written as a textbook would: what our networks are timed against.

Every function computes from a plain state dict, one formula a line, float32, softmax spelled out.
Nothing here is fast: `resonance-tui models bench` and `scripts/bench_zoo` compare with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

State = Mapping[str, Tensor]
Forward = Callable[[State, Tensor], Tensor]


@cache
def position_table(tokens: int, width: int) -> Tensor:
    """Sine and cosine interleaved, float32[tokens, width], computed in float64."""
    position, column = np.arange(tokens)[:, None], np.arange(width)[None]
    angle = position / np.power(10000, 2 * (column // 2) / width)
    return torch.tensor(np.where(column % 2 == 0, np.sin(angle), np.cos(angle))).float()


def norm(state: State, name: str, x: Tensor) -> Tensor:
    """LayerNorm over the last axis, eps 1e-6."""
    return F.layer_norm(x, x.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)


def linear(state: State, name: str, x: Tensor) -> Tensor:
    """A fully connected layer with its bias."""
    return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """softmax(q k^T / sqrt(d)) v for [B, N, C] queries and [B, M, C] keys and values."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    weights = torch.softmax(q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1), dim=-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def general_attention(state: State, name: str, x: Tensor, context: Tensor, heads: int) -> Tensor:
    """MAE-DFER's attention: queries from `x`, keys and values from `context`, no bias on keys."""
    v_bias = state[f"{name}.v_bias"]
    q = F.linear(x, state[f"{name}.q.weight"], state[f"{name}.q_bias"])
    both = torch.cat([torch.zeros_like(v_bias), v_bias])
    k, v = F.linear(context, state[f"{name}.kv.weight"], both).chunk(2, dim=-1)
    return linear(state, f"{name}.proj", attend(q, k, v, heads))


def joint_attention(state: State, name: str, x: Tensor, heads: int) -> Tensor:
    """VideoMAE's attention over all tokens, no bias on keys."""
    q_bias, v_bias = state[f"{name}.q_bias"], state[f"{name}.v_bias"]
    bias = torch.cat([q_bias, torch.zeros_like(v_bias), v_bias])
    q, k, v = F.linear(x, state[f"{name}.qkv.weight"], bias).chunk(3, dim=-1)
    return linear(state, f"{name}.proj", attend(q, k, v, heads))


def perceptron(state: State, name: str, x: Tensor) -> Tensor:
    """Two layers with GELU between."""
    return linear(state, f"{name}.fc2", F.gelu(linear(state, f"{name}.fc1", x)))


def tubelets(state: State, clip: Tensor) -> Tensor:
    """Cubes of 2 x 16 x 16 pixels as tokens [B, T/2, H/16, W/16, C]."""
    weight = state["patch_embed.proj.weight"]
    x = F.conv3d(clip, weight, state["patch_embed.proj.bias"], stride=weight.shape[2:])
    return x.permute(0, 2, 3, 4, 1)


def videomae(state: State, clip: Tensor, heads: int = 12) -> Tensor:
    """Logits [B, classes] of VideoMAE's joint space-time encoder."""
    x = tubelets(state, clip).flatten(1, 3)
    x = x + position_table(*x.shape[1:])
    for i in range(depth(state)):
        x = x + joint_attention(
            state, f"blocks.{i}.attn", norm(state, f"blocks.{i}.norm1", x), heads
        )
        x = x + perceptron(state, f"blocks.{i}.mlp", norm(state, f"blocks.{i}.norm2", x))
    return linear(state, "head", norm(state, "fc_norm", x.mean(1)))


def depth(state: State) -> int:
    """How many blocks the state dict holds."""
    return 1 + max(int(key.split(".")[1]) for key in state if key.startswith("blocks."))


def macro(
    state: State, clip: Tensor, heads: int = 8, region: tuple[int, ...] = (2, 5, 10)
) -> Tensor:
    """What the LGI-Former says of the whole clip, [B, C]."""
    x = tubelets(state, clip)
    batch, *grid, width = x.shape
    x = x + position_table(grid[0] * grid[1] * grid[2], width).view(*grid, width)
    nt, nh, nw = (size // part for size, part in zip(grid, region, strict=True))
    x = x.view(batch, nt, region[0], nh, region[1], nw, region[2], width)
    x = x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(batch, nt * nh * nw, -1, width)
    messengers = state["lg_region_tokens"].expand(batch, -1, -1)[:, :, None]
    x = torch.cat([messengers, x], dim=2)  # [B, regions, 1 + tokens, C]
    for i in range(depth(state)):
        x = lgi_block(state, f"blocks.{i}", x, heads)
    return norm(state, "fc_norm", x[:, :, 0].mean(1))


def lgi_block(state: State, name: str, x: Tensor, heads: int) -> Tensor:
    """Local, global, local-global, then the perceptron; `x` is [B, regions, 1 + tokens, C]."""
    batch, regions, tokens, width = x.shape
    y = x.flatten(0, 1)
    n = norm(state, f"{name}.first_attn_norm0", y)
    x = (y + general_attention(state, f"{name}.first_attn", n, n, heads)).view(x.shape)
    m, own = x[:, :, 0], x[:, :, 1:].flatten(1, 2)
    n = norm(state, f"{name}.second_attn_norm0", m)
    m = m + general_attention(state, f"{name}.second_attn", n, n, heads)
    q = norm(state, f"{name}.third_attn_norm0", own)
    kv = norm(state, f"{name}.third_attn_norm1", m)
    own = own + general_attention(state, f"{name}.third_attn", q, kv, heads)
    x = torch.cat([m[:, :, None], own.view(batch, regions, tokens - 1, width)], dim=2)
    return x + perceptron(state, f"{name}.mlp", norm(state, f"{name}.norm2", x))


def batch_norm(state: State, name: str, x: Tensor) -> Tensor:
    """Batch normalisation with its running statistics."""
    mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])


def micro(state: State, clip: Tensor) -> Tensor:
    """What the Continuous-Attention branch says of clip mean minus onset frame, [B, C]."""
    difference = clip.mean(2) - clip[:, :, 0]
    x = F.conv2d(difference, state["conv_act.0.weight"], stride=2, padding=1)
    x = F.relu(batch_norm(state, "conv_act.1", x))
    x = F.conv2d(x, state["cablock.conv1.weight"], padding=1)
    x = F.relu(batch_norm(state, "cablock.bn1", x))
    gate = None
    for stage, stride in ((1, 1), (2, 2), (3, 2), (4, 2)):
        x, gate = ca_block(state, f"cablock.layer{stage}.0", x, gate, stride)
    return F.relu(linear(state, "fc1", x.flatten(1)))


def ca_block(
    state: State, name: str, x: Tensor, gate: Tensor | None, stride: int
) -> tuple[Tensor, Tensor]:
    """A residual block whose gate is multiplied by the gate of the stage before."""
    y = F.conv2d(x, state[f"{name}.conv1.weight"], stride=stride, padding=1)
    y = F.relu(batch_norm(state, f"{name}.bn1", y))
    y = batch_norm(state, f"{name}.bn2", F.conv2d(y, state[f"{name}.conv2.weight"]))
    if f"{name}.downsample.0.weight" in state:
        x = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
        x = batch_norm(state, f"{name}.downsample.1", x)
    y = F.relu(y + x)
    pooled = torch.cat([y.mean(1, keepdim=True), y.amax(1, keepdim=True)], dim=1)
    own = F.conv2d(pooled, state[f"{name}.attn.0.weight"])
    own = torch.sigmoid(batch_norm(state, f"{name}.attn.1", own))
    if gate is not None:
        own = own * F.max_pool2d(gate, 3, stride=2, padding=1)
    return y * own, own


def mae_dfer(state: State, clip: Tensor) -> Tensor:
    """Logits [B, classes] of MAE-DFER."""
    return linear(state, "head", macro(state, clip))


def fused_add(state: State, clip: Tensor) -> Tensor:
    """Logits [B, classes] of the fused network that adds its two views of the clip."""
    return linear(state, "head", macro(state, clip) + micro(state, clip))


def fused_concat(state: State, clip: Tensor) -> Tensor:
    """Logits [B, classes] of the fused network that joins its two views of the clip."""
    return linear(state, "head", torch.cat([macro(state, clip), micro(state, clip)], dim=1))


FORWARDS: dict[str, Forward] = {
    "videomae_base": videomae,
    "mae_dfer": mae_dfer,
    "mae_dfer_mmnet_add": fused_add,
    "mae_dfer_mmnet_concat": fused_concat,
}
