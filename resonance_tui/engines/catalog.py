"""Which networks of the zoo can read a camera, and whether one can start here. No torch."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import resonance_zoo
from resonance_tui.engines.base import EngineOptions
from resonance_tui.errors import EngineNotInstalled, EngineUnavailable
from resonance_tui.extras import install_command
from resonance_tui.texts import mark
from resonance_zoo.card_types import NetworkCard
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints.errors import WeightsError
from resonance_zoo.checkpoints.stored import StoredWeights, stored
from resonance_zoo.classes import CLASSES
from resonance_zoo.portable.files import FLOAT32, INT8, PortableNetwork, portable

PACKAGES = ("torch", "timm", "safetensors")
TRY_UNTRAINED = mark(" To try it all the same: --allow-untrained.")
_WHY_NOT = {
    "features": mark("reads features that were computed beforehand, not a camera"),
    "pretrain": mark("is there to learn from clips without labels; it names no emotion"),
}


def live_networks() -> tuple[str, ...]:
    """Networks that read the frames of a clip, sorted by name."""
    cards = [resonance_zoo.card(name) for name in resonance_zoo.list_models()]
    return tuple(c.name for c in cards if isinstance(c, NetworkCard) and c.takes not in _WHY_NOT)


def why_not_live(name: str) -> str:
    """Why a network of the zoo cannot read a camera; empty where it can."""
    card = resonance_zoo.card(name)
    return _WHY_NOT.get(card.takes, "") if isinstance(card, NetworkCard) else ""


def check_ready(name: str, folder: Path | None, options: EngineOptions) -> None:
    """Raise EngineNotInstalled without the packages, EngineUnavailable without trained weights."""
    if (missing := missing_packages()) and not _runs_without_torch(name, folder, options):
        text = mark(
            "The engine {name} needs packages that are not installed: {missing}.",
            name=name,
            missing=", ".join(missing),
        )
        raise EngineNotInstalled(text, mark("Install them: {what}", what=install_command("zoo")))
    _check_classes(name, folder)
    if not options.allow_untrained and kept(name, folder) is None:
        raise EngineUnavailable(
            mark("There are no trained weights for {name} here.", name=name), _how_to_get(name)
        )


@dataclass(frozen=True, slots=True)
class OnnxChoice:
    """Which of the ONNX files beside imported weights is to run."""

    network: PortableNetwork
    precision: str


def onnx_choice(known: StoredWeights | None, options: EngineOptions) -> OnnxChoice | None:
    """The ONNX file to run; None where torch is to.

    torch runs on GPUs, in half precisions, and networks without an int8 file, which it runs
    faster; without torch, whatever there is as ONNX runs.
    """
    network = portable(known)
    if network is None or not _is_for_cpu(options):
        return None
    precision = network.best if options.precision == "auto" else options.precision
    if precision not in network.files:
        return None
    if missing_packages() or INT8 in network.files:
        return OnnxChoice(network, precision)
    return None


def _is_for_cpu(options: EngineOptions) -> bool:
    """Whether the processor is asked for, or no GPU that torch could use is in sight."""
    if options.precision not in ("auto", FLOAT32, INT8) or options.device not in ("auto", "cpu"):
        return False
    return options.device == "cpu" or bool(missing_packages()) or not may_have_gpu()


def may_have_gpu() -> bool:
    """Whether a GPU may be here, told without loading torch: that takes seconds."""
    drivers = ("/dev/nvidia0", "/dev/kfd")
    is_mac = sys.platform == "darwin"
    return is_mac or bool(shutil.which("nvidia-smi")) or any(map(os.path.exists, drivers))


def _runs_without_torch(name: str, folder: Path | None, options: EngineOptions) -> bool:
    return onnx_choice(kept(name, folder), options) is not None


def missing_packages(*more: str) -> list[str]:
    """The packages that are not installed, of those that networks need and of `more`."""
    return [package for package in (*PACKAGES, *more) if find_spec(package) is None]


def classes_refused(name: str, overrides: Mapping[str, Any]) -> str:
    """Why a room cannot use weights imported with `overrides`; empty where it can."""
    found = overrides.get("num_classes", len(CLASSES))
    if found == len(CLASSES):
        return ""
    return mark(
        "The weights of {name} are for {found} classes; a room knows seven.", name=name, found=found
    )


def _check_classes(name: str, folder: Path | None) -> None:
    known = kept(name, folder)
    if known is not None and (text := classes_refused(name, known.overrides)):
        raise EngineUnavailable(text, mark("Import weights for seven classes, or --engine static."))


def kept(name: str, folder: Path | None) -> StoredWeights | None:
    """The record of the imported weights; None where there are none.

    Raises EngineUnavailable where they are damaged.
    """
    try:
        return stored(name, folder) if folder is not None else None
    except WeightsError as error:
        raise EngineUnavailable(error.message, error.hint) from error


def _how_to_get(name: str) -> str:
    can_pull = any(one.kind != "none" and not one.is_start for one in network_card(name).weights)
    pull = (
        mark("`resonance-tui models pull {name}` fetches them, or ", name=name) if can_pull else ""
    )
    return mark(
        "{pull}`resonance-tui models import FILE --as {name}` takes yours.{try_untrained}",
        pull=pull,
        name=name,
        try_untrained=TRY_UNTRAINED,
    )
