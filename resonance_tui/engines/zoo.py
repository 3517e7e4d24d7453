"""Any clip or image network of the model zoo as an engine, on the device that is asked for."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import resonance_zoo
from resonance_tui.engines.base import EngineOptions, EngineRequest, EngineSpec
from resonance_tui.engines.benchmark_cache import cores
from resonance_tui.engines.catalog import check_ready, kept, missing_packages, onnx_choice
from resonance_tui.errors import EngineUnavailable, Problem, in_words
from resonance_tui.texts import mark, tr
from resonance_zoo.card_types import ClipInput
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints.errors import WeightsError
from resonance_zoo.checkpoints.stored import StoredWeights
from resonance_zoo.portable.files import verified
from resonance_zoo.problems import ClipError, DeviceError

if TYPE_CHECKING:
    from torch import nn

    from resonance_zoo.inference import Predictor
    from resonance_zoo.portable.predictor import OnnxPredictor

HOP_S = 0.2  # at most five predictions a second; the report changes less often than that
# Twice the chance level of one in seven. On hard films these networks are right about half the
# time, and their training (mixed clips, softened labels) keeps their confidence low: with the
# threshold of `static`, 0.4, most of their right answers would be "unsure".
UNSURE_BELOW = 0.3


def create(request: EngineRequest) -> ZooEngine:
    """The engine of any network that `catalog.live_networks` lists; raises what ZooEngine does."""
    return ZooEngine(request.name, request.folder, request.options, request.say)


class ZooEngine:
    """Loads and warms up in its constructor (seconds). All calls come from one thread.

    `name` is a network that reads frames. Raises EngineUnavailable where packages, weights or the
    device are missing, or the weights are for other classes than ours.
    """

    def __init__(
        self,
        name: str,
        folder: Path | None,
        options: EngineOptions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        options = options or EngineOptions()
        check_ready(name, folder, options)
        self._name = name
        self._device = options.device
        say(tr("building the network"))
        with translate(name, options.device):
            self._load(name, folder, options, say)

    def _load(
        self, name: str, folder: Path | None, options: EngineOptions, say: Callable[[str], None]
    ) -> None:
        known = kept(name, folder)
        reads, is_trained = _reads(name, known), known is not None
        self._predictor = _predictor(name, folder, options, known, reads)
        say(tr("warming up"))
        self._expect_seven(self._predictor.warm_up())
        self.spec = EngineSpec(
            name,
            reads.frames,
            reads.frame_rate,
            reads.size,
            HOP_S,
            UNSURE_BELOW if is_trained else math.inf,
            self._predictor.describe(),
            is_trained,
        )

    def _expect_seven(self, classes: int) -> None:
        if classes != len(resonance_zoo.CLASSES):
            text = mark(
                "The weights of {name} are for {classes} classes; a room knows seven.",
                name=self._name,
                classes=classes,
            )
            raise EngineUnavailable(
                text, mark("Import weights for seven classes, or --engine static.")
            )

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, S, S, 3]` to `float32[7]`, in the order of `resonance_zoo.CLASSES`.

        Raises EngineUnavailable where broken weights give something that is no number, and where
        the device fails or runs out of memory.
        """
        with translate(self._name, self._device):
            return self._predictor.predict(clip)

    def predict_many(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The same for `uint8[N, T, S, S, 3]`: `float32[N, 7]`."""
        with translate(self._name, self._device):
            return self._predictor.predict_many(clips)


def check_device(options: EngineOptions) -> None:
    """Raise EngineUnavailable where the device or precision asked for does not exist here."""
    if (options.device, options.precision) != ("auto", "auto") and not missing_packages():
        from resonance_zoo.inference import plan

        with translate(mark("A network"), options.device):
            plan(options.device, options.precision)


@contextlib.contextmanager
def translate(name: str, device: str) -> Generator[None]:
    """Turn errors of torch and the zoo into EngineUnavailable; others pass through."""
    try:
        yield
    except (RuntimeError, AssertionError, ValueError, MemoryError) as error:
        known = _translation(error, name, device)
        if known is None:
            raise
        raise known from error


def _translation(error: Exception, name: str, device: str) -> EngineUnavailable | None:
    reason = error.message if isinstance(error, Problem) else in_words(error)
    if isinstance(error, WeightsError):
        return EngineUnavailable(error.message, error.hint)
    if isinstance(error, ClipError):
        hint = mark("Import its weights anew, or take --engine static.")
        return EngineUnavailable(
            mark("{name} cannot be used: {reason}.", name=name, reason=reason), hint
        )
    if isinstance(error, DeviceError):
        hint = mark("Leave out --device and --precision, or choose others.")
        return EngineUnavailable(
            mark("{name} cannot run as asked: {reason}.", name=name, reason=reason), hint
        )
    if isinstance(error, ValueError):
        return None
    if isinstance(error, MemoryError) or "memory" in reason.lower():
        hint = mark("Close other programs, or try --device cpu or --engine static.")
        return EngineUnavailable(
            mark("{name} finds too little memory: {reason}", name=name, reason=reason), hint
        )
    text = mark(
        "{name} cannot run on the device {device!r}: {reason}",
        name=name,
        device=device,
        reason=reason,
    )
    return EngineUnavailable(text, mark("Try --device cpu."))


def _reads(name: str, known: StoredWeights | None) -> ClipInput:
    """The clip of the card, changed by what the weights were imported with."""
    reads = network_card(name).input
    if reads is None:
        raise ValueError(f"the card of {name} names no clip")
    overrides: Mapping[str, Any] = known.overrides if known else {}
    frames = int(overrides.get("num_frames", reads.frames))
    return replace(reads, frames=frames, size=int(overrides.get("img_size", reads.size)))


def _predictor(
    name: str,
    folder: Path | None,
    options: EngineOptions,
    known: StoredWeights | None,
    reads: ClipInput,
) -> Predictor | OnnxPredictor:
    """The network on ONNX Runtime where that is as good as torch or all there is, else on torch."""
    threads = max(1, cores() - 1)  # one is for the face detector
    if known is not None and folder is not None and (found := onnx_choice(known, options)):
        from resonance_zoo.portable.predictor import OnnxPredictor

        path = verified(name, found.precision, folder, found.network)
        return OnnxPredictor(path, reads, found.precision, threads)
    from resonance_zoo.inference import Predictor

    return Predictor(
        _network(name, folder, known),
        reads,
        device=options.device,
        precision=options.precision,
        threads=threads,
        batch=options.batch,
    )


def _network(name: str, folder: Path | None, known: StoredWeights | None) -> nn.Module:
    """The network with its imported weights; untrained where there are none."""
    if known is None or folder is None:
        return resonance_zoo.create(name, num_classes=len(resonance_zoo.CLASSES))
    from resonance_zoo import weights

    return weights.load(name, folder)
