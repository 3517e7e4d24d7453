"""MAE-DFER's network: LGI-Former, a video transformer with local-global interaction.

Sun, Lian, Liu and Tao, "MAE-DFER: Efficient Masked Autoencoder for Self-supervised Dynamic Facial
Expression Recognition" (ACM Multimedia 2023, arXiv 2307.02227), where it is the encoder. The
clip's tokens are split into space-time regions, and each region gets one learned messenger token
("representative token" in the paper). A block then attends three times, and never from every
token to every other:

1. local: every region within itself, its messenger among its locals;
2. global: the messengers of all regions with each other;
3. local-global: every local asks the messengers, which now know of the other regions.

Sizes in comments: B clips, R regions, S locals a region (R * S = N tokens), C = embed_dim.
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
from resonance_zoo.videomae import init_weights, scaled_classifier

LayerNorm = partial(nn.LayerNorm, eps=1e-6)


@dataclass(frozen=True)
class LgiFormerConfig:
    """Everything that decides the shape of an LGI-Former; the defaults are the paper's.

    `region_size` counts tokens along (time, height, width) and must divide the token grid.
    `first` is 'self' (a region and its messenger attend to each other) or 'cross' (the messenger
    alone reads its locals). `third` is 'cross' (locals read all messengers) or 'self' (regions
    attend within themselves once more). `share` is 'none', 'first_third' or 'all': which of a
    block's attentions are one and the same module. `no_second` and `no_third` leave a step out.
    """

    img_size: int = 160
    num_frames: int = 16
    patch_size: int = 16
    tubelet_size: int = 2
    embed_dim: int = 512
    depth: int = 16
    num_heads: int = 8
    mlp_ratio: float = 4.0
    region_size: tuple[int, int, int] = (2, 5, 10)
    drop_rate: float = 0.0
    drop_path_rate: float = 0.1
    first: str = "self"
    third: str = "cross"
    share: str = "none"
    no_second: bool = False
    no_third: bool = False
    grad_checkpointing: bool = False

    def __post_init__(self) -> None:
        if self.img_size % self.patch_size or self.num_frames % self.tubelet_size:
            raise ValueError("patches and tubelets must tile the frame and the clip")
        if self.num_heads < 1 or self.embed_dim < 1 or self.embed_dim % self.num_heads:
            raise ValueError(
                f"embed_dim={self.embed_dim} does not split into num_heads={self.num_heads} heads"
            )
        if any(size % part for size, part in zip(self.grid, self.region_size, strict=True)):
            raise ValueError(f"regions of {self.region_size} do not tile tokens of {self.grid}")
        _one_of("first", self.first, ("self", "cross"))
        _one_of("third", self.third, ("cross", "self"))
        _one_of("share", self.share, ("none", "first_third", "all"))

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tokens along time, height and width."""
        side = self.img_size // self.patch_size
        return self.num_frames // self.tubelet_size, side, side

    @property
    def region_grid(self) -> tuple[int, int, int]:
        """Regions along time, height and width."""
        (t, h, w), (rt, rh, rw) = self.grid, self.region_size
        return t // rt, h // rh, w // rw

    @property
    def num_tokens(self) -> int:
        t, h, w = self.grid
        return t * h * w

    @property
    def num_regions(self) -> int:
        t, h, w = self.region_grid
        return t * h * w


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} must be {' or '.join(map(repr, known))}, not {value!r}")


