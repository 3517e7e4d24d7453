"""3-D ResNet-18 of Hara et al. (2018, "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs
and ImageNet?").

It halves time as well as space in the stem's pool and in three of its stages; torchvision's
`r3d_18` is another network (Tran et al. 2018), without a pool and with five times the arithmetic.
"""

from __future__ import annotations

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import ClipClassifier
from resonance_zoo.registry import register

WIDTHS = (64, 128, 256, 512)
BLOCKS_PER_STAGE = 2


class SubsampledIdentity(nn.Module):
    """Shortcut A (He et al. 2015): every stride-th voxel, new channels filled with zeros.

    The authors cut the gradient here by going through `.data`; the answers are the same, and
    their paper names a shortcut, not a cut, so here the gradient flows.
    """

    def __init__(self, new_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels, self.stride = new_channels, stride

    def forward(self, x: Tensor) -> Tensor:
        step = self.stride
        return F.pad(x[:, :, ::step, ::step, ::step], (0, 0, 0, 0, 0, 0, 0, self.new_channels))


class BasicBlock3d(nn.Module):
    """Two 3x3x3 convolutions around a shortcut: [B, C_in, T, H, W] -> [B, C_out, T/s, H/s, W/s]."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm3d(outputs)
        self.conv2 = nn.Conv3d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride == 1 and inputs == outputs:
            return
        if shortcut == "A":
            self.downsample = SubsampledIdentity(outputs - inputs, stride)
        else:
            conv = nn.Conv3d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm3d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.downsample(x))


class R3D18(ClipClassifier):
    """Clip float32[B, 3, 16, 112, 112], RGB -> logits float32[B, num_classes].

    `shortcut` "B" projects (1x1x1 convolution and norm), "A" has no parameters; public files of
    either kind exist and each loads strictly into its own. Raises ValueError for another letter,
    ClipError for a clip of another length or size.
    """

    classifier_name = "fc"
    num_features = WIDTHS[3]
    depth_groups: ClassVar = {"stem": r"^(?:conv1|bn1)\.", "blocks": r"^layer(\d)\.(\d)"}
    stage_groups: ClassVar = {"stem": r"^(?:conv1|bn1)\.", "blocks": r"^layer(\d)"}

    def __init__(
        self,
        num_classes: int = 7,
        *,
        shortcut: str = "B",
        img_size: int = 112,
        num_frames: int = 16,
    ) -> None:
        super().__init__()
        if shortcut not in ("A", "B"):
            raise ValueError(f"shortcut must be 'A' or 'B', not {shortcut!r}")
        self.img_size, self.num_frames = img_size, num_frames
        self.conv1 = nn.Conv3d(3, WIDTHS[0], 7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(WIDTHS[0])
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], 1, shortcut)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], 2, shortcut)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], 2, shortcut)
        self.layer4 = _stage(WIDTHS[2], WIDTHS[3], 2, shortcut)
        self.fc = nn.Linear(WIDTHS[3], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward_features(self, clip: Tensor) -> Tensor:
        """The 512-vector before the classifier: the last map's mean over time and space."""
        check_clip(clip, self, frames=self.num_frames, size=self.img_size)
        x = self.maxpool(F.relu(self.bn1(self.conv1(clip))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return x.mean((2, 3, 4))


def _stage(inputs: int, outputs: int, stride: int, shortcut: str) -> nn.Sequential:
    first = BasicBlock3d(inputs, outputs, stride, shortcut)
    rest = (BasicBlock3d(outputs, outputs, 1, shortcut) for _ in range(BLOCKS_PER_STAGE - 1))
    return nn.Sequential(first, *rest)


@register
def r3d_18(
    *, num_classes: int = 7, shortcut: str = "B", img_size: int = 112, num_frames: int = 16
) -> R3D18:
    """Hara's 3-D ResNet-18 for clips of 16 frames."""
    return R3D18(num_classes, shortcut=shortcut, img_size=img_size, num_frames=num_frames)
