"""The report's own networks: MAE-DFER and MMNet on one clip, fused before the classifier.

MAE-DFER reads the clip as it is (*macro*); MMNet's Continuous Attention reads how its mean picture
differs from its first one (*micro*). The two vectors are added or joined. State-dict names are
those of the authors' release: MAE-DFER's own at the top, `conv_act`, `cablock` and `fc1` beside
them, and `vit_pos` with Position Calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from resonance_zoo.mae_dfer import MaeDfer, MaeDferConfig
from resonance_zoo.mmnet import (
    STAGE_WIDTHS,
    ContinuousAttention,
    PositionCalibration,
    map_side,
    stem,
)
from resonance_zoo.registry import register

MICRO_WIDTH = STAGE_WIDTHS[-1]
# `cablock.fc` comes with the module that the authors took over from MMNet (frames of 224 pixels,
# seven classes). It is never called, but their files hold it, so it stays whatever the overrides.
UNUSED_FC_CLASSES, UNUSED_FC_SIDE = 7, 14


@dataclass(frozen=True)
class FusedConfig(MaeDferConfig):
    """MAE-DFER's settings, and how the second view of the clip joins in."""

    fusion: str = "add"  # or "concat"
    position_calibration: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fusion not in ("add", "concat"):
            raise ValueError(f"fusion must be 'add' or 'concat', not {self.fusion!r}")


class MaeDferMMNet(MaeDfer):
    """Clip float32[B, 3, 16, 160, 160], ImageNet-normalised -> logits [B, num_classes].

    Raises ClipError for a clip of another length or size. The micro branch starts from PyTorch's
    own initialisation where MMNet states none; the authors do not say what `fc1` starts from.
    """

    def __init__(self, config: FusedConfig) -> None:
        super().__init__(config)
        self.fusion = config.fusion
        side = map_side(config.img_size)
        self.cablock = ContinuousAttention(UNUSED_FC_CLASSES, UNUSED_FC_SIDE)
        self.conv_act = stem()
        self.fc1 = nn.Linear(MICRO_WIDTH * side**2, config.embed_dim)
        self.vit_pos = None
        if config.position_calibration:
            self.vit_pos = PositionCalibration(side, dim=MICRO_WIDTH, mlp_ratio=2.0)
        if config.fusion == "concat":
            self.num_features = 2 * config.embed_dim
            self.head = self.new_classifier(config.num_classes)

    def forward_features(self, clip: Tensor) -> Tensor:
        """What the head classifies: [B, embed_dim], or twice as wide (macro first) for concat."""
        macro, micro = self.forward_parts(clip)
        return macro + micro if self.fusion == "add" else torch.cat((macro, micro), dim=1)

    def forward_parts(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """(macro, micro), [B, embed_dim] each: MAE-DFER's normed vector, and MMNet's, >= 0."""
        macro = super().forward_features(clip)
        return macro, self._micro(clip)

    def _micro(self, clip: Tensor) -> Tensor:
        micro = self.cablock(self.conv_act(mean_minus_onset(clip)))
        if self.vit_pos is not None:
            micro = micro + self.vit_pos(clip[:, :, 0])
        return torch.relu(self.fc1(micro.flatten(1)))


def mean_minus_onset(clip: Tensor) -> Tensor:
    """The mean of all frames of [B, 3, T, H, W], the first included, minus the first frame."""
    return clip.mean(2) - clip[:, :, 0]


# `wraps` lends each entry point the settings of MAE-DFER as its signature.


@register
@wraps(MaeDferConfig, assigned=(), updated=())
def mae_dfer_mmnet_add(**overrides: Any) -> MaeDferMMNet:
    """Macro + micro: 114.3 M parameters, 52.8 G multiply-adds a clip; the report's main one."""
    return MaeDferMMNet(FusedConfig(**overrides))


@register
@wraps(MaeDferConfig, assigned=(), updated=())
def mae_dfer_mmnet_concat(**overrides: Any) -> MaeDferMMNet:
    """Macro and micro joined: 3,584 parameters more, all of them in the head."""
    return MaeDferMMNet(FusedConfig(**overrides, fusion="concat"))


@register
@wraps(MaeDferConfig, assigned=(), updated=())
def mae_dfer_mmnet_add_pc(**overrides: Any) -> MaeDferMMNet:
    """Macro + micro with Position Calibration from the onset: 118.6 M parameters, 53.2 G."""
    return MaeDferMMNet(FusedConfig(**overrides, position_calibration=True))
