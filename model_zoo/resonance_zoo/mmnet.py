"""MMNet: micro-expressions read from the difference of two frames of one face.

Li et al. 2022, "MMNet: Muscle motion-guided network for micro-expression recognition" (IJCAI).
Two parts are used by the fused networks as well: Continuous Attention (`ContinuousAttention`),
which looks at the difference, and Position Calibration (`PositionCalibration`), which tells it
where on the face things are. State-dict names are the authors', tensors that their network owns
but never reads included, so that their checkpoints load strictly.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from timm.layers.drop import DropPath
from timm.layers.weight_init import trunc_normal_
from torch import Tensor, nn

from resonance_zoo.clip_input import ClipError, check_clip
from resonance_zoo.layers import ClipClassifier, Mlp
from resonance_zoo.registry import register

STEM_WIDTH = 180
STAGE_WIDTHS = (128, 128, 256, 512)
LN_EPS = 1e-6
CASME_CLASSES = 5  # of the data set that MMNet was made for
REDUCTION = 16  # the stem and three stages halve the side, rounding up


def map_side(img_size: int) -> int:
    """Side of the last feature map for frames of `img_size` pixels: 14 for 224, 10 for 160."""
    return -(-img_size // REDUCTION)


def stem() -> nn.Sequential:
    """`conv_act` of the authors: [B, 3, H, W] -> [B, 180, H/2, W/2]."""
    conv = nn.Conv2d(3, STEM_WIDTH, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(STEM_WIDTH), nn.ReLU())


class CABlock(nn.Module):
    """A residual block whose output passes a gate that earlier stages have narrowed already.

    The gate of a pixel is a sigmoid of its channels' mean and maximum, times the gate of the
    stage before (pooled to this size): a place that one stage shuts stays shut.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.attn = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.BatchNorm2d(1))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor, earlier_gate: Tensor | None) -> tuple[Tensor, Tensor]:
        """[B, C, H, W] and the gate [B, 1, H, W] of the stage before -> (gated map, own gate)."""
        identity = x if self.downsample is None else self.downsample(x)
        out = torch.relu(self.bn1(self.conv1(x)))
        out = torch.relu(self.bn2(self.conv2(out)) + identity)
        summary = torch.cat([out.mean(1, keepdim=True), out.amax(1, keepdim=True)], dim=1)
        gate = torch.sigmoid(self.attn(summary))
        if earlier_gate is not None:
            gate = gate * F.max_pool2d(earlier_gate, 3, stride=2, padding=1)
        return out * gate, gate