class GeneralAttention(nn.Module):
    """Multi-head attention of queries x [B, Q, C] to a context [B, K, C] (x itself if none).

    Queries and values have biases of their own; keys have none, as softmax would cancel it.
    """

    def __init__(self, dim: int, num_heads: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q_bias = nn.Parameter(torch.zeros(dim))
        self.v_bias = nn.Parameter(torch.zeros(dim))
        self.q = nn.Linear(dim, dim, bias=False)
        self.kv = nn.Linear(dim, 2 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)
        self.proj_drop = nn.Dropout(drop_rate)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        context = x if context is None else context
        q = F.linear(x, self.q.weight, self.q_bias)
        kv_bias = F.pad(self.v_bias, (len(self.v_bias), 0))  # [zeros for k, v_bias]
        k, v = F.linear(context, self.kv.weight, kv_bias).chunk(2, dim=-1)
        x = F.scaled_dot_product_attention(self._heads(q), self._heads(k), self._heads(v))
        return self.proj_drop(self.proj(x.transpose(1, 2).flatten(2)))

    def _heads(self, x: Tensor) -> Tensor:
        """[B, L, C] -> [B, heads, L, C / heads]."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


class LgiBlock(nn.Module):
    """Local, global and local-global attention, then the perceptron, each with its shortcut.

    x [B * R, 1 + S, C] -> the same; row 0 of every region is its messenger. Drop path leaves a
    branch out per region in the first and last step, per clip in the two between.
    """

    first_attn: GeneralAttention
    second_attn: GeneralAttention
    third_attn: GeneralAttention

    def __init__(self, config: LgiFormerConfig, drop_path: float) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_regions = config.num_regions
        self.first, self.has_second = config.first, not config.no_second
        self.third = "none" if config.no_third else config.third

        def attention() -> GeneralAttention:
            return GeneralAttention(dim, config.num_heads, config.drop_rate)

        self.first_attn_norm0 = LayerNorm(dim)
        if config.first == "cross":
            self.first_attn_norm1 = LayerNorm(dim)
        self.first_attn = attention()
        if self.has_second:
            self.second_attn_norm0 = LayerNorm(dim)
            self.second_attn = self.first_attn if config.share == "all" else attention()
        if self.third != "none":
            self.third_attn_norm0 = LayerNorm(dim)
            if self.third == "cross":
                self.third_attn_norm1 = LayerNorm(dim)
            self.third_attn = self.first_attn if config.share != "none" else attention()
        self.norm2 = LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * config.mlp_ratio), config.drop_rate)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self._local(x)
        # Taken apart here and joined once: writing rows back into x would be wrong for autograd,
        # and is no faster without it.
        messenger, local = x[:, :1], x[:, 1:]  # [B * R, 1, C], [B * R, S, C]
        if self.has_second:
            messenger = self._global(messenger)
        if self.third == "cross":
            local = self._local_global(local, messenger)
        x = torch.cat((messenger, local), dim=1)
        if self.third == "self":
            x = x + self.drop_path(self.third_attn(self.third_attn_norm0(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _local(self, x: Tensor) -> Tensor:
        """Step 1, within each region."""
        if self.first == "self":
            return x + self.drop_path(self.first_attn(self.first_attn_norm0(x)))
        messenger, local = x[:, :1], x[:, 1:]
        read = self.first_attn(self.first_attn_norm0(messenger), self.first_attn_norm1(local))
        return torch.cat((messenger + self.drop_path(read), local), dim=1)

    def _global(self, messenger: Tensor) -> Tensor:
        """Step 2, the messengers of a clip with each other."""
        m = self._by_clip(messenger)  # [B, R, C]
        m = m + self.drop_path(self.second_attn(self.second_attn_norm0(m)))
        return m.view_as(messenger)

    def _local_global(self, local: Tensor, messenger: Tensor) -> Tensor:
        """Step 3, all locals of a clip ask all of its messengers."""
        x, m = self._by_clip(local), self._by_clip(messenger)  # [B, R * S, C], [B, R, C]
        told = self.third_attn(self.third_attn_norm0(x), self.third_attn_norm1(m))
        return (x + self.drop_path(told)).view_as(local)

    def _by_clip(self, x: Tensor) -> Tensor:
        """[B * R, L, C] -> [B, R * L, C]."""
        return x.reshape(-1, self.num_regions * x.shape[1], x.shape[2])


class LgiFormer(nn.Module):
    """The encoder's body: tubelets, position code, regions, messengers and blocks.

    What a subclass adds after the blocks decides whether it classifies or reconstructs.
    """

    def __init__(self, config: LgiFormerConfig) -> None:
        super().__init__()
        self.config = config
        dim = config.embed_dim
        self.lg_region_tokens = nn.Parameter(torch.zeros(config.num_regions, dim))
        self.patch_embed = TubeletEmbed(dim, config.patch_size, config.tubelet_size)
        self.pos_drop = nn.Dropout(config.drop_rate)
        rates = [config.drop_path_rate * i / max(1, config.depth - 1) for i in range(config.depth)]
        self.blocks = nn.ModuleList(LgiBlock(config, rate) for rate in rates)
        table = sinusoid_table(config.num_tokens, dim)
        self.register_buffer("pos_embed", table, persistent=False)

    def embed(self, clip: Tensor) -> Tensor:
        """Clip [B, 3, T, H, W] -> tokens with their position code [B, N, C], in raster order."""
        return self.pos_drop(self.patch_embed(clip) + self.pos_embed)

    def interact(self, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Regions of locals [B * R, S, C] -> (messengers [B, R, C], locals [B * R, S, C]).

        Messengers get no position code; they start as the learned tokens.
        """
        clips = regions.shape[0] // self.config.num_regions
        messengers = self.lg_region_tokens.repeat(clips, 1)
        x = torch.cat((messengers[:, None], regions), dim=1)
        for block in self.blocks:
            if self.config.grad_checkpointing and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return x[:, 0].unflatten(0, (clips, -1)), x[:, 1:]


@dataclass(frozen=True)
class MaeDferConfig(LgiFormerConfig):
    """An LGI-Former that classifies.

    `classify_tokens` says whose mean is classified: 'region', the messengers, as in the paper;
    'org', the locals; or 'all', both.
    """

    num_classes: int = 7
    classify_tokens: str = "region"
    head_init_scale: float = 0.001

    def __post_init__(self) -> None:
        super().__post_init__()
        _one_of("classify_tokens", self.classify_tokens, ("region", "org", "all"))


class MaeDfer(ClipClassifier, LgiFormer):
    """Clip float[B, 3, T, S, S], ImageNet-normalised -> logits [B, num_classes]."""

    classifier_name = "head"
    depth_groups: ClassVar = {"stem": r"^patch_embed\.", "blocks": r"^blocks\.(\d+)"}
    config: MaeDferConfig

    def __init__(self, config: MaeDferConfig) -> None:
        super().__init__(config)
        self.num_features = config.embed_dim
        self.classify_tokens = config.classify_tokens
        self.fc_norm = LayerNorm(config.embed_dim)
        self.head = nn.Linear(config.embed_dim, config.num_classes)
        self.apply(init_weights)
        trunc_normal_(self.lg_region_tokens, std=0.02)
        with torch.no_grad():
            self.head.weight.mul_(config.head_init_scale)

    @property
    def embed_dim(self) -> int:
        return self.config.embed_dim

    @property
    def num_frames(self) -> int:
        return self.config.num_frames

    @property
    def img_size(self) -> int:
        return self.config.img_size

    def forward_features(self, clip: Tensor) -> Tensor:
        """The normed mean of the tokens that are classified, [B, C].

        Raises ClipError for a clip of another length or size.
        """
        check_clip(clip, self, frames=self.num_frames, size=self.img_size)
        messengers, local = self.interact(self._partition(self.embed(clip)))
        if self.classify_tokens == "region":
            tokens = messengers
        else:
            tokens = local.unflatten(0, (len(clip), -1)).flatten(1, 2)
            if self.classify_tokens == "all":
                tokens = torch.cat((messengers, tokens), dim=1)
        return self.fc_norm(tokens.mean(1))

    def new_classifier(self, num_classes: int) -> nn.Linear:
        return scaled_classifier(self.num_features, num_classes, self.config.head_init_scale)

    def _partition(self, x: Tensor) -> Tensor:
        """[B, N, C] in raster order -> [B * R, S, C]; regions, and the locals in one, in raster
        order (time, height, width) too."""
        (nt, nh, nw), (t, h, w) = self.config.region_grid, self.config.region_size
        x = x.view(len(x), nt, t, nh, h, nw, w, -1).permute(0, 1, 3, 5, 2, 4, 6, 7)
        return x.reshape(-1, t * h * w, self.config.embed_dim)


@register
def mae_dfer(
    *,
    num_classes: int = 7,
    img_size: int = 160,
    num_frames: int = 16,
    patch_size: int = 16,
    tubelet_size: int = 2,
    embed_dim: int = 512,
    depth: int = 16,
    num_heads: int = 8,
    mlp_ratio: float = 4.0,
    region_size: tuple[int, int, int] = (2, 5, 10),
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.1,
    first: str = "self",
    third: str = "cross",
    share: str = "none",
    no_second: bool = False,
    no_third: bool = False,
    classify_tokens: str = "region",
    head_init_scale: float = 0.001,
    grad_checkpointing: bool = False,
) -> MaeDfer:
    """The network that the paper fine-tunes: 84.9 M parameters, 49.8 G multiply-adds a clip."""
    return MaeDfer(MaeDferConfig(**locals()))
