"""What reads a face, and how: as `join` would with the same settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from resonance_tui.engines.base import EngineOptions
from resonance_tui.pipeline.baseline import BaselineMode
from resonance_tui.pipeline.sources import Source


@dataclass(frozen=True, slots=True)
class FacePlan:
    """`detector` and `engine` are names in their registries."""

    source: Source
    engine: str
    data_dir: Path
    detector: str = "auto"
    fps: float | None = None  # None: as many frames a second as the engine's clips need
    options: EngineOptions = field(default_factory=EngineOptions)
    baseline: BaselineMode = BaselineMode.OFF  # where each person's neutral comes from
