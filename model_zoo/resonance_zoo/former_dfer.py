"""Former-DFER: a ResNet-18 with a transformer in its third stage reads each frame, a transformer
reads the sequence (Zhao and Liu 2021, "Former-DFER: Dynamic Facial Expression Recognition
Transformer").
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import ClipClassifier
from resonance_zoo.registry import register

WIDTHS = (64, 128, 256, 512)
HEADS = 8


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut: [N, C_in, H, W] -> [N, C_out, H/s, W/s]."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def residual(self, x: Tensor) -> Tensor:
        """What the block adds to its shortcut."""
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual(x) + self.downsample(x))


class Attention(nn.Module):
    """Self-attention over tokens [N, L, dim]; queries, keys and values have no bias."""

    def __init__(self, dim: int, num_heads: int, head_dim: int, drop_rate: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.to_qkv = nn.Linear(dim, 3 * num_heads * head_dim, bias=False)
        self.to_out = nn.Sequential(nn.Linear(num_heads * head_dim, dim), nn.Dropout(drop_rate))

    def forward(self, x: Tensor) -> Tensor:
        parts = self.to_qkv(x).chunk(3, dim=-1)
        query, key, value = (p.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for p in parts)
        out = F.scaled_dot_product_attention(query, key, value)
        return self.to_out(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers around the tanh approximation of GELU, which the authors wrote out.

    The authors of IAL left the last dropout out; their network drops nothing in any case.
    """

    def __init__(self, dim: int, hidden: int, drop_rate: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(dim, hidden),
            nn.GELU(approximate="tanh"),
            nn.Dropout(drop_rate),
            nn.Linear(hidden, dim),
            nn.Dropout(drop_rate),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class PreNorm(nn.Module):
    """Layer norm (eps 1e-5) before `fn`."""

    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-5)
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class Residual(nn.Module):
    """`fn` of the tokens added to the tokens."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(x) + x


class Transformer(nn.Module):
    """Pre-norm blocks over tokens [N, L, dim], without a norm at the end."""

    def __init__(
        self,
        dim: int,
        *,
        depth: int,
        num_heads: int,
        head_dim: int,
        hidden: int,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(depth):
            attention = Attention(dim, num_heads, head_dim, drop_rate)
            feed_forward = FeedForward(dim, hidden, drop_rate)
            parts = (Residual(PreNorm(dim, part)) for part in (attention, feed_forward))
            self.layers.append(nn.Sequential(*parts))

    def forward(self, tokens: Tensor) -> Tensor:
        for block in self.layers:
            tokens = block(tokens)
        return tokens


class SFormer(nn.Module):
    """Frames [N, 3, H, W] -> one 512-vector each; 7x7 places of stage 3 attend to each other."""

    def __init__(self, img_size: int, drop_rate: float) -> None:
        super().__init__()
        places = halved(img_size, 4) ** 2
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], 1)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], 2)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], 2)
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], 2)
        dim = WIDTHS[2]
        self.pos_embedding = nn.Parameter(torch.randn(1, places, dim))
        self.spatial_transformer = Transformer(
            dim, depth=1, num_heads=HEADS, head_dim=32, hidden=2 * dim, drop_rate=drop_rate
        )

    def forward(self, frames: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(frames))))
        x = self.layer3(self.layer2(self.layer1(x)))
        tokens = x.flatten(2).transpose(1, 2) + self.pos_embedding  # row by row
        tokens = self.spatial_transformer(tokens)
        x = self.layer4(tokens.transpose(1, 2).reshape(x.shape))
        return x.mean((2, 3))


class TFormer(nn.Module):
    """Frame vectors [B, T, 512] -> the class token after three blocks, [B, 512]."""

    def __init__(self, num_frames: int, drop_rate: float) -> None:
        super().__init__()
        dim = WIDTHS[3]
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim))
        self.pos_embedding = nn.Parameter(torch.randn(1, num_frames + 1, dim))
        # It attends over time; the name is the one that the authors' files have.
        self.spatial_transformer = Transformer(
            dim, depth=3, num_heads=HEADS, head_dim=64, hidden=2 * dim, drop_rate=drop_rate
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat((self.cls_token.expand(len(x), -1, -1), x), dim=1)
        return self.spatial_transformer(tokens + self.pos_embedding)[:, 0]


class FormerDfer(ClipClassifier):
    """Clip float32[B, 3, 16, 112, 112], RGB in 0..1 without mean and deviation taken out ->
    logits float32[B, num_classes].

    Raises ClipError for a clip of another length or size.
    """

    classifier_name = "fc"
    num_features = WIDTHS[3]
    depth_groups: ClassVar = {
        "stem": r"^s_former\.(?:conv1|bn1)\.",
        "blocks": r"^s_former\.layer([123])\.",
        "places": r"^s_former\.(?:pos_embedding|spatial_transformer)",
        "last_block": r"^s_former\.layer4\.",
        "time": r"^t_former\.(?:cls_token|pos_embedding)",
        "time_blocks": r"^t_former\.spatial_transformer\.layers\.(\d)",
    }

    def __init__(
        self,
        num_classes: int = 7,
        *,
        img_size: int = 112,
        num_frames: int = 16,
        drop_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.img_size, self.num_frames = img_size, num_frames
        self.s_former = SFormer(img_size, drop_rate)
        self.t_former = TFormer(num_frames, drop_rate)
        self.fc = nn.Linear(WIDTHS[3], num_classes)
        initialise_convolutions(self)

    def forward_features(self, clip: Tensor) -> Tensor:
        """The class token before the classifier, float32[B, 512]."""
        check_clip(clip, self, frames=self.num_frames, size=self.img_size)
        vectors = self.s_former(clip.transpose(1, 2).flatten(0, 1))
        return self.t_former(vectors.unflatten(0, (-1, self.num_frames)))


def halved(size: int, times: int) -> int:
    """Side of a map after that many layers of stride 2 that keep the border."""
    for _ in range(times):
        size = (size + 1) // 2
    return size


def initialise_convolutions(network: nn.Module) -> None:
    """He-normal by fan-out, the initialisation of the ResNet that these networks grow from."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs))


@register
def former_dfer(
    *, num_classes: int = 7, img_size: int = 112, num_frames: int = 16, drop_rate: float = 0.0
) -> FormerDfer:
    """Former-DFER for clips of 16 frames."""
    return FormerDfer(num_classes, img_size=img_size, num_frames=num_frames, drop_rate=drop_rate)
