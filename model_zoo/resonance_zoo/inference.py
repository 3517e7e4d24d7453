"""Runs a network on the device at hand: uint8 pictures in, probabilities out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from resonance_zoo import optimize
from resonance_zoo.patterns import drifting_patterns
from resonance_zoo.problems import ClipError, DeviceError

if TYPE_CHECKING:
    from resonance_zoo.card_types import ClipInput

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int8": torch.float32,  # what lies between the int8 layers
}
PRECISIONS = ("auto", *DTYPES)
DEVICES = ("auto", "cpu", "cuda", "mps")
CALIBRATION_CLIPS = 4
Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """Where and how exactly to compute."""

    device: torch.device
    precision: str  # a key of DTYPES

    def __str__(self) -> str:
        if self.device.type == "cuda":
            return f"{self.precision} on {torch.cuda.get_device_name(self.device)}, CUDA graph"
        return f"{self.precision} on {self.device.type}"


def plan(device: str = "auto", precision: str = "auto") -> Plan:
    """The best of what is there, or what was asked for. Raises DeviceError.

    float16 on CUDA (the precision that the authors evaluate in), bfloat16 on processors that have
    instructions for it, else float32; int8 only when asked for, since it alone moves the
    probabilities by more than a rounding.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next((name for name, present in there.items() if present), "cpu")
    if device not in DEVICES:
        raise DeviceError(f"there is no device {device!r}; choose one of: {', '.join(DEVICES)}")
    if not there.get(device, True):
        raise DeviceError(f"this machine, or this build of torch, has no {device} device")
    if precision == "auto":
        precision = {"cuda": "float16", "cpu": _best_on_cpu()}.get(device, "float32")
    if precision not in DTYPES:
        raise DeviceError(f"no precision {precision!r}; choose one of: {', '.join(PRECISIONS)}")
    if precision == "int8" and device != "cpu":
        raise DeviceError("int8 runs on the cpu only; on a GPU choose float16")
    return Plan(torch.device(device), precision)


def _best_on_cpu() -> str:
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"


def prepare(network: nn.Module, clip: Tensor, chosen: Plan) -> Forward:
    """Normalised clips float32[B, 3, T, H, W] of the shape of `clip` to logits float32[B, C].

    The network is rewritten in place and must not be used afterwards; its parameters exist once.
    The clips may be on any device; on CUDA the answer is overwritten by the next call.
    """
    network = network.eval().requires_grad_(False)
    dtype = DTYPES[chosen.precision]
    with torch.inference_mode():
        optimize.join_biases(network)
        optimize.fold_batch_norms(network, clip.cpu().float())
        if chosen.device.type == "cuda":
            network.to(chosen.device, dtype)
            optimize.order_channels_last(network)
            return _graph(network, clip.to(chosen.device, dtype))
        return _eager(network, clip, chosen, dtype)


def _eager(network: nn.Module, clip: Tensor, chosen: Plan, dtype: torch.dtype) -> Forward:
    """On a processor or MPS, less what rounding the weights shifts the logits by on the mean (bias
    correction, Nagel et al., ICCV 2019, at the last layer alone), seen on a few patterns."""
    rounds = chosen.precision in ("int8", "bfloat16") and chosen.device.type == "cpu"
    frames, size = clip.shape[2:4]
    shown = list(drifting_patterns(CALIBRATION_CLIPS if rounds else 0, frames, size, seed=1))
    exact = [network(each) for each in shown]
    network.to(chosen.device, dtype)
    optimize.order_channels_last(network)
    if chosen.precision == "int8":
        optimize.quantise_perceptrons(network)
    if chosen.device.type == "cpu" and optimize.can_pack():
        optimize.pack_linears(network)
    given = [network(each.to(dtype)).float() for each in shown]
    shift = (torch.cat(given) - torch.cat(exact)).mean(0) if rounds else 0.0

    @torch.inference_mode()
    def forward(clip: Tensor) -> Tensor:
        return network(clip.to(chosen.device, dtype)).float() - shift

    return forward


def _graph(network: nn.Module, clip: Tensor) -> Forward:
    """One CUDA graph: hundreds of small kernels are launched at once instead of one by one."""
    entry = clip.clone()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.cuda.stream(side):  # libraries choose their kernels first
        for _ in range(3):
            network(entry)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        logits = network(entry).float()

    @torch.inference_mode()
    def forward(clip: Tensor) -> Tensor:
        entry.copy_(clip, non_blocking=True)
        graph.replay()
        return logits

    return forward


class Predictor:
    """A network with its clip's normalisation, ready to be asked from one thread.

    Raises DeviceError. `threads` limits the processor cores that torch uses in this process.
    `batch` clips are computed at a time, which fills a GPU; fewer cost as much.
    """

    def __init__(
        self,
        network: nn.Module,
        input: ClipInput,
        *,
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        batch: int = 1,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.plan = plan(device, precision)
        self._shape = (input.frames, input.size, input.size, 3)
        self._scale = 1 / (255 * torch.tensor(input.std).view(1, 3, 1, 1, 1))
        self._shift = torch.tensor(input.mean).view(1, 3, 1, 1, 1) * -255
        self._batch = batch
        blank = torch.zeros(batch, 3, *self._shape[:3])
        self._scale, self._shift = (t.to(self.plan.device) for t in (self._scale, self._shift))
        self._forward = prepare(network, blank, self.plan)

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, H, W, 3]` to `float32[7]` that sum to 1.

        Raises ClipError for another shape or type, and where the network's answer is no number.
        """
        return self.predict_many(clip[None])[0]

    def predict_many(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The same for `uint8[N, T, H, W, 3]`: `float32[N, 7]`."""
        if clips.shape[1:] != self._shape or clips.dtype != np.uint8:
            wanted = f"uint8{list(self._shape)}"
            raise ClipError(
                f"this network reads clips {wanted}, not {clips.dtype}{list(clips.shape[1:])}"
            )
        parts = range(0, len(clips), self._batch)
        found = np.concatenate([self._shares(clips[at : at + self._batch]) for at in parts])
        if not np.isfinite(found).all():
            raise ClipError("the network's answer is not finite; its weights must be broken")
        return found

    def _shares(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """At most `batch` clips; the last one fills up what is missing."""
        places = np.minimum(np.arange(self._batch), len(clips) - 1)
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(clips[places])).to(self.plan.device)
            pixels = pixels.permute(0, 4, 1, 2, 3).float()
            logits = self._forward((pixels + self._shift) * self._scale)
            return torch.softmax(logits, -1).cpu().numpy()[: len(clips)]

    def warm_up(self) -> int:
        """Run once, so that the first real clip is not the slow one: how many classes it names."""
        return len(self.predict(np.zeros(self._shape, np.uint8)))

    def describe(self) -> str:
        """Precision and device in words."""
        return str(self.plan)
