"""What an engine is, and which ones there are."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from resonance_tui.errors import EngineUnavailable, InputError


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What an engine wants to see, and below which confidence its answer is no answer."""

    name: str
    clip_frames: int  # T, different moments
    frame_rate: float  # of the clip, Hz
    crop_size: int  # H = W, pixels
    hop_s: float  # seconds between two predictions
    unsure_below: float  # top probability, 0-1


class Engine(Protocol):
    """Predicts from one worker thread; loading is its constructor's business."""

    @property
    def spec(self) -> EngineSpec: ...

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, H, W, 3]` to seven probabilities `float32[7]` that sum to 1."""
        ...


# name -> "module:class"; modules are imported when asked for, so that a viewer never loads torch.
_ENGINES: dict[str, str] = {
    "static": "resonance_tui.engines.static:StaticEngine",
}


def engine_names() -> tuple[str, ...]:
    """What `--engine` takes."""
    return ("auto", *_ENGINES)


def check_engine_name(name: str) -> str:
    """The engine that `name` stands for; InputError for none we know."""
    if name == "auto":
        return "static"  # the only one whose weights ship
    if name not in _ENGINES:
        raise InputError(
            f"There is no engine called {name!r}.", f"Choose one of: {', '.join(engine_names())}."
        )
    return name


def create_engine(name: str) -> Engine:
    """Load an engine (blocking, seconds). Raises InputError, or EngineUnavailable saying why."""
    module, _, factory = _ENGINES[check_engine_name(name)].partition(":")
    try:
        build: Callable[[], Engine] = getattr(importlib.import_module(module), factory)
        return build()
    except (ImportError, OSError, ValueError) as error:
        raise EngineUnavailable(f"The engine {name!r} cannot start: {error}") from error
