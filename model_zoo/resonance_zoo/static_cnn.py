"""The still-image emotion network: a small residual CNN on one grey face crop.

Design: basic residual blocks (He et al. 2015, "Deep Residual Learning", and the average-pooled
shortcut of He et al. 2018, "Bag of Tricks") with squeeze-and-excitation (Hu et al. 2017). Plain
3x3 convolutions are chosen over depthwise ones because they train about three times faster for
the same arithmetic on a CPU, and this network is meant to be trainable on a laptop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from resonance_zoo.classes import CLASSES
from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import ClipClassifier
from resonance_zoo.registry import register


@dataclass(frozen=True)
class StaticCNNConfig:
    """Everything that decides the shape of the network; `size` is the side of its input crop, which
    is enlarged to `inner` inside (0: it is not)."""

    size: int = 48
    inner: int = 0
    stem: tuple[int, int] = (16, 24)
    widths: tuple[int, ...] = (24, 48, 96, 160)
    depths: tuple[int, ...] = (1, 1, 2, 1)
    block: str = "basic"
    se_reduction: int = 8
    dropout: float = 0.1
    num_classes: int = len(CLASSES)


DESIGNS: dict[str, StaticCNNConfig] = {
    "t1": StaticCNNConfig(),
    "t1w": StaticCNNConfig(widths=(24, 64, 128, 224)),
    "t1_64px": StaticCNNConfig(size=64),
    "t2": StaticCNNConfig(
        inner=64, stem=(16, 32), widths=(32, 80, 160, 256), depths=(1, 2, 2, 1), dropout=0.15
    ),
    "teacher": StaticCNNConfig(
        inner=64, stem=(32, 64), widths=(64, 128, 256, 512), depths=(2, 2, 2, 2), dropout=0.2
    ),
    "separable": StaticCNNConfig(
        widths=(32, 64, 128, 192), depths=(1, 2, 3, 2), block="separable", stem=(16, 32)
    ),
}


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Bias-free convolution and its batch norm, ready to be splatted into a Sequential."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


class SqueezeExcite(nn.Module):
    """Reweights channels by what the whole crop shows: [N, C, H, W] -> [N, C, H, W]."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.relu(self.squeeze(x.mean((2, 3))))
        return x * torch.sigmoid(self.excite(gate))[:, :, None, None]


class Residual(nn.Module):
    """Two convolutions (plain or depthwise-separable) around a shortcut.

    [N, C_in, H, W] -> [N, C_out, H / stride, W / stride]. The last batch norm starts at zero, so
    that every block begins as the identity and short trainings start stable.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, config: StaticCNNConfig) -> None:
        super().__init__()
        if config.block == "basic":
            body = [*conv_bn(inputs, outputs, 3, stride), nn.ReLU(), *conv_bn(outputs, outputs, 3)]
        elif config.block == "separable":
            wide = 2 * outputs
            body = [
                *conv_bn(inputs, wide, 1), nn.ReLU(),
                *conv_bn(wide, wide, 3, stride, groups=wide), nn.ReLU(),
                *conv_bn(wide, outputs, 1),
            ]  # fmt: skip
        else:
            raise ValueError(f"block must be 'basic' or 'separable', not {config.block!r}")
        nn.init.zeros_(cast(nn.BatchNorm2d, body[-1]).weight)
        self.body = nn.Sequential(*body, SqueezeExcite(outputs, config.se_reduction))
        shortcut: list[nn.Module] = [nn.AvgPool2d(stride, ceil_mode=True)] if stride > 1 else []
        if inputs != outputs:
            shortcut += conv_bn(inputs, outputs, 1)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.shortcut(x) + self.body(x))


def standardise(faces: Tensor) -> Tensor:
    """Grey 0..255 [N, 1, S, S] -> (x - mean) / (std + 8/255), each face by its own statistics.

    The constant keeps a flat, dark crop from being blown up into noise.
    """
    x = faces / 255
    x = x - x.mean((1, 2, 3), keepdim=True)
    spread = (x * x).mean((1, 2, 3), keepdim=True).sqrt()
    return x / (spread + 8 / 255)


def grey(clip: Tensor) -> Tensor:
    """RGB [B, 3, T, H, W] -> luma [B, 1, T, H, W], ITU-R BT.601, as OpenCV makes it."""
    red, green, blue = clip.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


class StaticCNN(ClipClassifier):
    """Raw grey faces float[N, 1, S, S] in 0..255 -> logits float[N, 7], any S from 16 up.

    A clip of RGB faces float[B, 3, T, S, S] in 0..255 is read frame by frame, in grey; its logits
    are their mean over the frames. Raises ClipError for anything else.
    Global pooling makes the size free: training starts on small crops and ends at `config.size`.
    """

    classifier_name = "head"
    depth_groups: ClassVar = {"stem": r"^features\.[0-5]\.", "blocks": r"^features\.(\d+)"}

    def __init__(self, config: StaticCNNConfig) -> None:
        super().__init__()
        self.config = config
        first, second = config.stem
        layers: list[nn.Module] = [
            *conv_bn(1, first, 3), nn.ReLU(), *conv_bn(first, second, 3, 2), nn.ReLU()
        ]  # fmt: skip
        channels = second
        for stage, (width, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(Residual(channels, width, stride, config))
                channels = width
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout(config.dropout)
        self.num_features = channels
        self.head = nn.Linear(channels, config.num_classes)

    def forward_features(self, clip: Tensor) -> Tensor:
        """The mean of the last map over places and, of a clip, over frames: [B, num_features]."""
        if isinstance(clip, Tensor) and clip.ndim == 4 and clip.shape[1] == 1:
            return self._face_features(clip)
        check_clip(clip, self, frames=None, size=None)
        frames = grey(clip).transpose(1, 2)  # [B, T, 1, S, S]
        # The classifier is linear: the mean of its inputs gives the mean of the frames' logits.
        return self._face_features(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]).mean(1)

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        return super().forward_head(self.dropout(features), pre_logits)

    def _face_features(self, faces: Tensor) -> Tensor:
        return self.features(self._enlarged(standardise(faces))).mean((2, 3))

    def _enlarged(self, faces: Tensor) -> Tensor:
        if not self.config.inner:
            return faces
        scale = self.config.inner / self.config.size
        return nn.functional.interpolate(faces, scale_factor=scale, mode="bilinear")


@register
def static_cnn(design: str = "t1w", **overrides: object) -> StaticCNN:
    """An untrained network; the trained one is the ONNX file that `weights_path` names."""
    if design not in DESIGNS:
        raise ValueError(f"no design {design!r}; there are: {', '.join(DESIGNS)}")
    return StaticCNN(replace(DESIGNS[design], **overrides))