class ContinuousAttention(nn.Module):
    """Four gated stages on what the stem saw: [B, 180, H, W] -> [B, 512, H/8, W/8].

    `fc` classifies a flattened map of `fc_side`; `forward` leaves it to the owner, because the
    fused networks carry the tensor and never call it. Convolutions start from Kaiming's normal
    distribution over the outgoing connections, as the authors' do.
    """

    def __init__(self, num_classes: int, fc_side: int) -> None:
        super().__init__()
        first, second, third, last = STAGE_WIDTHS
        self.conv1 = nn.Conv2d(STEM_WIDTH, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        # each stage is a sequence of one block, which keeps the authors' "layer1.0." names
        self.layer1 = nn.Sequential(CABlock(first, first, 1))
        self.layer2 = nn.Sequential(CABlock(first, second, 2))
        self.layer3 = nn.Sequential(CABlock(second, third, 2))
        self.layer4 = nn.Sequential(CABlock(third, last, 2))
        self.fc = nn.Linear(last * fc_side**2, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_gates(x)[0]

    def forward_gates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last map and the four gates [B, 1, side, side], values 0..1, stage 1 first."""
        x = torch.relu(self.bn1(self.conv1(x)))
        gates: list[Tensor] = []
        gate = None
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x, gate = stage[0](x, gate)
            gates.append(gate)
        return x, gates


class Attention(nn.Module):
    """Softmax self-attention with one biased projection to queries, keys and values."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.num_heads, dim // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, dim))


class Block(nn.Module):
    """A pre-norm transformer block: [B, N, dim] -> the same."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=LN_EPS)
        self.attn = Attention(dim, num_heads)
        self.norm2 = nn.LayerNorm(dim, eps=LN_EPS)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    """One token a pixel: [B, 3, H, W] -> [B, H*W, dim], rows first."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class PositionCalibration(nn.Module):
    """A small ViT over the onset frame, shrunk to one pixel a token.

    The authors' `VisionTransformer_POS`: `grid` 14 and `mlp_ratio` 4 in MMNet, 10 and 2 in the
    fused network. `cls_token`, `head` and `to_Mask` are theirs and never read.
    """

    def __init__(
        self,
        grid: int = 14,
        *,
        dim: int = 512,
        depth: int = 2,
        num_heads: int = 4,
        mlp_ratio: float = 4.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid**2, dim))
        self.patch_embed = PatchEmbed(dim)
        steps = max(depth - 1, 1)
        self.blocks = nn.Sequential(
            *(Block(dim, num_heads, mlp_ratio, drop_path_rate * i / steps) for i in range(depth))
        )
        self.norm = nn.LayerNorm(dim, eps=LN_EPS)
        self.head = nn.Linear(dim, CASME_CLASSES)
        self.to_Mask = nn.Sequential(nn.Linear(dim, 1))
        self._initialise()

    def _initialise(self) -> None:
        trunc_normal_(self.pos_embed, std=0.02)
        trunc_normal_(self.cls_token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, frame: Tensor) -> Tensor:
        """[B, 3, H, W] of any size -> [B, dim, grid, grid]."""
        return self.tokens(frame).transpose(1, 2).unflatten(2, (self.grid, self.grid))

    def tokens(self, frame: Tensor) -> Tensor:
        """[B, 3, H, W] of any size -> [B, grid*grid, dim], rows first.

        The frame is shrunk bilinearly *without* antialiasing, as torchvision did to tensors when
        the networks were trained; with it the tokens differ a lot.
        """
        side = (self.grid, self.grid)
        small = F.interpolate(frame, size=side, mode="bilinear", align_corners=False)
        return self.norm(self.blocks(self.patch_embed(small) + self.pos_embed))


class MMNet(ClipClassifier):
    """Clip float32[B, 3, T, S, S], T >= 2, ImageNet-normalised -> logits [B, num_classes].

    The authors' network reads two annotated frames: the onset of the expression and its apex
    (`forward_frames`). A live clip has no annotation, so `forward` makes a choice of ours: the
    onset is the first frame, the apex the frame that differs most from it.
    Raises ClipError for another frame size, or fewer than two frames.
    """

    classifier_name = "main_branch.fc"
    depth_groups: ClassVar = {
        "stem": r"^(?:conv_act|main_branch\.(?:conv1|bn1))\.",
        "blocks": r"^main_branch\.layer(\d)\.",
    }

    def __init__(
        self,
        *,
        num_classes: int = 7,
        img_size: int = 224,
        depth: int = 2,
        num_heads: int = 4,
        mlp_ratio: float = 4.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        super().__init__()
        self.img_size = img_size
        side = map_side(img_size)
        self.num_features = STAGE_WIDTHS[-1] * side**2
        self.conv_act = stem()
        self.main_branch = ContinuousAttention(num_classes, side)
        self.vit_pos = PositionCalibration(
            side,
            dim=STAGE_WIDTHS[-1],
            depth=depth,
            num_heads=num_heads,
            mlp_ratio=mlp_ratio,
            drop_path_rate=drop_path_rate,
        )
        self._keep_unused_tensors()

    def _keep_unused_tensors(self) -> None:
        """What earlier designs of the authors left in their state dict; nothing reads it."""
        width = STAGE_WIDTHS[-1]
        self.timeembed = nn.Parameter(torch.zeros(1, 4, 111, 111))
        self.pos = nn.Sequential(nn.Conv2d(3, width, 1, bias=False), nn.BatchNorm2d(width))
        self.head = nn.Sequential(nn.Identity(), nn.Linear(112 * 112, 38, bias=False))

    def forward_features(self, clip: Tensor) -> Tensor:
        """What the classifier reads, of the first frame and the one that differs most from it."""
        check_clip(clip, self, frames=None, size=self.img_size)
        if clip.shape[2] < 2:
            raise ClipError("MMNet compares two moments: it reads two or more frames, not 1")
        return self.forward_motion(clip[:, :, 0], apex_frame(clip))

    def forward_frames(self, onset: Tensor, apex: Tensor) -> Tensor:
        """The authors' network: two frames [B, 3, S, S] -> logits [B, num_classes]."""
        return self.forward_head(self.forward_motion(onset, apex))

    def forward_motion(self, onset: Tensor, apex: Tensor) -> Tensor:
        """The flattened, position-calibrated map, [B, 512 * side * side], channels first."""
        motion = self.main_branch(self.conv_act(apex - onset))
        return (motion + self.vit_pos(onset)).flatten(1)


def apex_frame(clip: Tensor) -> Tensor:
    """The frame [B, 3, H, W] of `clip` [B, 3, T, H, W] that differs most from the first.

    The measure is the mean absolute difference over colours and pixels; of equals the earliest.
    """
    difference = (clip - clip[:, :, :1]).abs().mean((1, 3, 4))
    index = difference.argmax(1).view(-1, 1, 1, 1, 1)
    return clip.gather(2, index.expand_as(clip[:, :, :1])).squeeze(2)


@register
def mmnet(
    *,
    num_classes: int = 7,
    img_size: int = 224,
    depth: int = 2,
    num_heads: int = 4,
    mlp_ratio: float = 4.0,
    drop_path_rate: float = 0.0,
) -> MMNet:
    """MMNet as published, with seven classes; `num_classes=5` is the layout for CASME II.

    `depth`, `num_heads`, `mlp_ratio` and `drop_path_rate` belong to Position Calibration.
    """
    return MMNet(
        num_classes=num_classes,
        img_size=img_size,
        depth=depth,
        num_heads=num_heads,
        mlp_ratio=mlp_ratio,
        drop_path_rate=drop_path_rate,
    )
