"""MAE-DFER's pre-training: reconstruct how hidden parts of a face look, and how they move.

Sun, Lian, Liu and Tao, "MAE-DFER" (ACM Multimedia 2023, arXiv 2307.02227), the joint masked
appearance and motion modelling. An LGI-Former reads the visible tenth of the tokens; a small
joint-attention decoder guesses the pixels of the rest. Each hidden cube holds two frames: the
first is the target of appearance, what changes from the first to the second the target of motion.
Sizes in comments as in `mae_dfer`; V and M are the numbers of visible and masked tokens,
D = decoder_dim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from timm.layers.weight_init import trunc_normal_
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import Classifier, sinusoid_table
from resonance_zoo.mae_dfer import LayerNorm, LgiFormer, LgiFormerConfig
from resonance_zoo.registry import register
from resonance_zoo.videomae import Block

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class MaeDferPretrainConfig(LgiFormerConfig):
    """An LGI-Former with a decoder of `decoder_depth` joint-attention blocks."""

    drop_path_rate: float = 0.0
    decoder_dim: int = 384
    decoder_depth: int = 4
    decoder_num_heads: int = 6

    @property
    def pixels(self) -> int:
        """Numbers in one token's cube: tubelet_size * patch_size^2 * 3."""
        return self.tubelet_size * self.patch_size**2 * 3


class Encoder(LgiFormer):
    """Clip and the places of its visible tokens -> these, encoded, region by region [B, V, C]."""

    def __init__(self, config: MaeDferPretrainConfig) -> None:
        super().__init__(config)
        self.norm = LayerNorm(config.embed_dim)

    def forward(self, clip: Tensor, visible: Tensor) -> Tensor:
        x = _take(self.embed(clip), visible)
        _, local = self.interact(self._partition(x))  # the messengers have done their work
        return self.norm(local.unflatten(0, (len(clip), -1)).flatten(1, 2))

    def _partition(self, x: Tensor) -> Tensor:
        """[B, V, C] -> regions [B * R, S, C].

        Counts, not places, decide: each time slot's visible tokens are dealt out in raster order,
        equally many to a region. These are the spatial regions where every region is as wide as
        the frame and has equally many visible patches, which `part_window_mask` sees to.
        """
        (nt, nh, nw), slots = self.config.region_grid, self.config.region_size[0]
        x = x.unflatten(1, (nt, slots, nh * nw, -1))  # [B, nt, slots, nh * nw, S / slots, C]
        return x.transpose(2, 3).flatten(3, 4).flatten(0, 2)


class Decoder(nn.Module):
    """All tokens, masked ones last [B, V + M, D] -> the last M, decoded [B, M, D].

    `head` makes a cube of pixels of each.
    """

    def __init__(self, config: MaeDferPretrainConfig) -> None:
        super().__init__()
        dim, heads = config.decoder_dim, config.decoder_num_heads
        self.grad_checkpointing = config.grad_checkpointing
        self.blocks = nn.ModuleList(
            Block(dim, heads, config.mlp_ratio, config.drop_rate)
            for _ in range(config.decoder_depth)
        )
        self.norm = LayerNorm(dim)
        self.head = nn.Linear(dim, config.pixels)

    def forward(self, x: Tensor, masked: int) -> Tensor:
        for block in self.blocks:
            if self.grad_checkpointing and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.norm(x[:, x.shape[1] - masked :])


class MaeDferPretrain(Classifier):
    """Clip float[B, 3, T, S, S], ImageNet-normalised, and mask bool[B, N] (True: hidden) ->
    reconstruction of the hidden tokens in raster order, [B, M, pixels].

    Raises ClipError for another clip, ValueError for a mask of another shape, or one that hides
    unequal numbers or leaves tokens that cannot be dealt out to the regions. What timm calls the
    classifier is the layer that gives the pixels.
    """

    classifier_name = "decoder.head"
    depth_groups: ClassVar = {
        "stem": r"^encoder\.patch_embed\.",
        "blocks": r"^encoder\.blocks\.(\d+)",
        "bridge": r"^(?:encoder\.|encoder_to_decoder\.|mask_token)",
        "decoder_blocks": r"^decoder\.blocks\.(\d+)",
    }
    pos_embed: Tensor

    def __init__(self, config: MaeDferPretrainConfig) -> None:
        super().__init__()
        self.config, self.num_features = config, config.decoder_dim
        self.mask_token = nn.Parameter(torch.zeros(1, 1, config.decoder_dim))
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.encoder_to_decoder = nn.Linear(config.embed_dim, config.decoder_dim, bias=False)
        table = sinusoid_table(config.num_tokens, config.decoder_dim)
        self.register_buffer("pos_embed", table, persistent=False)
        for half in (self.encoder, self.decoder):  # the layer between keeps PyTorch's own
            half.apply(_init_weights)
        for token in (self.mask_token, self.encoder.lg_region_tokens):
            trunc_normal_(token, std=0.02, a=-0.02, b=0.02)

    def forward(self, clip: Tensor, mask: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(clip, mask))

    def forward_features(self, clip: Tensor, mask: Tensor) -> Tensor:
        """The hidden tokens as the decoder sees them: [B, M, D]."""
        check_clip(clip, self, frames=self.config.num_frames, size=self.config.img_size)
        masked = self._count_masked(mask, len(clip))
        order = _visible_first(mask)
        # Visible tokens come region by region, but the position codes added here are in raster
        # order: a token may get another's code. So the authors trained, and so their weights
        # expect it; fine-tuning discards this decoder.
        seen = self.encoder_to_decoder(self.encoder(clip, order[:, : mask.shape[1] - masked]))
        hidden = self.mask_token.expand(len(clip), masked, -1)
        tokens = torch.cat((seen, hidden), dim=1) + self.pos_embed[0, order]
        return self.decoder(tokens, masked)

    def _count_masked(self, mask: Tensor, clips: int) -> int:
        """Tokens hidden in each clip; raises ValueError for a mask that cannot be dealt out."""
        tokens = self.config.num_tokens
        if mask.dtype != torch.bool or mask.shape != (clips, tokens):
            raise ValueError(
                f"a mask is bool[{clips}, {tokens}], not {mask.dtype} {list(mask.shape)}"
            )
        counts = set(mask.sum(1).tolist())
        if len(counts) > 1:
            raise ValueError(f"every clip must hide equally many tokens, not {sorted(counts)}")
        masked = counts.pop()
        shares = self.config.num_regions * self.config.region_size[0]
        if masked == tokens or (tokens - masked) % shares:
            raise ValueError(
                f"{tokens - masked} visible tokens cannot be dealt out to {shares} parts"
            )
        return masked


