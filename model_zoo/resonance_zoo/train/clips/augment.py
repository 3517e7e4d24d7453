"""Turns the frames of a clip into what the network reads: the authors' pipelines, one a function.

Each takes PIL frames of any size and gives float32[3, T, size, size]. Draws come from the global
generators of `random`, numpy and torch (see `randomness.seeded`) and are the same for all frames of
a clip, except for the noise of erased pixels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL.Image import Image, Resampling, Transpose
from timm.data.auto_augment import rand_augment_transform
from timm.data.random_erasing import RandomErasing
from torch import Tensor
from torch.nn import functional as F
from torchvision import transforms

from resonance_zoo.card_types import ClipInput

Frames = Sequence[Image]
Pipeline = Callable[[Frames, ClipInput], Tensor]

RAND_AUGMENT = "rand-m7-n4-mstd0.5-inc1"
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
ERASE = RandomErasing(0.25, mode="pixel", max_count=1, device="cpu")
IAL_COLOUR = transforms.ColorJitter(brightness=0.6)
IAL_TURN = transforms.RandomRotation(4)
CROP_SCALES = (1.0, 0.875, 0.75, 0.66)


def plain(frames: Frames, look: ClipInput) -> Tensor:
    """Resize without keeping the aspect: what every network sees in tests, C3D also in training."""
    return normalise(_stack(_resize(frames, look.size)), look)


def videomae(frames: Frames, look: ClipInput) -> Tensor:
    """VideoMAE and MAE-DFER: resize, RandAugment, random resized crop, flip, erasing."""
    frames = _same_for_all(_rand_augment(), _resize(frames, look.size))
    clip = _stack(frames)
    top, left, height, width = transforms.RandomResizedCrop.get_params(
        clip[:, 0], list(AREA), list(ASPECT)
    )
    clip = clip[..., top : top + height, left : left + width]
    # The authors normalise before they crop; interpolation is linear, so the order is free.
    clip = F.interpolate(clip, (look.size, look.size), mode="bilinear", align_corners=False)
    if random.random() < 0.5:
        clip = clip.flip(-1)
    return _erase(normalise(clip, look))


def former_dfer(frames: Frames, look: ClipInput) -> Tensor:
    """Former-DFER: random area and aspect (both uniform), flip; values stay as the card says."""
    frames = _flip(_sized_crop(frames, look.size, AREA, ASPECT))
    return normalise(_stack(frames), look)


def ial(frames: Frames, look: ClipInput) -> Tensor:
    """IAL: a gentle crop, flip, brightness and tilt."""
    clip = _stack(_flip(_sized_crop(frames, look.size, (0.85, 1.0), (3 / 5, 5 / 3))))
    return normalise(IAL_TURN(IAL_COLOUR(clip)), look)


def multi_scale_crop(frames: Frames, look: ClipInput) -> Tensor:
    """Pre-training: one of four scales a side, at one of thirteen fixed places; no flip.

    The group crop of Wang et al., "Temporal Segment Networks" (2016), section 3.2: width and
    height are at most one step of the scale list apart.
    """
    width, height = frames[0].size
    sides = [int(min(width, height) * scale) for scale in CROP_SCALES]
    pairs = [(w, h) for i, w in enumerate(sides) for j, h in enumerate(sides) if abs(i - j) <= 1]
    w, h = random.choice(pairs)
    across, down = random.choice(_fixed_places())
    left, top = (width - w) // 4 * across, (height - h) // 4 * down
    box = (left, top, left + w, top + h)
    return normalise(_stack(_resize(frames, look.size, box)), look)


PIPELINES: dict[str, Pipeline] = {
    "none": plain,
    "videomae": videomae,
    "former_dfer": former_dfer,
    "ial": ial,
    "multi_scale_crop": multi_scale_crop,
}


def normalise(clip: Tensor, look: ClipInput) -> Tensor:
    """float32[T, 3, H, W] in 0..1 -> float32[3, T, H, W] with the card's mean and deviation."""
    mean = torch.tensor(look.mean).view(3, 1, 1)
    std = torch.tensor(look.std).view(3, 1, 1)
    return ((clip - mean) / std).transpose(0, 1).contiguous()


def _stack(frames: Frames) -> Tensor:
    pixels = torch.from_numpy(np.stack([np.asarray(frame) for frame in frames]))
    return pixels.permute(0, 3, 1, 2).float() / 255


def _resize(
    frames: Frames, size: int, box: tuple[float, float, float, float] | None = None
) -> list[Image]:
    return [frame.resize((size, size), Resampling.BILINEAR, box) for frame in frames]


@lru_cache
def _rand_augment() -> Callable[[Image], Image]:
    return rand_augment_transform(RAND_AUGMENT, {"interpolation": Resampling.BICUBIC})


def _same_for_all(change: Callable[[Image], Image], frames: Frames) -> list[Image]:
    """Apply a random change to every frame with the same draws."""
    python, legacy = random.getstate(), np.random.get_state()
    changed = []
    for frame in frames:
        random.setstate(python)
        np.random.set_state(legacy)
        changed.append(change(frame))
    return changed


def _flip(frames: Frames) -> list[Image]:
    if random.random() < 0.5:
        return [frame.transpose(Transpose.FLIP_LEFT_RIGHT) for frame in frames]
    return list(frames)


def _erase(clip: Tensor) -> Tensor:
    """The same box in all frames: frames and colours together are timm's channels."""
    height, width = clip.shape[-2:]
    return ERASE(clip.view(-1, height, width)).view(clip.shape)


def _sized_crop(
    frames: Frames, size: int, area: tuple[float, float], aspect: tuple[float, float]
) -> list[Image]:
    """The crop of the TSN family; after ten boxes that do not fit, a square of the short side."""
    width, height = frames[0].size
    for _ in range(10):
        pixels = random.uniform(*area) * width * height
        ratio = random.uniform(*aspect)
        w, h = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
        if random.random() < 0.5:
            w, h = h, w
        if 0 < w <= width and 0 < h <= height:
            break
    else:
        w = h = min(width, height)
    left, top = random.randint(0, width - w), random.randint(0, height - h)
    return _resize(frames, size, (left, top, left + w, top + h))


def _fixed_places() -> list[tuple[int, int]]:
    """Quarters of the room that is left: corners, edge middles, centre and the four between."""
    outer = [(x, y) for x in (0, 2, 4) for y in (0, 2, 4)]
    return outer + [(x, y) for x in (1, 3) for y in (1, 3)]
