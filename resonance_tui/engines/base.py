"""What an engine is, and which ones there are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resonance_tui.errors import EngineUnavailable, InputError
from resonance_tui.listeners import Listeners
from resonance_tui.secret import describe

AUTO, STATIC = "auto", "static"
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What an engine wants to see, and below which confidence its answer is no answer."""

    name: str
    clip_frames: int  # T, different moments
    frame_rate: float  # of the clip, Hz
    crop_size: int  # H = W, pixels
    hop_s: float  # least seconds between two predictions
    unsure_below: float  # top probability, 0-1; infinite where no answer may count
    runs_on: str = ""  # device and precision, where there is a choice
    is_trained: bool = True


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to run a network of the zoo; the default engine has no choice."""

    device: str = "auto"  # one of DEVICES
    precision: str = "auto"  # one of PRECISIONS
    allow_untrained: bool = False

    def __post_init__(self) -> None:
        _check_word("device", self.device, DEVICES)
        _check_word("precision", self.precision, PRECISIONS)


def _check_word(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise InputError(
            f"There is no {what} {describe(word)}.", f"Choose one of: {', '.join(words)}."
        )


class Engine(Protocol):
    """Predicts from one worker thread; loading is its constructor's business."""

    @property
    def spec(self) -> EngineSpec: ...

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, H, W, 3]` to seven probabilities `float32[7]` that sum to 1."""
        ...


def weights_folder(data_dir: Path) -> Path:
    """Where imported weights lie; `models import` and `models pull` put them there."""
    return data_dir / "models"


def check_engine(name: str, folder: Path, options: EngineOptions | None = None) -> str:
    """The engine that `name` stands for, looked up without loading any; costs no torch.

    "auto" is "static" unless weights lie in `folder`. Raises InputError for a name we do not
    know, and EngineUnavailable where weights or packages are missing.
    """
    if name == AUTO:
        return AUTO if has_weights(folder) else STATIC
    check_name(name)
    if name != STATIC:
        from resonance_tui.engines import catalog

        catalog.check_ready(name, folder, options or EngineOptions())
    return name


def check_name(name: str) -> None:
    """Raise InputError unless there is an engine called `name`."""
    if name not in (AUTO, STATIC):
        from resonance_tui.engines import catalog

        catalog.check_name(name)


def has_weights(folder: Path | None) -> bool:
    """Whether any weights were imported; looks at names of files alone."""
    return folder is not None and any(folder.glob("*.safetensors"))


def create_engine(
    name: str,
    folder: Path | None = None,
    options: EngineOptions | None = None,
    say: Callable[[str], None] = log.info,
    warn: Callable[[str], None] = log.warning,
) -> Engine:
    """Load an engine (blocking; seconds, or tens of them for a large network).

    `folder` holds imported weights; `say` is told what is being done, `warn` which better engine
    "auto" had to do without, and why. Raises InputError for a name we do not know, or
    EngineUnavailable saying why it cannot run here.
    """
    options = options or EngineOptions()
    try:
        return _load(name, folder, options, Listeners(say), Listeners(warn))
    except (ImportError, OSError, ValueError) as error:
        raise EngineUnavailable(f"The engine {name!r} cannot start: {error}") from error


def _load(
    name: str,
    folder: Path | None,
    options: EngineOptions,
    say: Callable[[str], None],
    warn: Callable[[str], None],
) -> Engine:
    """Modules are imported when they are wanted, so that most viewers never load torch."""
    if name == AUTO and folder is not None and has_weights(folder):
        from resonance_tui.engines.auto import best_engine

        if (best := best_engine(folder, options, say, warn)) is not None:
            return best
    if name in (AUTO, STATIC):
        from resonance_tui.engines.still import StillEngine

        return StillEngine()
    from resonance_tui.engines.zoo import ZooEngine

    return ZooEngine(name, folder, options, say)
