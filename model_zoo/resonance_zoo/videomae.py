"""VideoMAE's network: a plain vision transformer that attends over all space-time tokens at once.

Tong, Song, Wang and Wang, "VideoMAE: Masked Autoencoders are Data-Efficient Learners for
Self-Supervised Video Pre-Training" (NeurIPS 2022, arXiv 2203.12602): ViT-B with joint space-time
attention. MAE-DFER's decoder is made of the same blocks. Sizes in comments: B clips, N tokens,
C = embed_dim.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from timm.layers.drop import DropPath
from timm.layers.weight_init import trunc_normal_
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import ClipClassifier, Mlp, TubeletEmbed, sinusoid_table
from resonance_zoo.registry import register

LayerNorm = partial(nn.LayerNorm, eps=1e-6)


@dataclass(frozen=True)
class VideoMaeConfig:
    """Everything that decides the shape of the network; the defaults are ViT-B at 160 pixels."""

    num_classes: int = 7
    img_size: int = 160
    num_frames: int = 16
    patch_size: int = 16
    tubelet_size: int = 2
    embed_dim: int = 768
    depth: int = 12
    num_heads: int = 12
    mlp_ratio: float = 4.0
    drop_rate: float = 0.0
    drop_path_rate: float = 0.1
    head_init_scale: float = 0.001
    grad_checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.img_size % self.patch_size or self.num_frames % self.tubelet_size:
            raise ValueError("patches and tubelets must tile the frame and the clip")
        if self.num_heads < 1 or self.embed_dim < 1 or self.embed_dim % self.num_heads:
            raise ValueError(
                f"embed_dim={self.embed_dim} does not split into num_heads={self.num_heads} heads"
            )

    @property
    def num_tokens(self) -> int:
        return self.num_frames // self.tubelet_size * (self.img_size // self.patch_size) ** 2


class JointAttention(nn.Module):
    """Multi-head self-attention over all tokens: [B, N, C] -> [B, N, C].

    Queries and values have biases of their own; keys have none, as softmax would cancel it.
    """

    def __init__(self, dim: int, num_heads: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.qkv = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.cat((self.q_bias, torch.zeros_like(self.q_bias), self.v_bias))
        qkv = F.linear(x, self.qkv.weight, bias)
        q, k, v = qkv.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v)  # [B, heads, N, C / heads]
        return self.proj_drop(self.proj(x.transpose(1, 2).flatten(2)))


class Block(nn.Module):
    """A pre-norm transformer block, [B, N, C] -> [B, N, C]; drop path leaves out per clip."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        mlp_ratio: float = 4.0,
        drop_rate: float = 0.0,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm1 = LayerNorm(dim)
        self.attn = JointAttention(dim, num_heads, drop_rate)
        self.norm2 = LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), drop_rate)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class VideoMae(ClipClassifier):
    """Clip float[B, 3, T, S, S], ImageNet-normalised -> logits [B, num_classes]."""

    classifier_name = "head"
    depth_groups: ClassVar = {"stem": r"^patch_embed\.", "blocks": r"^blocks\.(\d+)"}

    def __init__(self, config: VideoMaeConfig) -> None:
        super().__init__()
        self.config, self.num_features = config, config.embed_dim
        dim = config.embed_dim
        self.patch_embed = TubeletEmbed(dim, config.patch_size, config.tubelet_size)
        self.pos_drop = nn.Dropout(config.drop_rate)
        rates = [config.drop_path_rate * i / max(1, config.depth - 1) for i in range(config.depth)]
        self.blocks = nn.ModuleList(
            Block(dim, config.num_heads, config.mlp_ratio, config.drop_rate, rate) for rate in rates
        )
        self.fc_norm = LayerNorm(dim)
        self.head = nn.Linear(dim, config.num_classes)
        table = sinusoid_table(config.num_tokens, dim)
        self.register_buffer("pos_embed", table, persistent=False)
        self.apply(init_weights)
        with torch.no_grad():
            self.head.weight.mul_(config.head_init_scale)

    def forward_features(self, clip: Tensor) -> Tensor:
        """The normed mean of all tokens, [B, C]. Raises ClipError for another length or size."""
        check_clip(clip, self, frames=self.config.num_frames, size=self.config.img_size)
        x = self.pos_drop(self.patch_embed(clip) + self.pos_embed)
        for block in self.blocks:
            if self.config.grad_checkpointing and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.fc_norm(x.mean(1))

    def new_classifier(self, num_classes: int) -> nn.Linear:
        return scaled_classifier(self.num_features, num_classes, self.config.head_init_scale)


def scaled_classifier(features: int, num_classes: int, scale: float) -> nn.Linear:
    """A linear layer with weights of deviation 0.02 * `scale`, no bias."""
    classifier = nn.Linear(features, num_classes)
    init_weights(classifier)
    with torch.no_grad():
        classifier.weight.mul_(scale)
    return classifier


def init_weights(module: nn.Module) -> None:
    """Linear layers: normal of deviation 0.02, no bias. Norms and convolution: PyTorch's own."""
    if isinstance(module, nn.Linear):
        trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@register
def videomae_base(
    *,
    num_classes: int = 7,
    img_size: int = 160,
    num_frames: int = 16,
    patch_size: int = 16,
    tubelet_size: int = 2,
    embed_dim: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    mlp_ratio: float = 4.0,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.1,
    head_init_scale: float = 0.001,
    grad_checkpointing: bool = False,
) -> VideoMae:
    """ViT-B with joint space-time attention: 86.2 M parameters, 80.8 G multiply-adds a clip."""
    return VideoMae(VideoMaeConfig(**locals()))