def _visible_first(mask: Tensor) -> Tensor:
    """int64[B, N]: the places of the visible tokens, then of the hidden, both in raster order."""
    return mask.to(torch.uint8).argsort(dim=1, stable=True)


def _take(x: Tensor, places: Tensor) -> Tensor:
    """[B, N, C] at int64[B, L] -> [B, L, C]."""
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))


def _init_weights(module: nn.Module) -> None:
    """Linear layers: Xavier-uniform, no bias. Norms and convolution: PyTorch's own."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def reconstruction_target(
    clip: Tensor,
    mask: Tensor,
    *,
    patch_size: int = 16,
    normalised: bool = True,
    motion: bool = True,
) -> Tensor:
    """What the hidden cubes hold: [B, M, 2 * patch_size^2 * 3], pixels in raster order of (frame,
    row, column), channel fastest.

    The ImageNet normalisation of the clip float[B, 3, T, S, S] is undone first. `normalised`: each
    channel of a cube is brought to mean 0, deviation 1. `motion`: the second frame is replaced by
    its difference to the first; without, both frames are targets of appearance.
    """
    mean = clip.new_tensor(IMAGENET_MEAN).view(3, 1, 1, 1)
    std = clip.new_tensor(IMAGENET_STD).view(3, 1, 1, 1)
    cubes = _cubes(clip * std + mean, patch_size)
    hidden = _take(cubes.flatten(2), _visible_first(mask)[:, int((~mask[0]).sum()) :])
    x = hidden.unflatten(2, cubes.shape[2:])  # [B, M, 2 * p * p, 3]
    if normalised:
        x = (x - x.mean(2, keepdim=True)) / (x.std(2, keepdim=True) + 1e-6)
    if motion:
        first, second = x.chunk(2, dim=2)
        x = torch.cat((first, second - first), dim=2)
    return x.flatten(2)


def _cubes(clip: Tensor, patch: int) -> Tensor:
    """[B, 3, T, H, W] -> [B, N, 2 * patch^2, 3]: cubes of two frames, their pixels, channels."""
    batch, channels, frames, height, width = clip.shape
    x = clip.view(
        batch, channels, frames // 2, 2, height // patch, patch, width // patch, patch
    )  # [B, c, t, 2, h, p, w, p]
    return x.permute(0, 2, 4, 6, 3, 5, 7, 1).flatten(4, 6).flatten(1, 3)


def joint_loss(output: Tensor, target: Tensor, motion_weight: float = 0.5) -> Tensor:
    """(1 - w) * appearance + w * motion, both mean squared errors.

    `output` and `target` [B, M, pixels] hold appearance in their first half and motion in their
    second. At w = 0.5 this is the plain mean squared error, which is what the authors train with.
    Half precision is summed in float32.
    """
    wide = output.to(torch.promote_types(output.dtype, torch.float32))
    appearance, motion = (wide - target).square().chunk(2, dim=-1)
    return (1 - motion_weight) * appearance.mean() + motion_weight * motion.mean()


@register
def mae_dfer_pretrain(
    *,
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
    drop_path_rate: float = 0.0,
    first: str = "self",
    third: str = "cross",
    share: str = "none",
    no_second: bool = False,
    no_third: bool = False,
    grad_checkpointing: bool = False,
    decoder_dim: int = 384,
    decoder_depth: int = 4,
    decoder_num_heads: int = 6,
) -> MaeDferPretrain:
    """Encoder and decoder as pre-trained on VoxCeleb2: 92.8 M parameters."""
    return MaeDferPretrain(MaeDferPretrainConfig(**locals()))
