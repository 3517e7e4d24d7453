"""The one check of what goes into a clip network, in words a person can act on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from resonance_zoo.problems import ClipError

__all__ = ["ClipError", "check_clip"]


def check_clip(clip: Tensor, network: nn.Module, *, frames: int | None, size: int | None) -> None:
    """Raise ClipError unless `clip` is finite float[B, 3, T, H, W] with T = `frames` (None: any
    number from 1) and H = W = `size` (None: any), in the precision of the parameters of `network`.

    Looking for NaN would stall a GPU and cannot be traced, so it is done on the CPU alone;
    `inference.Predictor` looks at clips before they go to a GPU.
    """
    if not isinstance(clip, Tensor):
        raise ClipError(f"a clip is a tensor, not {_kind(clip)}")
    if clip.ndim != 5 or clip.shape[1] != 3:
        raise ClipError(f"a clip is [batch, 3, frames, height, width], not {list(clip.shape)}")
    if not clip.is_floating_point():
        raise ClipError(f"a clip holds floating-point numbers, not {clip.dtype}")
    found, height, width = clip.shape[2:]
    if found < 1 or (frames is not None and found != frames):
        raise ClipError(f"this network reads {frames or 'one or more'} frames a clip, not {found}")
    side = height if size is None else size
    if (height, width) != (side, side):
        raise ClipError(f"this network reads frames of {side}x{side} pixels, not {height}x{width}")
    if _is_traced():
        return
    if not len(clip):
        raise ClipError("the batch holds no clip")
    _check_precision(clip, network)
    if clip.device.type == "cpu" and not bool(torch.isfinite(clip).all()):
        raise ClipError("the clip holds values that are not finite (NaN or infinity)")


def _kind(clip: object) -> str:
    return "None" if clip is None else f"a {type(clip).__name__}"


def _check_precision(clip: Tensor, network: nn.Module) -> None:
    """Autocast converts all but float64 by itself; a network without parameters takes any."""
    wanted = next((each.dtype for each in network.parameters()), clip.dtype)
    if clip.dtype == wanted or (_is_autocast(clip.device.type) and clip.dtype != torch.float64):
        return
    raise ClipError(
        f"this network computes in {_plain(wanted)}, the clip is {_plain(clip.dtype)}; "
        f"convert it: clip.to({wanted})"
    )


def _is_autocast(device: str) -> bool:
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _is_traced() -> bool:
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
