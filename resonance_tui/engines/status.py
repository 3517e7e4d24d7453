"""How the engine is doing, as screens and scripts are told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EngineState(StrEnum):
    """Where the engine is in its life."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Which engine reads the face, and how it is doing."""

    name: str
    state: EngineState = EngineState.LOADING
    detail: str = ""  # what is being loaded, what runs on what, or why it failed
    is_trained: bool = True  # False: it guesses, and the room is told "unsure"


def untrained(engine: str) -> str:
    """What a person must know for as long as an untrained network runs."""
    return f"{engine} is untrained: it guesses, and the room is told `unsure`."
