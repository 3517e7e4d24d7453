"""The one check of what goes into a clip network, in words a person can act on."""

from __future__ import annotations

import torch
from torch import Tensor


class ClipError(ValueError):
    """A clip has the wrong length, size or shape, or holds numbers that are none."""


def check_clip(clip: Tensor, *, frames: int | None, size: int) -> None:
    """Raise ClipError unless `clip` is finite float[B, 3, T, H, W] with T = `frames` (None: any
    number from 1) and H = W = `size`.

    Looking for NaN would stall a GPU and cannot be traced, so it is done on the CPU alone;
    `inference.Predictor` looks at clips before they go to a GPU.
    """
    if clip.ndim != 5 or clip.shape[1] != 3:
        raise ClipError(f"a clip is [batch, 3, frames, height, width], not {list(clip.shape)}")
    if not clip.is_floating_point():
        raise ClipError(f"a clip holds floating-point numbers, not {clip.dtype}")
    found, height, width = clip.shape[2:]
    if found < 1 or (frames is not None and found != frames):
        raise ClipError(f"this network reads {frames or 'one or more'} frames a clip, not {found}")
    if (height, width) != (size, size):
        raise ClipError(f"this network reads frames of {size}x{size} pixels, not {height}x{width}")
    if clip.device.type == "cpu" and not _is_traced() and not bool(torch.isfinite(clip).all()):
        raise ClipError("the clip holds values that are not finite (NaN or infinity)")


def _is_traced() -> bool:
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
