"""Writes a network as ONNX: float32, and int8 where its linear layers are what it spends."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from resonance_zoo import optimize
from resonance_zoo.card_types import ClipInput
from resonance_zoo.portable.faces import moving_faces
from resonance_zoo.portable.lean import make_lean
from resonance_zoo.portable.progress import Done, told
from resonance_zoo.portable.quantise import large_layers, quantise

INPUT, OUTPUT = "clip", "logits"
OPSET = 20  # the first with GELU as one operation
CALIBRATION_CLIPS = 8
SEED = 1
SHIFT_TAKES = 0.2  # of the time that rounding takes, to see what it shifts
LARGE_SHARE = 0.5  # of the weights, in large linear layers, from which int8 pays


class NotPortable(ValueError):
    """The network cannot be written as ONNX."""


@torch.no_grad()
def prepared(network: nn.Module, reads: ClipInput) -> nn.Module:
    """The same network, rewritten in place to infer from one clip at a time."""
    network = network.eval().requires_grad_(False)
    make_lean(network)
    optimize.join_biases(network)
    optimize.fold_batch_norms(network, next(calibration_clips(reads, 1)))
    return network


def gains_from_int8(network: nn.Module) -> bool:
    """Whether most of its weights are in layers that int8 makes quicker (not in convolutions)."""
    large = sum(layer.weight.numel() for layer in large_layers(network))
    return large >= LARGE_SHARE * sum(each.numel() for each in network.parameters())


@torch.no_grad()
def rounded(network: nn.Module, reads: ClipInput, done: Done = lambda _: None) -> nn.Module:
    """`network` of `prepared` in int8, in place, less what that shifts its logits by."""
    shown = list(calibration_clips(reads))
    some = shown[: CALIBRATION_CLIPS // 2]
    first, last = SHIFT_TAKES / 2, 1 - SHIFT_TAKES / 2
    exact = torch.cat([network(clip) for clip in told(some, len(some), done, 0, first)])
    quantise(network, shown, lambda share: done(first + share * (last - first)))
    given = torch.cat([network(clip) for clip in told(some, len(some), done, last)])
    return Shifted(network, (given - exact).mean(0))


class Shifted(nn.Module):
    """A network whose logits are moved by a constant."""

    def __init__(self, network: nn.Module, shift: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("shift", shift)

    def forward(self, clip: Tensor) -> Tensor:
        return self.network(clip) - self.shift


def calibration_clips(
    reads: ClipInput, count: int = CALIBRATION_CLIPS, seed: int = SEED
) -> Iterator[Tensor]:
    """Normalised clips float32[1, 3, T, S, S] of drawn faces; the same ones every time."""
    mean = torch.tensor(reads.mean).view(1, 3, 1, 1, 1)
    std = torch.tensor(reads.std).view(1, 3, 1, 1, 1)
    for clip in moving_faces(count, reads.frames, reads.size, seed):
        yield (torch.from_numpy(clip).permute(3, 0, 1, 2)[None].float() / 255 - mean) / std


def write_onnx(network: nn.Module, reads: ClipInput, path: Path) -> None:
    """One clip float32[1, 3, T, S, S] in, logits float32[1, classes] out. Raises NotPortable."""
    example = torch.zeros(1, 3, reads.frames, reads.size, reads.size)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter speaks about itself
            torch.onnx.export(
                network,
                (example,),
                str(path),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamo=False,  # the other one needs a further package
            )
    except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
        raise NotPortable(f"it cannot be written as ONNX: {error}") from error
