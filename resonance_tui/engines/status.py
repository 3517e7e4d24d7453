"""The state of the engine, as screens and scripts show it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from resonance_tui.texts import tr


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
