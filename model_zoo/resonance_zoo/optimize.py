"""Rewrites a trained network in place into one that only infers, with the same answers, sooner.

What is spread over several tensors for the sake of training or of official state dicts is joined
(biases beside weights, batch norms behind convolutions); then the layers that cost the most are
exchanged for what the processor does best. Parameters exist once: every rewrite lets go of what it
replaces, so the network can no longer be trained or saved.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from resonance_zoo.layers import Mlp
from resonance_zoo.mae_dfer import GeneralAttention
from resonance_zoo.videomae import JointAttention

PACKED_FROM = 64 * 1024  # weights below this size gain nothing from another layout
Rewrite = Callable[[nn.Module], nn.Module | None]


def rewrite(network: nn.Module, rule: Rewrite) -> None:
    """Exchange every submodule for which `rule` gives another one; looks into the others."""
    for name, child in network.named_children():
        other = rule(child)
        if other is None:
            rewrite(child, rule)
        else:
            setattr(network, name, other)


def join_biases(network: nn.Module) -> None:
    """Attention layers whose biases are tensors of their own get ordinary linear layers."""

    def rule(module: nn.Module) -> nn.Module | None:
        if isinstance(module, GeneralAttention):
            return ReadOnlyGeneralAttention(module)
        return ReadOnlyJointAttention(module) if isinstance(module, JointAttention) else None

    rewrite(network, rule)


def with_bias(linear: nn.Linear, bias: Tensor) -> nn.Linear:
    """The same weight, not a copy, with a bias."""
    joined = nn.Linear(linear.in_features, linear.out_features, device="meta")
    joined.weight = nn.Parameter(linear.weight.detach(), requires_grad=False)
    joined.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return joined


class ReadOnlyGeneralAttention(nn.Module):
    """`GeneralAttention` for inference: [B, Q, C] to a context [B, K, C] or to itself."""

    def __init__(self, trained: GeneralAttention) -> None:
        super().__init__()
        self.num_heads = trained.num_heads
        self.q = with_bias(trained.q, trained.q_bias)
        self.kv = with_bias(trained.kv, F.pad(trained.v_bias, (len(trained.v_bias), 0)))
        self.proj = trained.proj

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        k, v = self.kv(x if context is None else context).chunk(2, dim=-1)
        return self.proj(attend(self.q(x), k, v, self.num_heads))


class ReadOnlyJointAttention(nn.Module):
    """`JointAttention` over all tokens for inference, [B, N, C] to the same."""

    def __init__(self, trained: JointAttention) -> None:
        super().__init__()
        self.num_heads = trained.num_heads
        q, v = trained.q_bias, trained.v_bias
        self.qkv = with_bias(trained.qkv, torch.cat([q, torch.zeros_like(v), v]))
        self.proj = trained.proj

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return self.proj(attend(q, k, v, self.num_heads))


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Scaled dot-product attention of [B, L, C] tensors, split into heads and joined again."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def fold_batch_norms(network: nn.Module, clip: Tensor) -> None:
    """Fold each batch norm that reads a convolution's output into that convolution.

    Which reads which is seen in one forward pass of `clip`, so that the networks need no order of
    their own; a convolution that several modules read stays as it is.
    """
    made: dict[int, tuple[nn.Module, Tensor]] = {}  # the tensor is kept: ids must not be reused
    readers: dict[nn.Module, list[nn.Module]] = {}

    def note_read(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        conv, _ = made.get(id(inputs[0]), (None, None)) if inputs else (None, None)
        if conv is not None:
            readers.setdefault(conv, []).append(module)

    def note_made(module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        made[id(output)] = (module, output)

    leaves = [m for m in network.modules() if not list(m.children())]
    handles = [m.register_forward_pre_hook(note_read) for m in leaves]
    handles += [m.register_forward_hook(note_made) for m in leaves if isinstance(m, CONVOLUTIONS)]
    try:
        with torch.no_grad():
            network(clip)
    finally:
        for handle in handles:
            handle.remove()
    fused: dict[nn.Module, nn.Module] = {}
    for conv, read_by in readers.items():
        if len(read_by) == 1 and isinstance(read_by[0], BATCH_NORMS):
            fused[conv] = fuse_conv_bn_eval(conv, read_by[0])  # type: ignore[type-var]
            fused[read_by[0]] = nn.Identity()
    rewrite(network, fused.get)


CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def order_channels_last(network: nn.Module) -> None:
    """Convolution weights in the order that vector units read fastest."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)


