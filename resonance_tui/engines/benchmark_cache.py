"""How long an engine takes for a clip on this machine: measured once, and cached in a file."""

from __future__ import annotations

import json
import logging
import os
import platform
import time
from dataclasses import astuple, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import numpy as np

from resonance_tui.engines.base import Engine, EngineOptions
from resonance_tui.engines.catalog import kept
from resonance_zoo.portable.files import portable

HOLDS_WITHIN_S = 0.8  # s a clip, for one prediction a second; the rest is for other programs
REPEATS = 5
ENOUGH_S = 2.0  # s after which a slow network is not run again
DAY_S = 86_400.0
SLOW_BELIEVED_S = DAY_S  # for which "too slow" is trusted: the machine may have been busy
QUICK_BELIEVED_S = 30 * DAY_S
KEPT_S = 90 * DAY_S

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineTiming:
    """One measurement."""

    seconds: float  # a clip
    at: float  # epoch seconds
    runs_on: str  # device and precision that it was measured on

    @property
    def believed_s(self) -> float:
        """Seconds for which it is trusted."""
        return QUICK_BELIEVED_S if holds(self.seconds) else SLOW_BELIEVED_S


def holds(seconds_per_clip: float) -> bool:
    """Whether an engine is fast enough for one prediction a second."""
    return seconds_per_clip <= HOLDS_WITHIN_S


def measure(engine: Engine) -> float:
    """Median seconds a clip, of an engine that is warm (blocking, up to a few seconds)."""
    spec = engine.spec
    clip = np.zeros((spec.clip_frames, spec.crop_size, spec.crop_size, 3), np.uint8)
    spent: list[float] = []
    while len(spent) < REPEATS and sum(spent) < ENOUGH_S:
        started = time.perf_counter()
        engine.predict(clip)
        spent.append(time.perf_counter() - started)
    return median(spent)


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BenchmarkCache:
    """Seconds a clip by weights and machine, in the file `speed.json`.

    A damaged file counts as empty, and one that cannot be written is ignored: it only saves time.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "speed.json"

    def recall(self, key: str, now: float) -> EngineTiming | None:
        """The measurement; None where there is none, it is too old, or it is dated after `now`.

        `now` in epoch seconds.
        """
        timing = self._read().get(key)
        return timing if timing and 0 <= now - timing.at < timing.believed_s else None

    def note(self, key: str, timing: EngineTiming) -> None:
        """Store it, and drop what is much older."""
        entries = self._read() | {key: timing}
        kept = {k: astuple(t) for k, t in entries.items() if abs(timing.at - t.at) < KEPT_S}
        new = self._file.with_name(f"speed.{os.getpid()}.tmp")
        try:
            new.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            new.replace(self._file)
        except OSError as error:
            log.warning("The speed of the engine was not stored: %s", error)

    def _read(self) -> dict[str, EngineTiming]:
        try:
            raw = json.loads(self._file.read_text(encoding="utf-8"))
            return {
                key: EngineTiming(float(seconds), float(at), str(runs_on))
                for key, (seconds, at, runs_on) in raw.items()
            }
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return {}


def timed(engine: Engine, folder: Path, options: EngineOptions) -> float:
    """Measure seconds a clip (blocking), and cache them where the weights are imported."""
    seconds = measure(engine)
    if (key := key_of(engine.spec.name, folder, options)) is not None:
        BenchmarkCache(folder).note(key, EngineTiming(seconds, time.time(), engine.spec.runs_on))
    return seconds


def known(name: str, folder: Path, options: EngineOptions) -> EngineTiming | None:
    """The cached measurement; None where the engine has to be measured."""
    key = key_of(name, folder, options)
    return None if key is None else BenchmarkCache(folder).recall(key, time.time())


def key_of(name: str, folder: Path, options: EngineOptions) -> str | None:
    """Cache key: these weights, these options, this machine; None without imported weights.

    The device that `auto` chooses is known only once an engine is loaded, so it is stored with the
    measurement."""
    weights = kept(name, folder)
    if weights is None:
        return None
    files = portable(weights)
    has_onnx = f"onnxruntime {_version('onnxruntime')}" if files else "no ONNX file"
    how = f"{options.device} {options.precision}, torch {_version('torch')}, {has_onnx}"
    return f"{name} {weights.sha256[:16]} {how}, {platform.node()} with {cores()} cores"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
