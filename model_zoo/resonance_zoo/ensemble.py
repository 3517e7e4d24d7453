"""Networks that vote: a weighted mean of the probabilities of several clip networks.

The report's Table 6 mixes the fused network with POSTER-V2, 0.8 : 0.2 and 0.6 : 0.4. How is not
published: here softmax probabilities are mixed, which is our choice. The report's figures (40.82
and 40.83 UAR, 50.50 and 50.32 WAR) cannot be reproduced, because POSTER-V2's answers clip by clip
are not public; both lie below the better member alone, which a mean of probabilities with such a
weight seldom does, so do not expect them from this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resonance_zoo.classes import CLASSES
from resonance_zoo.clip_input import check_clip

WEIGHTINGS = (0.8, 0.6)  # of the fused network, Table 6


@dataclass(frozen=True)
class Member:
    """One voter: what it reads and the order in which it answers."""

    network: nn.Module
    weight: float
    size: int  # pixels, height and width
    frames: int | None = None  # this many, evenly spread over the clip; None: all of them
    classes: tuple[str, ...] = CLASSES


class Ensemble(nn.Module):
    """Clip float32[B, 3, T, S, S] -> log-probabilities [B, 7] in the order of `CLASSES`.

    Logarithms, so that a softmax gives the mixed probabilities back and an ensemble can stand
    wherever a network can. Members must share one normalisation (ImageNet's for the two of the
    report); a member of another size gets the frames resized bilinearly, without antialiasing.
    """

    orders: Tensor

    def __init__(self, members: Sequence[Member]) -> None:
        """Raises ValueError for weights that are no shares of 1, or other classes than ours."""
        super().__init__()
        _check(members)
        self.members = nn.ModuleList(member.network for member in members)
        self._settings = tuple((m.weight, m.size, m.frames) for m in members)
        orders = [[m.classes.index(name) for name in CLASSES] for m in members]
        self.register_buffer("orders", torch.tensor(orders), persistent=False)

    def forward(self, clip: Tensor) -> Tensor:
        """Raises ClipError for frames that are not square, and what the members raise."""
        probabilities = self.probabilities(clip)
        return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()

    def probabilities(self, clip: Tensor) -> Tensor:
        """The mixture [B, 7], each row summing to 1."""
        votes = [w * p for (w, _, _), p in zip(self._settings, self.votes(clip), strict=True)]
        return torch.stack(votes).sum(0)

    def votes(self, clip: Tensor) -> list[Tensor]:
        """Each member's own probabilities [B, 7], unweighted, in the order of `CLASSES`."""
        check_clip(clip, self, frames=None, size=None)
        return [
            network(resized(spread(clip, frames), size)).float().softmax(-1)[:, order]
            for network, (_, size, frames), order in zip(
                self.members, self._settings, self.orders, strict=True
            )
        ]


def fused_with_poster(
    fused: nn.Module,
    poster: nn.Module,
    *,
    fused_weight: float = WEIGHTINGS[0],
    poster_frames: int | None = 3,
    poster_classes: tuple[str, ...] = CLASSES,
) -> Ensemble:
    """The ensemble of Table 6: `fused_weight` to a fused network, the rest to POSTER-V2.

    Clips of 16 frames of 160 pixels; POSTER-V2 sees `poster_frames` of them at 224. Three images
    are what the cost in the report's Table 7 amounts to; None shows it every frame. Weights
    trained on RAF-DB answer in that data set's order, which `poster_classes` then names.
    """
    return Ensemble(
        [
            Member(fused, fused_weight, size=160),
            Member(poster, 1 - fused_weight, 224, poster_frames, poster_classes),
        ]
    )


def spread(clip: Tensor, frames: int | None) -> Tensor:
    """`frames` moments of [B, 3, T, H, W]: the middles of as many equal parts of the clip.

    A clip that is no longer than that is given back whole.
    """
    length = clip.shape[2]
    if frames is None or frames >= length:
        return clip
    moments = [(2 * part + 1) * length // (2 * frames) for part in range(frames)]
    # stacked slices rather than an index tensor, which would be copied to the device every call
    return torch.stack([clip[:, :, moment] for moment in moments], dim=2)


def resized(clip: Tensor, size: int) -> Tensor:
    """[B, 3, T, H, W] -> [B, 3, T, size, size], each frame bilinearly, no antialiasing."""
    if clip.shape[-1] == size:
        return clip
    batch = clip.shape[0]
    images = clip.transpose(1, 2).flatten(0, 1)
    images = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    return images.unflatten(0, (batch, -1)).transpose(1, 2)


def _check(members: Sequence[Member]) -> None:
    weights = [member.weight for member in members]
    if not weights or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
        raise ValueError(f"the weights of an ensemble are shares that sum to 1, not {weights}")
    for member in members:
        if sorted(member.classes) != sorted(CLASSES):
            raise ValueError(f"a member answers {member.classes}, the ensemble needs {CLASSES}")
