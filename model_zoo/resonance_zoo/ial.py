"""The IAL network: blocks gated by how strongly each frame expresses, then differences between
frames fused with the frames themselves (Li et al. 2023, "Intensity-Aware Loss for Dynamic Facial
Expression Recognition in the Wild").

Its loss is in `ial_loss`. Some tensors of the authors' files take part in nothing; they are kept
so that a file loads strictly, and marked "unused" below.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resonance_zoo.clip_input import check_clip
from resonance_zoo.former_dfer import BasicBlock, Transformer, halved, initialise_convolutions
from resonance_zoo.layers import ClipClassifier
from resonance_zoo.registry import register

STEM, WIDE = 64, 256  # channels of the first and of the last map
REDUCTION = 16
HEADS, HEAD_DIM = 4, 32


class GcaBlock(BasicBlock):
    """Global convolution-attention: a residual block, gated per channel and frame.

    [B * T, C_in, H, W] -> [B * T, C, H / s, W / s]; `side` is the side of the output map, which
    the depthwise global convolution covers whole.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        stride: int,
        side: int,
        num_frames: int,
        num_classes: int,
    ) -> None:
        super().__init__(inputs, outputs, stride)
        self.num_frames = num_frames
        hidden = outputs // REDUCTION
        self.gc = nn.Sequential(nn.Conv2d(outputs, outputs, side, groups=outputs, bias=False))
        self.fc1 = nn.Sequential(nn.Conv2d(outputs, hidden, 1, bias=False), nn.ReLU())
        self.fc2 = nn.Sequential(nn.Conv2d(hidden, outputs, 1, bias=False))
        self.AUX_fc = nn.Sequential(
            nn.Linear(outputs, 2 * outputs, bias=False),
            nn.Linear(2 * outputs, num_classes, bias=False),
        )
        self.bias1 = nn.Parameter(torch.randn(1, outputs, 1, 1))  # unused
        self.bias2 = nn.Parameter(torch.randn(1, outputs, 1, 1))  # unused
        self.glb = nn.Conv2d(outputs, outputs, 1, bias=False)  # unused

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_all(x)[0]

    def forward_all(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The gated map, and auxiliary logits [B, num_classes] of the clip."""
        residual = self.residual(x)
        summary = self.gc(residual)
        gated = F.relu(residual * self.gate(summary) + self.downsample(x))
        return gated, self.AUX_fc(self._mean_over_frames(summary)[:, 0, :, 0, 0])

    def gate(self, summary: Tensor) -> Tensor:
        """Factors about 1 for [B * T, C, 1, 1]: a frame's own gate, evened out over the clip."""
        gate = 2 * torch.sigmoid(self.fc2(self.fc1(summary)))
        mean = self._mean_over_frames(gate)
        own = gate.unflatten(0, (-1, self.num_frames))
        return torch.sqrt(own * mean + 1e-5).flatten(0, 1)

    def _mean_over_frames(self, x: Tensor) -> Tensor:
        return x.unflatten(0, (-1, self.num_frames)).mean(1, keepdim=True)


class PlainBlock(GcaBlock):
    """The first block: not gated, so everything that it has beyond a BasicBlock is unused."""

    def forward(self, x: Tensor) -> Tensor:
        return BasicBlock.forward(self, x)


class IalOutputs(NamedTuple):
    """What `total_loss` and the authors' plots need, in the order of the authors' code."""

    logits: Tensor  # [B, num_classes]
    feature: Tensor  # [B, 4096], before the classifier
    layer1: Tensor  # [B * T, 64, 28, 28]
    aux2: Tensor  # [B, num_classes], logits out of layer2's gate
    aux3: Tensor  # [B, num_classes], logits out of layer3's gate


class SFormer(nn.Module):
    """Frames [B * T, 3, H, W] -> feature, layer1, aux2 and aux3 as in `IalOutputs`."""

    def __init__(self, num_classes: int, img_size: int, num_frames: int) -> None:
        super().__init__()
        self.num_frames = num_frames
        self.bias = nn.Parameter(torch.randn(1, STEM, 1, 1))  # unused
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, STEM, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(),
            nn.Conv2d(STEM, STEM, 3, padding=1, bias=False),
        )
        self.bn1 = nn.BatchNorm2d(STEM)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        side = halved(img_size, 2)
        same: dict[str, int] = {"num_frames": num_frames, "num_classes": num_classes}
        first = PlainBlock(STEM, STEM, stride=1, side=side, **same)
        second = GcaBlock(STEM, 128, stride=2, side=halved(side, 1), **same)
        third = GcaBlock(128, WIDE, stride=2, side=halved(side, 2), **same)
        self.layer1, self.layer2, self.layer3 = map(nn.Sequential, (first, second, third))
        self._add_fusion(halved(side, 3))

    def _add_fusion(self, side: int) -> None:
        places, width = side**2, WIDE * side**2
        self.layer4 = nn.Sequential(
            BasicBlock(WIDE, WIDE, 2), BasicBlock(WIDE, WIDE), BasicBlock(WIDE, WIDE)
        )
        self.patch_embedding = nn.Sequential(
            nn.Conv2d(WIDE, WIDE, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(WIDE),
            nn.ReLU(),
        )
        self.pos_embedding_pos = nn.Parameter(torch.randn(1, places, WIDE))
        self.pos_embedding = nn.Parameter(torch.randn(1, self.num_frames, width))
        heads = {"depth": 2, "num_heads": HEADS, "head_dim": HEAD_DIM}
        self.pos_transformer = Transformer(WIDE, hidden=256, **heads)
        self.temporal_transformer = Transformer(width, hidden=512, **heads)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = self.maxpool(F.relu(self.bn1(self.conv1(frames))))
        layer1 = self.layer1(x)
        x, aux2 = cast(GcaBlock, self.layer2[0]).forward_all(layer1)
        x, aux3 = cast(GcaBlock, self.layer3[0]).forward_all(x)
        return self.fuse(x), layer1, aux2, aux3

    def fuse(self, x: Tensor) -> Tensor:
        """Maps of layer3 [B * T, 256, 7, 7] -> one vector a clip, the mean over T - 1 steps.

        Each step is the change towards the next frame, plus the frame it starts from as its
        places see each other.
        """
        maps = x.unflatten(0, (-1, self.num_frames))
        earlier, later = maps[:, :-1], maps[:, 1:]
        dynamic = self.layer4((later - earlier).flatten(0, 1))
        static = self.patch_embedding(earlier.flatten(0, 1)).flatten(2).transpose(1, 2)
        static = self.pos_transformer(static + self.pos_embedding_pos).transpose(1, 2)
        steps = (dynamic.flatten(2) + static).flatten(1).unflatten(0, (-1, self.num_frames - 1))
        steps = steps + self.pos_embedding[:, :-1]  # the last position is unused
        return self.temporal_transformer(steps).mean(1)


class Ial(ClipClassifier):
    """Clip float32[B, 3, 16, 112, 112], RGB in 0..1 without mean and deviation taken out ->
    logits float32[B, num_classes]; `forward_all` gives what training needs besides.

    Raises ClipError for a clip of another length or size.
    """

    classifier_name = "fc_f"
    depth_groups: ClassVar = {
        "stem": r"^s_former\.(?:bias$|conv1|bn1)",
        "blocks": r"^s_former\.layer([123])\.(?!0\.AUX_fc)",
        "steps": r"^s_former\.(?:layer4|patch_embedding|pos_embedding_pos|pos_transformer)",
        "time": r"^s_former\.pos_embedding$",
        "time_blocks": r"^s_former\.temporal_transformer\.layers\.(\d)",
    }

    def __init__(self, num_classes: int = 7, *, img_size: int = 112, num_frames: int = 16) -> None:
        super().__init__()
        if num_frames < 2:
            raise ValueError("differences between frames need at least two of them")
        self.img_size, self.num_frames = img_size, num_frames
        self.s_former = SFormer(num_classes, img_size, num_frames)
        self.num_features = self.s_former.pos_embedding.shape[-1]
        self.fc_f = nn.Linear(self.num_features, num_classes)
        initialise_convolutions(self)

    def forward_all(self, clip: Tensor) -> IalOutputs:
        """Logits, feature, layer1's map and both auxiliary logits of a batch of clips."""
        check_clip(clip, self, frames=self.num_frames, size=self.img_size)
        feature, layer1, aux2, aux3 = self.s_former(clip.transpose(1, 2).flatten(0, 1))
        return IalOutputs(self.fc_f(feature), feature, layer1, aux2, aux3)

    def forward_features(self, clip: Tensor) -> Tensor:
        """The vector before the classifier, float32[B, 4096]."""
        return self.forward_all(clip).feature

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """The auxiliary classifiers get as many classes; with 0 they stay as they are."""
        super().reset_classifier(num_classes, global_pool)
        if num_classes:
            for stage in (self.s_former.layer1, self.s_former.layer2, self.s_former.layer3):
                auxiliary = cast(GcaBlock, stage[0]).AUX_fc
                hidden = cast(nn.Linear, auxiliary[0])
                fresh = nn.Linear(hidden.out_features, num_classes, bias=False)
                auxiliary[1] = fresh.to(hidden.weight.device, hidden.weight.dtype)


@register
def ial(*, num_classes: int = 7, img_size: int = 112, num_frames: int = 16) -> Ial:
    """The IAL network for clips of 16 frames."""
    return Ial(num_classes, img_size=img_size, num_frames=num_frames)
