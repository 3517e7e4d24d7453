"""The two feature extractors of POSTER V2: MobileFaceNet for landmarks, IR-50 for the picture.

Both read faces of 112x112 pixels and give three maps of falling resolution. Attribute names are
the keys of the official state dict. Output heads that POSTER V2 never uses hold tensors of the
official checkpoint and are not run.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

Maps = tuple[Tensor, Tensor, Tensor]


def initialise_convolutions(network: nn.Module) -> None:
    """Two-dimensional ones start He-normal by fan-out, without bias."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1
) -> OrderedDict[str, nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return OrderedDict(conv=conv, bn=nn.BatchNorm2d(outputs))


def _linear_block(inputs: int, outputs: int, kernel: int, groups: int = 1) -> nn.Sequential:
    """Convolution and batch norm: "linear" because nothing bends its output."""
    return nn.Sequential(_conv_bn(inputs, outputs, kernel, groups=groups))


def _conv_block(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1
) -> nn.Sequential:
    parts = _conv_bn(inputs, outputs, kernel, stride, padding, groups)
    parts["prelu"] = nn.PReLU(outputs)
    return nn.Sequential(parts)


class DepthWise(nn.Module):
    """Inverted bottleneck: widen to `width`, filter each channel alone, narrow to `outputs`."""

    def __init__(self, inputs: int, outputs: int, width: int, stride: int, residual: bool) -> None:
        super().__init__()
        self.conv = _conv_block(inputs, width, 1)
        self.conv_dw = _conv_block(width, width, 3, stride, 1, groups=width)
        self.project = _linear_block(width, outputs, 1)
        self.residual = residual

    def forward(self, maps: Tensor) -> Tensor:
        narrowed = self.project(self.conv_dw(self.conv(maps)))
        return maps + narrowed if self.residual else narrowed


class Residual(nn.Module):
    """`blocks` bottlenecks of unchanged width and resolution."""

    def __init__(self, channels: int, blocks: int, width: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            *(DepthWise(channels, channels, width, 1, True) for _ in range(blocks))
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.model(maps)


class LandmarkHead(nn.Module):
    """68 landmark positions from the last map: official tensors that POSTER V2 has no use for.

    The authors run it and discard the positions, so in train mode its batch norms' statistics
    drift in their files; here it is not run, and they stay as loaded.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_6_dw = _linear_block(512, 512, 7, groups=512)
        self.linear = nn.Linear(512, 136, bias=False)
        self.bn = nn.BatchNorm1d(136)


class MobileFaceNet(nn.Module):
    """Landmark network (Chen et al., CCBR 2018): [B, 3, 112, 112] to maps of 64 channels at 28,
    128 at 14 and 512 at 7 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv_block(3, 64, 3, 2, 1)
        self.conv2_dw = _conv_block(64, 64, 3, 1, 1, groups=64)
        self.conv_23 = DepthWise(64, 64, 128, 2, False)
        self.conv_3 = Residual(64, 4, 128)
        self.conv_34 = DepthWise(64, 128, 256, 2, False)
        self.conv_4 = Residual(128, 6, 256)
        self.conv_45 = DepthWise(128, 128, 512, 2, False)
        self.conv_5 = Residual(128, 2, 256)
        self.conv_6_sep = _conv_block(128, 512, 1)
        self.output_layer = LandmarkHead()  # kept for the checkpoint, never run
        initialise_convolutions(self)

    def forward(self, faces: Tensor) -> Maps:
        fine = self.conv_3(self.conv_23(self.conv2_dw(self.conv1(faces))))
        middle = self.conv_4(self.conv_34(fine))
        coarse = self.conv_6_sep(self.conv_5(self.conv_45(middle)))
        return fine, middle, coarse


class Bottleneck(nn.Module):
    """Unit of the "improved residual" networks: nothing bends the sum with its shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        if inputs == outputs:
            self.shortcut_layer = nn.MaxPool2d(1, stride)
        else:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.res_layer(maps) + self.shortcut_layer(maps)


def _body(inputs: int, outputs: int, units: int) -> nn.Sequential:
    """`units` bottlenecks, the first of which halves the resolution."""
    first = Bottleneck(inputs, outputs, 2)
    return nn.Sequential(first, *(Bottleneck(outputs, outputs, 1) for _ in range(units - 1)))


class IR50(nn.Module):
    """Face recognition network of ArcFace (Deng et al., CVPR 2019), bodies 1 to 3 of four:
    [B, 3, 112, 112] to maps of 64 channels at 56, 128 at 28 and 256 at 14 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.PReLU(64)
        )
        self.body1 = _body(64, 64, 3)
        self.body2 = _body(64, 128, 4)
        self.body3 = _body(128, 256, 14)
        # The face embedding that would follow body 4: kept for the checkpoint, never run.
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(512),
            nn.Dropout(0.4),
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 512),
            nn.BatchNorm1d(512),
        )

    def forward(self, faces: Tensor) -> Maps:
        fine = self.body1(self.input_layer(faces))
        middle = self.body2(fine)
        return fine, middle, self.body3(middle)
