"""Times a network as we run it against a plain forward pass, and compares what the two answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import resonance_zoo
from resonance_tui.errors import Problem
from resonance_zoo import inference, optimize, textbook
from resonance_zoo.card_types import ClipInput, NetworkCard
from resonance_zoo.cards import load_card
from resonance_zoo.cost import measure
from resonance_zoo.patterns import drifting_patterns
from resonance_zoo.portable import export
from resonance_zoo.runtime import open_network

Say = Callable[[str], None]


@dataclass(frozen=True)
class Timing:
    """One network at one precision; milliseconds are medians over `repeats` calls, batch 1."""

    name: str
    how: str  # precision and device
    reference: str  # what it is compared with
    reference_ms: float
    reference_p99_ms: float
    ms: float
    p99_ms: float
    ratio: float  # reference_ms / ms
    max_difference: float  # of logits, over all clips
    logit_std: float  # of the reference's logits around their mean over the clips
    same_top: float  # share of clips whose top class is the same
    clips: int
    tflops: float  # 2 operations per multiply-accumulate, over `ms`
    peak_share: float  # of what a square matrix product of the same type reaches in this run

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class NotTimable(Problem, ValueError):
    """A network that reads no clips."""

    exit_code = 2
    title = "Network"


def check_timable(name: str) -> ClipInput:
    """The clip that network `name` reads. Raises UnknownModel and NotTimable."""
    if name not in resonance_zoo.list_models():
        raise resonance_zoo.UnknownModel(name)
    card = load_card(name)
    if not isinstance(card, NetworkCard) or card.takes not in ("clip", "image"):
        message = f"{name} reads no clips, so there is nothing to compare it with"
        raise NotTimable(message, "`resonance-tui models list` has all networks.")
    assert card.input is not None  # every card of such a network names its clip
    return card.input


def limit_threads(count: int) -> None:
    """Let networks on the processor use `count` threads from now on."""
    torch.set_num_threads(count)


def bench(
    name: str,
    *,
    device: str = "auto",
    precisions: tuple[str, ...] = ("auto",),
    onnx: tuple[str, ...] = (),
    repeats: int = 10,
    clips: int = 24,
    seed: int = 0,
    say: Say = lambda text: None,
    **overrides: Any,
) -> list[Timing]:
    """Time network `name` at each precision of torch, and of its ONNX files (`onnx`: "float32",
    "int8"). Raises UnknownModel, NotTimable, DeviceError.

    The weights are random, drawn so that every layer matters, and the clips differ coarsely.
    Logits are centred by class over the clips before top classes are compared: a random head
    prefers one class whatever it sees.
    """
    reads = check_timable(name)
    plans = [inference.plan(device, precision) for precision in precisions]
    case = _Case(name, reads, plans[0].device, clips, seed, overrides)
    say(f"{name}: {case.reference}, {clips} clips")
    with torch.inference_mode():
        wanted = torch.cat([case.plain(clip).float().cpu() for clip in case.clips])
    found = [_compare(case, wanted, plan, repeats, say) for plan in plans]
    exact = inference.Plan(torch.device("cpu"), "float32")
    for precision in onnx:
        say(f"{name}: writing ONNX, {precision}")
        ours = _onnx_forward(case, precision)
        how = f"{precision} on cpu, ONNX Runtime"
        found.append(_timing(case, wanted, exact, how, ours, repeats, say))
    return found


def _onnx_forward(case: _Case, precision: str) -> Callable[[Tensor], Tensor]:
    """The network as ONNX Runtime runs it, with as many threads as torch has."""
    network = export.prepared(case.build(), case.reads)
    if precision == "int8":
        network = export.rounded(network, case.reads)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export.write_onnx(network, case.reads, path)
        session = open_network(path, threads=torch.get_num_threads())

    def forward(clip: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {export.INPUT: clip.cpu().numpy()})[0])

    return forward


class _Case:
    """One network with random weights, its plain forward pass, and the clips it is shown."""

    def __init__(
        self,
        name: str,
        reads: ClipInput,
        device: torch.device,
        clips: int,
        seed: int,
        overrides: dict[str, Any],
    ) -> None:
        self.name, self.seed, self.overrides = name, seed, overrides
        frames = overrides.get("num_frames", reads.frames)
        size = overrides.get("img_size", reads.size)
        self.reads = replace(reads, frames=frames, size=size)
        self.clips = [c.to(device) for c in drifting_patterns(clips, frames, size, seed)]
        network = self.build().to(device)
        self.plain: Callable[[Tensor], Tensor] = network
        self.reference = "the same network, float32, eager"
        if name in textbook.FORWARDS:
            self.plain = partial(textbook.FORWARDS[name], network.state_dict())
            self.reference = "textbook, float32, eager"

    def build(self) -> nn.Module:
        """The same network every time."""
        return fill(resonance_zoo.create(self.name, **self.overrides), self.seed).eval()


def _compare(case: _Case, wanted: Tensor, plan: inference.Plan, repeats: int, say: Say) -> Timing:
    say(f"{case.name}: preparing {plan}")
    ours = inference.prepare(case.build(), case.clips[0], plan)
    return _timing(case, wanted, plan, str(plan), ours, repeats, say)


def _timing(
    case: _Case,
    wanted: Tensor,
    plan: inference.Plan,
    how: str,
    ours: Callable[[Tensor], Tensor],
    repeats: int,
    say: Say,
) -> Timing:
    given = torch.cat([ours(clip).cpu() for clip in case.clips])
    say(f"{case.name}: timing {how}")
    with torch.inference_mode():
        reference_ms, our_ms = _alternate(case.plain, ours, case.clips[0], repeats, plan.device)
    centre = wanted.mean(0)
    same = (wanted - centre).argmax(1) == (given - centre).argmax(1)
    milliseconds = float(np.median(our_ms))
    tflops = 2 * measure(case.name, **case.overrides).gmacs / milliseconds
    return Timing(
        name=case.name,
        how=how,
        reference=case.reference,
        reference_ms=round(float(np.median(reference_ms)), 2),
        reference_p99_ms=round(float(np.percentile(reference_ms, 99)), 2),
        ms=round(milliseconds, 2),
        p99_ms=round(float(np.percentile(our_ms, 99)), 2),
        ratio=round(float(np.median(reference_ms)) / milliseconds, 2),
        max_difference=float((wanted - given).abs().max()),
        logit_std=round(float((wanted - centre).std()), 4),
        same_top=round(float(same.float().mean()), 4),
        clips=len(case.clips),
        tflops=round(tflops, 3),
        peak_share=round(tflops / matrix_peak(plan), 3),
    )


def _alternate(
    plain: Callable[[Tensor], Tensor],
    ours: Callable[[Tensor], Tensor],
    clip: Tensor,
    repeats: int,
    device: torch.device,
) -> tuple[list[float], list[float]]:
    """Milliseconds of both, call by call in turn, so that a busy machine is busy for both."""
    for forward in (plain, ours):
        timed(forward, clip, device)
    pairs = [(timed(plain, clip, device), timed(ours, clip, device)) for _ in range(repeats)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def timed(forward: Callable[[Tensor], Tensor], clip: Tensor, device: torch.device) -> float:
    """Milliseconds of one call, the device's work included."""
    _wait(device)
    started = time.perf_counter()
    forward(clip)
    _wait(device)
    return (time.perf_counter() - started) * 1000


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def matrix_peak(plan: inference.Plan) -> float:
    """TFLOP/s of the best of ten square matrix products in the plan's precision (int8: in
    float32, which it replaces), by the fastest routine that torch has for it here."""
    side = 8192 if plan.device.type == "cuda" else 1536
    dtype = inference.DTYPES[plan.precision]
    layer = nn.Linear(side, side, bias=False, device=plan.device, dtype=dtype)
    routines: list[nn.Module] = [layer]
    if plan.device.type == "cpu" and optimize.can_pack():
        routines.append(optimize.PackedLinear(layer))
    square = torch.randn(side, side, device=plan.device).to(dtype)
    with torch.inference_mode():
        best = min(timed(each, square, plan.device) for each in routines for _ in range(10))
    return 2 * side**3 / best / 1e9


def fill(network: nn.Module, seed: int) -> nn.Module:
    """Random weights under which no layer is idle and logits have a spread of about one."""
    generator = torch.Generator().manual_seed(seed)
    for key, value in network.state_dict().items():
        if value.is_floating_point():
            drawn = torch.randn(value.shape, generator=generator)
            value.copy_(_scaled(key.rpartition(".")[2], drawn))
    return network


def _scaled(last: str, drawn: Tensor) -> Tensor:
    if last == "running_var":
        return 1 + 0.1 * drawn.abs()
    if drawn.ndim >= 2:
        return drawn / drawn[0].numel() ** 0.5 if last.startswith("weight") else 0.2 * drawn
    return 1 + 0.1 * drawn if last == "weight" else 0.1 * drawn
