"""The table of face detectors: what the setting `camera.detector` takes.

A new detector is one module with `create(model: Path | None) -> FaceDetector`, and one row in
DETECTORS. Rows are data: no detector is imported before it is created.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.errors import (
    SYSTEM_LIBRARIES,
    EngineUnavailable,
    FaceModelMissing,
    InputError,
)
from resonance_tui.secret import describe
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:  # loads OpenCV
    from resonance_tui.pipeline.detectors.base import FaceDetector

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DetectorEntry:
    """One row."""

    title: str  # as people call it
    module: str  # has `create(model: Path | None) -> FaceDetector`
    needs_face_model: bool = False  # MediaPipe's file, fetched once; else `model` is None


AUTO = "auto"
DETECTORS: dict[str, DetectorEntry] = {
    "fast": DetectorEntry(
        "the fast detector", "resonance_tui.pipeline.detectors.fast", needs_face_model=True
    ),
    "mediapipe": DetectorEntry(
        "MediaPipe", "resonance_tui.pipeline.detectors.mediapipe", needs_face_model=True
    ),
    "haar": DetectorEntry("OpenCV's Haar cascade", "resonance_tui.pipeline.detectors.haar"),
}
AUTO_ORDER = ("fast", "haar")  # `auto` takes the first that can run; the last always can


def names() -> tuple[str, ...]:
    """Everything that `camera.detector` takes."""
    return (AUTO, *DETECTORS)


def check(name: str) -> str:
    """`name`, if it is in the table. Raises InputError that lists the names."""
    if name not in names():
        hint = mark("Set camera.detector to one of: {names}.", names=", ".join(names()))
        raise InputError(mark("There is no face detector {name}.", name=describe(name)), hint)
    return name


def needs_face_model(name: str) -> bool:
    """Whether the face model has to be fetched before `create(name, model)`."""
    rows = AUTO_ORDER if name == AUTO else (check(name),)
    return any(DETECTORS[row].needs_face_model for row in rows)


def create(
    name: str, model: Path | None = None, warn: Callable[[str], None] = log.warning
) -> FaceDetector:
    """Load a detector (blocking: MediaPipe takes two seconds to import).

    `auto` takes the next one where a detector has no `model` or cannot run, and tells `warn` why.
    Raises InputError for a name that is not in the table, EngineUnavailable or FaceModelMissing
    where the detector asked for cannot run.
    """
    if name == AUTO:
        return _first_that_runs(model, warn)
    try:
        return _build(check(name), model)
    except (OSError, ImportError, RuntimeError, ValueError) as error:
        text = mark("The face detector {name!r} cannot start: {error}", name=name, error=error)
        hint = mark("camera.detector = auto takes one that can.")
        if ".so" in str(error):  # MediaPipe draws with the system's libraries
            hint += f" Or: {SYSTEM_LIBRARIES}"
        raise EngineUnavailable(text, hint) from error


def _build(name: str, model: Path | None) -> FaceDetector:
    return import_module(DETECTORS[name].module).create(model)


def _first_that_runs(model: Path | None, warn: Callable[[str], None]) -> FaceDetector:
    *preferred, last = AUTO_ORDER
    for name in preferred:
        row = DETECTORS[name]
        if row.needs_face_model and model is None:
            warn(tr("face model missing"))
            continue
        try:
            return _build(name, model)
        except (FaceModelMissing, OSError, ImportError, RuntimeError, ValueError) as error:
            log.warning("%s cannot run: %s", row.title, error)
            why = type(error).__name__
            warn(tr("{name} failed ({error})", name=row.title, error=why))
    return _build(last, None)
