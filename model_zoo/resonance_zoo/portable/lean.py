"""The same LGI-Former in fewer multiplications, for one clip; exact but for rounding.

Three things cost work that nobody reads, or more work than their answer needs:

* Every local asks a few messengers. Their keys, put through the queries' weights first, and their
  values, put through those of the projection, leave two thin products of the locals in place of
  two square ones: 56 M multiply-adds a block where there were 433 M.
* The last block's locals are not classified, so only its messengers are computed.
* Tubelets do not overlap: cutting them out and one product is quicker than a 3-d convolution.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from resonance_zoo.layers import TubeletEmbed
from resonance_zoo.mae_dfer import GeneralAttention, LgiBlock, MaeDfer

# Weight and bias that make something, one row or number a channel, and the layers that read it.
Seam = tuple[Tensor, Tensor, tuple[nn.Linear, ...]]


def make_lean(network: nn.Module) -> None:
    """Exchange what can be exchanged, in place; networks of other kinds stay as they are."""
    if not isinstance(network, MaeDfer):
        return
    config = network.config
    tubelets = LeanTubelets(network.patch_embed, config.patch_size, config.tubelet_size)
    network.register_module("patch_embed", tubelets)
    left_out = config.no_second or config.no_third
    if (config.first, config.third, left_out) != ("self", "cross", False):
        return
    last = len(network.blocks) - 1
    for index, block in enumerate(network.blocks):
        assert isinstance(block, LgiBlock)
        is_last = index == last and network.classify_tokens == "region"
        network.blocks[index] = LeanLastBlock(block) if is_last else LeanBlock(block)


def careful_layers(network: nn.Module) -> Iterator[nn.Linear]:
    """The layers whose rounding errs most for what they cost: of the pictures, and of what
    attention gives."""
    for module in network.modules():
        if isinstance(module, LeanTubelets):
            yield module.linear
        elif isinstance(module, SelfAttention | FirstOnly):
            yield module.proj


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A layer that only infers, of a weight [out, in] and a bias [out], both copied."""
    made = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    made.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
    made.bias = nn.Parameter(bias.detach().clone(), requires_grad=False)
    return made


def constant(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor.detach().clone().contiguous(), requires_grad=False)


