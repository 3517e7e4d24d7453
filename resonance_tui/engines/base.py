"""What an engine is: its contract, what it is built from, how it may be run, and its state.
`registry` has the table of engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from resonance_tui.errors import InputError
from resonance_tui.secret import describe
from resonance_tui.texts import tr

if TYPE_CHECKING:  # `--engine` help reads the registry, and must not wait for NumPy
    import numpy as np
    from numpy.typing import NDArray

AUTO, STATIC = "auto", "static"
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """What an engine wants to see, and below which confidence its answer is no answer."""

    name: str
    clip_frames: int  # T, different moments
    frame_rate: float  # of the clip, Hz
    crop_size: int  # H = W, pixels
    hop_s: float  # least seconds between two predictions; 0: each frame is judged
    unsure_below: float  # top probability, 0-1; infinite where no answer may count
    runs_on: str = ""  # device and precision, where there is a choice
    is_trained: bool = True
    neutral: tuple[float, ...] = ()  # what it says of most neutral faces, seven; empty: unknown


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How to run a network of the zoo; the default engine knows float32 and int8 on the CPU.

    Raises InputError for a device or precision that does not exist.
    """

    device: str = "auto"  # one of DEVICES
    precision: str = "auto"  # one of PRECISIONS
    allow_untrained: bool = False
    batch: int = 1  # clips that torch computes at a time

    def __post_init__(self) -> None:
        _check_word("device", self.device, DEVICES)
        _check_word("precision", self.precision, PRECISIONS)


def _check_word(what: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise InputError(
            f"There is no {what} {describe(word)}.", f"Choose one of: {', '.join(words)}."
        )


class Engine(Protocol):
    """From clips to probabilities. Loaded once it exists; used from one thread only."""

    @property
    def spec(self) -> EngineSpec: ...

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[T, H, W, 3]` to seven probabilities `float32[7]` that sum to 1."""
        ...


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that may be faster for several clips than for one after the other."""

    def predict_many(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB `uint8[N, T, H, W, 3]` to `float32[N, 7]`."""
        ...


class Flaw(StrEnum):
    """What about a picture makes a reading less sure."""

    NONE = ""
    DARK = "dark"
    BLURRED = "blurred"
    TURNED = "turned"
    MOUTH = "mouth"  # covered
    GLARE = "glare"
    EYES = "eyes"  # covered
    SMALL = "small"


@dataclass(frozen=True, slots=True)
class Judgement:
    """An answer, and how good the picture was that it came from."""

    probabilities: NDArray[np.float32]  # seven, sum 1
    flaw: Flaw = Flaw.NONE  # what is most amiss in the newest frame
    demand: float = 0.0  # how much surer than `unsure_below` the answer has to be, 0-1


@runtime_checkable
class JudgingEngine(Engine, Protocol):
    """An engine that sees how good a picture is."""

    def judge(self, clip: NDArray[np.uint8]) -> Judgement:
        """What `predict` gives, and more."""
        ...


def judge(engine: Engine, clip: NDArray[np.uint8]) -> Judgement:
    """What the engine says of one clip, and of the picture where it can."""
    if isinstance(engine, JudgingEngine):
        return engine.judge(clip)
    return Judgement(engine.predict(clip))


def predict_many(engine: Engine, clips: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
    """What the engine says of each clip; all at once where it can."""
    if isinstance(engine, BatchEngine):
        import numpy as np

        return list(engine.predict_many(np.stack(clips)))
    return [engine.predict(clip) for clip in clips]


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """What `create` of an engine's module is given."""

    name: str  # as the person wrote it
    folder: Path | None = None  # imported weights
    options: EngineOptions = field(default_factory=EngineOptions)
    say: Callable[[str], None] = lambda _: None  # takes what is being done
    warn: Callable[[str], None] = lambda _: None  # takes why a better engine was passed over


def weights_folder(data_dir: Path) -> Path:
    """Where imported weights lie; `models import` and `models pull` put them there."""
    return data_dir / "models"


def has_weights(folder: Path | None) -> bool:
    """Whether any weights were imported; looks at names of files alone."""
    return folder is not None and any(folder.glob("*.safetensors"))


class EngineState(StrEnum):
    """The state of an engine."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Which engine reads the face, and its state."""

    name: str
    state: EngineState = EngineState.LOADING
    detail: str = ""  # what is being loaded, what runs on what, or why it failed
    is_trained: bool = True  # False: it guesses, and the report says "unsure"


def untrained(engine: str) -> str:
    """The notice for as long as an untrained network runs."""
    return tr("{engine} is untrained: it guesses, and the room is told `unsure`.", engine=engine)
