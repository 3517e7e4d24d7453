"""C3D: eight 3-D convolutions and three wide linear layers (Tran et al. 2015, "Learning
Spatiotemporal Features with 3D Convolutional Networks").

Two public layouts exist, which differ in nothing but batch norms between convolution and ReLU:
the plain one (Sports-1M) and the one with norms that the DFEW authors trained. Both end here in
logits; the plain one's authors append a softmax, which a loss on logits does not want. The paper
names no initialisation; the DFEW authors kept PyTorch's, and so is it here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from resonance_zoo.clip_input import check_clip
from resonance_zoo.layers import ClipClassifier
from resonance_zoo.registry import register

# Name, input and output channels of each convolution, and the pool that follows it.
STAGES = (
    ("1", 3, 64, "pool1"),
    ("2", 64, 128, "pool2"),
    ("3a", 128, 256, None),
    ("3b", 256, 256, "pool3"),
    ("4a", 256, 512, None),
    ("4b", 512, 512, "pool4"),
    ("5a", 512, 512, None),
    ("5b", 512, 512, "pool5"),
)
HIDDEN = 4096


class C3D(ClipClassifier):
    """Clip float32[B, 3, 16, 112, 112], RGB in 0..1 -> logits float32[B, num_classes].

    With `batch_norm=False`, loading a state dict that carries `bn*` entries switches the norms
    on first, so that either public layout loads strictly; a plain state dict does not load into
    a network with norms. Raises ClipError for a clip of another length or size.
    """

    classifier_name = "fc8"
    num_features = HIDDEN
    depth_groups: ClassVar = {
        "stem": r"^(?:conv|bn)1\.",
        "blocks": r"^(?:conv|bn)(\d)[ab]?\.",
        "hidden": r"^fc([67])\.",
    }

    def __init__(
        self,
        num_classes: int = 7,
        *,
        batch_norm: bool = False,
        drop_rate: float = 0.5,
        img_size: int = 112,
        num_frames: int = 16,
    ) -> None:
        super().__init__()
        self.img_size, self.num_frames = img_size, num_frames
        for name, inputs, outputs, _ in STAGES:
            self.add_module(f"conv{name}", nn.Conv3d(inputs, outputs, 3, padding=1))
            self.add_module(f"bn{name}", nn.Identity())
        self.pool1 = nn.MaxPool3d((1, 2, 2))
        self.pool2, self.pool3, self.pool4 = (nn.MaxPool3d(2) for _ in range(3))
        self.pool5 = nn.MaxPool3d(2, padding=(0, 1, 1))  # 7x7 pixels become 4x4, not 3x3
        self.fc6 = nn.Linear(_flat_features(num_frames, img_size), HIDDEN)
        self.fc7 = nn.Linear(HIDDEN, HIDDEN)
        self.fc8 = nn.Linear(HIDDEN, num_classes)
        self.dropout = nn.Dropout(drop_rate)
        if batch_norm:
            self.switch_norms_on()
        self.register_load_state_dict_pre_hook(_follow_layout)

    @property
    def batch_norm(self) -> bool:
        """Whether a batch norm follows each convolution."""
        return isinstance(self.get_submodule("bn1"), nn.BatchNorm3d)

    def switch_norms_on(self) -> None:
        """Put a fresh batch norm after each convolution that has none, on its device and dtype."""
        for name, _, channels, _ in STAGES:
            if isinstance(self.get_submodule(f"bn{name}"), nn.Identity):
                weight = self.get_parameter(f"conv{name}.weight")
                norm = nn.BatchNorm3d(channels, device=weight.device, dtype=weight.dtype)
                setattr(self, f"bn{name}", norm.train(self.training))

    def forward_maps(self, clip: Tensor) -> Tensor:
        """The map after the last pool, float32[B, 512, T', H', W'] (1, 4, 4 at full size)."""
        x = clip
        for name, _, _, pool in STAGES:
            x = self.get_submodule(f"conv{name}")(x)
            x = F.relu(self.get_submodule(f"bn{name}")(x))
            if pool is not None:
                x = self.get_submodule(pool)(x)
        return x

    def forward_features(self, clip: Tensor) -> Tensor:
        """The 4096-vector before the classifier (after fc7, ReLU and dropout)."""
        check_clip(clip, self, frames=self.num_frames, size=self.img_size)
        x = self.forward_maps(clip).flatten(1)
        x = self.dropout(F.relu(self.fc6(x)))
        return self.dropout(F.relu(self.fc7(x)))


def _flat_features(frames: int, size: int) -> int:
    """Length of the flattened map after pool5: four halvings in time, five in space."""
    time, side = frames // 16, size // 16 // 2 + 1  # pool5 alone halves upwards, by its padding
    if time < 1 or size < 16:
        raise ValueError("C3D needs at least 16 frames of 16x16 pixels")
    return 512 * time * side * side


def _follow_layout(network: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    if isinstance(network, C3D) and any(key.startswith(f"{prefix}bn") for key in state):
        network.switch_norms_on()


@register
def c3d(
    *,
    num_classes: int = 7,
    batch_norm: bool = False,
    drop_rate: float = 0.5,
    img_size: int = 112,
    num_frames: int = 16,
) -> C3D:
    """C3D for clips of 16 frames; `num_classes=487` fits the public Sports-1M file."""
    return C3D(
        num_classes,
        batch_norm=batch_norm,
        drop_rate=drop_rate,
        img_size=img_size,
        num_frames=num_frames,
    )
