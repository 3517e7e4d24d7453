"""POSTER V2 (Mao et al., arXiv 2301.12149): landmarks and picture of a face meet in windows.

Attribute names are the keys of the official state dict, so that official checkpoints load as
they are. A fifth of its tensors are never used by the official forward either
(`ir_back.output_layer`, `face_landback.output_layer`, and in `VIT`: `patch_embed`, `eca_block`,
`CON1`, `IRLinear1`, `IRLinear2`, `blocks.*.conv`): they are kept, and not run.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from timm.layers.drop import DropPath
from timm.layers.weight_init import trunc_normal_
from torch import Tensor, nn

from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import ClipClassifier, Mlp
from resonance_zoo.poster_v2_backbones import IR50, MobileFaceNet, initialise_convolutions
from resonance_zoo.registry import register

FACE_SIZE = 112  # what both feature extractors read
WINDOWS = (28, 14, 7)
DIMS = (64, 128, 256)
HEADS = (2, 4, 8)
EMBED_DIM = 768
TOKENS = 3 * 49 + 1


class WindowNorm(nn.Module):
    """LayerNorm over channels of a map that is one window: [B, C, w, w] to [B, w * w, C]."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)  # eps 1e-5 here and in the feed-forward, 1e-6 in the ViT

    def forward(self, maps: Tensor) -> Tensor:
        return self.norm(maps.flatten(2).transpose(1, 2))


def relative_position_index(window: int) -> Tensor:
    """Row of the bias table for every pair of places in a window: int64[w * w, w * w]."""
    axis = torch.arange(window)
    places = torch.stack(torch.meshgrid(axis, axis, indexing="ij")).flatten(1)
    offset = places[:, :, None] - places[:, None, :] + window - 1
    return offset[0] * (2 * window - 1) + offset[1]


class CrossAttention(nn.Module):
    """Landmark features ask, picture features answer, inside one window (paper, section 3.1)."""

    relative_position_index: Tensor

    def __init__(self, dim: int, window: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros((2 * window - 1) ** 2, num_heads)
        )
        self.register_buffer("relative_position_index", relative_position_index(window))
        self.qkv = nn.Linear(dim, 2 * dim)  # the official name; it holds keys, then values
        self.proj = nn.Linear(dim, dim)
        trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, tokens: Tensor, landmarks: Tensor) -> Tensor:
        """Picture tokens [B, N, C] and landmark maps [B, C, w, w] to [B, N, C]."""
        batch, count, dim = tokens.shape
        heads = (batch, count, self.num_heads, dim // self.num_heads)
        keys, values = self.qkv(tokens).chunk(2, -1)
        queries = landmarks.flatten(2).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(
            queries.reshape(heads).transpose(1, 2),
            keys.reshape(heads).transpose(1, 2),
            values.reshape(heads).transpose(1, 2),
            attn_mask=self._bias(count),
        )
        return self.proj(mixed.transpose(1, 2).reshape(batch, count, dim))

    def _bias(self, count: int) -> Tensor:
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        return bias.view(1, count, count, self.num_heads).permute(0, 3, 1, 2)


class TwiceDroppedMlp(Mlp):
    """Dropout also between the activation and the second layer."""

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.fc2(self.drop(F.gelu(self.fc1(x)))))


class FeedForward(nn.Module):
    """Adds the attended tokens to the shortcut, then an MLP, both scaled by learned gammas."""

    def __init__(self, dim: int, mlp_ratio: float, drop_rate: float, drop_path: float) -> None:
        super().__init__()
        self.gamma1 = nn.Parameter(torch.full((dim,), 1e-5))
        self.gamma2 = nn.Parameter(torch.full((dim,), 1e-5))
        self.drop_path = DropPath(drop_path)
        self.norm = nn.LayerNorm(dim)
        self.mlp = TwiceDroppedMlp(dim, int(dim * mlp_ratio), drop_rate)

    def forward(self, tokens: Tensor, shortcut: Tensor) -> Tensor:
        tokens = shortcut + self.drop_path(self.gamma1 * tokens)
        return tokens + self.drop_path(self.gamma2 * self.mlp(self.norm(tokens)))


class SelfAttention(nn.Module):
    """Multi-head attention of the ViT: [B, N, C] to [B, N, C]."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, dim = tokens.shape
        split = self.qkv(tokens).view(batch, count, 3, self.num_heads, dim // self.num_heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return self.proj(mixed.transpose(1, 2).reshape(batch, count, dim))


class Block(nn.Module):
    """Pre-norm transformer block."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.conv = nn.Conv1d(TOKENS, TOKENS, 1)  # dead
        self.attn = SelfAttention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Gate(nn.Module):
    """Squeeze-and-excitation of one vector."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dim, dim)
        self.linear2 = nn.Linear(dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        return features * torch.sigmoid(self.linear2(F.relu(self.linear1(features))))


class ClassHead(nn.Module):
    """The classifier, under the official key `linear`."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(EMBED_DIM, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features)


class Projection(nn.Module):
    """A 1x1 convolution to the token width, under the key `proj`."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv2d(DIMS[-1], EMBED_DIM, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.proj(maps)


class ChannelAttention(nn.Module):
    """Official tensors without a use: holds the key `conv`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 5, padding=2, bias=False)