class PackedLinear(nn.Module):
    """A linear layer whose weight oneDNN has laid out for itself once, with GELU inside if asked.

    On processors that MKL was not made for this is more than twice as fast as `nn.Linear`.
    """

    def __init__(self, linear: nn.Linear, *, gelu: bool = False) -> None:
        super().__init__()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())
        self._bias = None if linear.bias is None else linear.bias.detach()
        self._after = "gelu" if gelu else "none"

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(
            x, self._weight, self._bias, self._after, [], "none"
        )


class PackedMlp(nn.Module):
    """`Mlp` on packed layers."""

    def __init__(self, trained: Mlp) -> None:
        super().__init__()
        self.fc1 = PackedLinear(trained.fc1, gelu=True)
        self.fc2 = PackedLinear(trained.fc2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.fc1(x))


def can_pack() -> bool:
    """Whether this build of torch has oneDNN's packed linear layers."""
    return torch.backends.mkldnn.is_available() and hasattr(
        torch.ops.mkldnn, "_reorder_linear_weight"
    )


def pack_linears(network: nn.Module) -> None:
    """float32 on a processor: oneDNN's layout for all large linear layers."""

    def rule(module: nn.Module) -> nn.Module | None:
        if isinstance(module, Mlp) and module.fc1.weight.numel() >= PACKED_FROM:
            return PackedMlp(module)
        if isinstance(module, nn.Linear) and module.weight.numel() >= PACKED_FROM:
            return PackedLinear(module)
        return None

    rewrite(network, rule)


class Int8Linear(nn.Module):
    """A linear layer in int8: weights scaled for each output, activations for each token.

    One scale for each token, not for each tensor, halves the error: a few tokens are much larger
    than the rest.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        scale = _int8_scale(weight)
        self._weight = (weight / scale).round().to(torch.int8).t().contiguous()
        self._scale = scale[:, 0]
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.reshape(-1, x.shape[-1])
        scale = _int8_scale(tokens)
        whole = (tokens / scale).round_().to(torch.int8)
        y = torch._int_mm(whole, self._weight) * (scale * self._scale)  # pyright: ignore
        return (y if self._bias is None else y + self._bias).view(*x.shape[:-1], -1)


def _int8_scale(rows: Tensor) -> Tensor:
    """What 1 in int8 stands for in each row, [rows, 1]; a row of zeros gets a tiny number."""
    return rows.abs().amax(1, keepdim=True).clamp_min(1e-12) / 127


class Int8Mlp(nn.Module):
    """`Mlp` on int8 layers."""

    def __init__(self, trained: Mlp) -> None:
        super().__init__()
        self.fc1 = Int8Linear(trained.fc1)
        self.fc2 = Int8Linear(trained.fc2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


def quantise_perceptrons(network: nn.Module) -> None:
    """int8 on a processor: the large pairs of linear layers around a GELU, most of the work.

    The layers of attention stay as they are: rounding them as well saves a fifth of the time and
    more than doubles the error.
    """

    def rule(module: nn.Module) -> nn.Module | None:
        if isinstance(module, Mlp) and module.fc1.weight.numel() >= PACKED_FROM:
            return Int8Mlp(module)
        if isinstance(module, nn.Sequential) and any(isinstance(m, nn.GELU) for m in module):
            return nn.Sequential(*map(_quantised, module))
        return None

    rewrite(network, rule)


def _quantised(module: nn.Module) -> nn.Module:
    is_large = isinstance(module, nn.Linear) and module.weight.numel() >= PACKED_FROM
    return Int8Linear(module) if is_large else module  # type: ignore[arg-type]