class LeanTubelets(nn.Module):
    """`TubeletEmbed` of one clip [1, 3, T, H, W] as one product: [1, N, C]."""

    def __init__(self, trained: TubeletEmbed, patch: int, frames: int) -> None:
        super().__init__()
        weight, bias = trained.proj.weight, trained.proj.bias
        assert bias is not None
        self.linear = linear(weight.flatten(1), bias)
        self.patch, self.frames = patch, frames

    def forward(self, clip: Tensor) -> Tensor:
        _, colours, t, h, w = clip.shape
        p, f = self.patch, self.frames
        boxes = clip.reshape(colours, t // f, f, h // p, p, w // p, p).permute(1, 3, 5, 0, 2, 4, 6)
        return self.linear(boxes.reshape(1, -1, colours * f * p * p))


class SelfAttention(nn.Module):
    """Self-attention [B, L, C] on one joined layer, which holds the scale of the scores."""

    def __init__(self, trained: GeneralAttention) -> None:
        super().__init__()
        self.heads, self.width = trained.num_heads, trained.q.in_features
        scale = (self.width // self.heads) ** -0.5
        v_bias = trained.v_bias
        self.qkv = linear(
            torch.cat([trained.q.weight * scale, trained.kv.weight]),
            torch.cat([trained.q_bias * scale, torch.zeros_like(v_bias), v_bias]),
        )
        self.proj = linear(trained.proj.weight, trained.proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).split(self.width, -1)
        return self.proj(attend(q, k, v, self.heads))

    def seams(self) -> Iterator[Seam]:
        """Values may: the weights of attention sum to one, so its answer moves as they do."""
        yield *_rows(self.qkv, 2 * self.width), (self.proj,)


def _rows(layer: nn.Module, first: int = 0) -> tuple[Tensor, Tensor]:
    """Views of its weight and bias from row `first` on."""
    assert isinstance(layer, nn.Linear | nn.LayerNorm)
    assert layer.bias is not None
    return layer.weight.data[first:], layer.bias.data[first:]


class FirstOnly(nn.Module):
    """`SelfAttention` of which only row 0 is read: [B, L, C] -> [B, 1, C]."""

    def __init__(self, trained: GeneralAttention) -> None:
        super().__init__()
        joined = SelfAttention(trained)
        self.heads, self.width = joined.heads, joined.width
        weight, bias, width = joined.qkv.weight, joined.qkv.bias, self.width
        assert bias is not None
        self.q = linear(weight[:width], bias[:width])
        self.kv = linear(weight[width:], bias[width:])
        self.proj = joined.proj

    def forward(self, x: Tensor) -> Tensor:
        k, v = self.kv(x).split(self.width, -1)
        return self.proj(attend(self.q(x[:, :1]), k, v, self.heads))

    def seams(self) -> Iterator[Seam]:
        yield *_rows(self.kv, self.width), (self.proj,)


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """softmax(q k) v of [B, Q, C] and [B, K, C], with fixed shapes, which leave a plain graph."""
    batch, queries, width = q.shape
    shape = (batch, -1, heads, width // heads)
    scores = q.reshape(shape).permute(0, 2, 1, 3) @ k.reshape(shape).permute(0, 2, 3, 1)
    mixed = scores.softmax(-1) @ v.reshape(shape).permute(0, 2, 1, 3)
    return mixed.permute(0, 2, 1, 3).reshape(batch, queries, width)


class AskMessengers(nn.Module):
    """Attention of many normed locals [N, C] to few normed messengers [R, C]."""

    def __init__(self, trained: GeneralAttention) -> None:
        super().__init__()
        self.heads, self.width = trained.num_heads, trained.q.in_features
        self.depth = self.width // self.heads
        v_bias = trained.v_bias
        self.kv = linear(trained.kv.weight, torch.cat([torch.zeros_like(v_bias), v_bias]))
        scale, by_head = self.depth**-0.5, (self.heads, self.depth)
        self.queries = constant((trained.q.weight * scale).unflatten(0, by_head).transpose(1, 2))
        self.query_bias = constant((trained.q_bias * scale).view(*by_head, 1))
        self.projections = constant(trained.proj.weight.t().unflatten(0, by_head))
        self.bias = constant(trained.proj.bias)

    def forward(self, local: Tensor, messenger: Tensor) -> Tensor:
        rows, width, heads = len(messenger), self.width, self.heads
        k, v = self.kv(messenger).split(width, -1)
        k = k.reshape(rows, heads, self.depth).permute(1, 2, 0)
        v = v.reshape(rows, heads, self.depth).permute(1, 0, 2)
        asked = (self.queries @ k).permute(1, 0, 2).reshape(width, heads * rows)
        offset = (self.query_bias * k).sum(1).reshape(heads * rows)
        told = (v @ self.projections).reshape(heads * rows, width)
        scores = (local @ asked + offset).reshape(-1, heads, rows)
        return scores.softmax(-1).reshape(-1, heads * rows) @ told + self.bias


class Perceptron(nn.Module):
    """Normed, widened, GELU, narrowed: [..., C] -> [..., C]."""

    def __init__(self, trained: LgiBlock) -> None:
        super().__init__()
        self.norm = trained.norm2
        self.fc1, self.fc2 = trained.mlp.fc1, trained.mlp.fc2

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(self.norm(x))))

    def seams(self) -> Iterator[Seam]:
        yield *_rows(self.norm), (self.fc1,)


class LeanLastBlock(nn.Module):
    """`LgiBlock` of one clip, messengers only: [R, 1 + S, C] -> [R, 1, C]."""

    def __init__(self, trained: LgiBlock) -> None:
        super().__init__()
        self.local_norm = trained.first_attn_norm0
        self.local: SelfAttention | FirstOnly = self.new_local(trained.first_attn)
        self.messenger_norm = trained.second_attn_norm0
        self.messenger = SelfAttention(trained.second_attn)
        self.perceptron = Perceptron(trained)

    def new_local(self, trained: GeneralAttention) -> SelfAttention | FirstOnly:
        return FirstOnly(trained)

    def forward(self, x: Tensor) -> Tensor:
        x = self.talk(x[:, :1] + self.local(self.local_norm(x)))
        return x + self.perceptron(x)

    def talk(self, messenger: Tensor) -> Tensor:
        """The messengers [R, 1, C] with each other."""
        together = messenger.permute(1, 0, 2)
        together = together + self.messenger(self.messenger_norm(together))
        return together.permute(1, 0, 2)

    def seams(self) -> Iterator[Seam]:
        """Where channels may be moved and scaled, as the layers that read them take it back."""
        local = self.local
        readers = (local.kv, local.q) if isinstance(local, FirstOnly) else (local.qkv,)
        yield *_rows(self.local_norm), readers
        yield *_rows(self.messenger_norm), (self.messenger.qkv,)
        for part in (local, self.messenger, self.perceptron):
            yield from part.seams()


class LeanBlock(LeanLastBlock):
    """`LgiBlock` of one clip, whole: [R, 1 + S, C] -> the same."""

    def __init__(self, trained: LgiBlock) -> None:
        super().__init__(trained)
        self.asker_norm, self.asked_norm = trained.third_attn_norm0, trained.third_attn_norm1
        self.ask = AskMessengers(trained.third_attn)

    def new_local(self, trained: GeneralAttention) -> SelfAttention | FirstOnly:
        return SelfAttention(trained)

    def forward(self, x: Tensor) -> Tensor:
        regions, rows, width = x.shape
        x = x + self.local(self.local_norm(x))
        messenger, local = self.talk(x[:, :1]), x[:, 1:]
        asking = self.asker_norm(local).reshape(-1, width)
        told = self.ask(asking, self.asked_norm(messenger).reshape(regions, width))
        x = torch.cat((messenger, local + told.reshape(regions, rows - 1, width)), dim=1)
        return x + self.perceptron(x)

    def seams(self) -> Iterator[Seam]:
        yield from super().seams()
        yield *_rows(self.asked_norm), (self.ask.kv,)