class TokenMixer(nn.Module):
    """The ViT over the tokens of all three scales: [B, 147, 768] to gated features [B, 768]."""

    def __init__(self, num_classes: int, depth: int, num_heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, EMBED_DIM))
        self.pos_embed = nn.Parameter(torch.zeros(1, TOKENS, EMBED_DIM))
        self.blocks = nn.Sequential(*(Block(EMBED_DIM, num_heads, mlp_ratio) for _ in range(depth)))
        self.norm = nn.LayerNorm(EMBED_DIM, eps=1e-6)
        self.se_block = Gate(EMBED_DIM)
        self.head = ClassHead(num_classes)
        self.patch_embed = Projection()  # this and all below: dead
        self.eca_block = ChannelAttention()
        self.CON1 = nn.Conv2d(DIMS[-1], EMBED_DIM, 1, bias=False)
        self.IRLinear1 = nn.Linear(1024, EMBED_DIM)
        self.IRLinear2 = nn.Linear(EMBED_DIM, 512)
        trunc_normal_(self.cls_token, std=0.02)
        trunc_normal_(self.pos_embed, std=0.02)
        initialise_convolutions(self)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1)
        tokens = self.norm(self.blocks(tokens + self.pos_embed))
        return self.se_block(tokens[:, 0])


class PosterV2(ClipClassifier):
    """Reads every frame of float[B, 3, T, 224, 224] (any T from 1) as a picture of its own and
    averages the logits over the frames: [B, num_classes], in the order of classes that the
    weights were trained with.

    `drop_path_rate` is that of the coarsest scale; the middle one has half of it, the finest none.
    Both feature extractors read every second pixel (nearest resampling to 112), as the official
    code does. The landmark branch's parameters are frozen; its batch-norm statistics still drift
    in train mode, also as in the official code: call `face_landback.eval()` to hold them.
    """

    classifier_name = "VIT.head.linear"
    num_features = EMBED_DIM
    depth_groups: ClassVar = {
        "stem": r"^(?:face_landback|ir_back|last_face_conv)\.",
        "scales": r"^(?:conv|window|attn|ffn)(\d)\.",
        "tokens": r"^(?:embed_[qkv]\.|VIT\.(?:cls_token|pos_embed))",
        "blocks": r"^VIT\.blocks\.(\d+)",
    }

    def __init__(
        self,
        *,
        num_classes: int = 7,
        img_size: int = 224,
        depth: int = 2,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.25,
    ) -> None:
        super().__init__()
        self.img_size = img_size
        self.face_landback = MobileFaceNet().requires_grad_(False)
        self.last_face_conv = nn.Conv2d(512, DIMS[-1], 3, padding=1)
        self.ir_back = IR50()
        for scale, (dim, window, heads) in enumerate(zip(DIMS, WINDOWS, HEADS, strict=True), 1):
            drop_path = drop_path_rate * (scale - 1) / 2
            self.add_module(f"conv{scale}", nn.Conv2d(dim, dim, 3, 2, 1))
            self.add_module(f"window{scale}", WindowNorm(dim))
            self.add_module(f"attn{scale}", CrossAttention(dim, window, heads))
            self.add_module(f"ffn{scale}", FeedForward(dim, mlp_ratio, drop_rate, drop_path))
        self.embed_q = nn.Sequential(
            nn.Conv2d(DIMS[0], EMBED_DIM, 3, 2, 1), nn.Conv2d(EMBED_DIM, EMBED_DIM, 3, 2, 1)
        )
        self.embed_k = nn.Sequential(nn.Conv2d(DIMS[1], EMBED_DIM, 3, 2, 1))
        self.embed_v = Projection()
        self.VIT = TokenMixer(num_classes, depth, num_heads, mlp_ratio)

    def forward_features(self, clip: Tensor) -> Tensor:
        """What the linear classifier reads, averaged over the frames: [B, 768]."""
        check_clip(clip, self, frames=None, size=self.img_size)
        batch, _, frames = clip.shape[:3]
        pictures = clip.transpose(1, 2).flatten(0, 1)
        # The classifier is linear: the mean of its inputs gives the mean of the frames' logits.
        return self._picture_features(pictures).view(batch, frames, -1).mean(1)

    def new_classifier(self, num_classes: int) -> nn.Linear:
        fresh = super().new_classifier(num_classes)
        trunc_normal_(fresh.weight, std=0.01)
        nn.init.zeros_(fresh.bias)
        return fresh

    def _picture_features(self, pictures: Tensor) -> Tensor:
        faces = F.interpolate(pictures, size=FACE_SIZE)  # nearest
        fine, middle, coarse = self.face_landback(faces)
        landmarks = (fine, middle, self.last_face_conv(coarse))
        fused = [
            self._fuse(scale, maps, asking)
            for scale, (maps, asking) in enumerate(
                zip(self.ir_back(faces), landmarks, strict=True), 1
            )
        ]
        embedded = (self.embed_q(fused[0]), self.embed_k(fused[1]), self.embed_v(fused[2]))
        return self.VIT(torch.cat([maps.flatten(2).transpose(1, 2) for maps in embedded], 1))

    def _fuse(self, scale: int, maps: Tensor, landmarks: Tensor) -> Tensor:
        """One scale of the two branches to maps [B, C, w, w]; the shortcut is normalised too."""
        shrunk = self.get_submodule(f"conv{scale}")(maps)
        tokens = self.get_submodule(f"window{scale}")(shrunk)
        attended = self.get_submodule(f"attn{scale}")(tokens, landmarks)
        fused = self.get_submodule(f"ffn{scale}")(attended, tokens)
        return fused.transpose(1, 2).reshape(shrunk.shape)


@register
def poster_v2(
    *,
    num_classes: int = 7,
    img_size: int = 224,
    depth: int = 2,
    num_heads: int = 8,
    mlp_ratio: float = 4.0,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.25,
) -> PosterV2:
    """58.3 M parameters; 8.6 GMACs for each frame of 224x224 pixels."""
    return PosterV2(
        num_classes=num_classes,
        img_size=img_size,
        depth=depth,
        num_heads=num_heads,
        mlp_ratio=mlp_ratio,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
    )
