"""Which networks of the zoo can watch a camera, and whether one could start here. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import resonance_zoo
from resonance_zoo.card_types import NetworkCard
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints.errors import WeightsError
from resonance_zoo.checkpoints.stored import StoredWeights, stored
from resonance_zoo.classes import CLASSES
from resonance_zoo.registry import did_you_mean

from resonance_tui.engines.base import AUTO, STATIC, EngineOptions
from resonance_tui.errors import EngineUnavailable, InputError
from resonance_tui.secret import describe

PACKAGES = ("torch", "timm", "safetensors")
TRY_UNTRAINED = " To try it all the same: --allow-untrained."
INSTALL = 'pip install "resonance-tui[zoo]"'
_WHY_NOT = {
    "features": "reads features that were computed beforehand, not a camera",
    "pretrain": "is there to learn from clips without labels; it names no emotion",
}


def live_networks() -> tuple[str, ...]:
    """Networks that read the frames of a clip, sorted by name."""
    cards = [resonance_zoo.card(name) for name in resonance_zoo.list_models()]
    return tuple(c.name for c in cards if isinstance(c, NetworkCard) and c.takes not in _WHY_NOT)


def engine_names() -> tuple[str, ...]:
    """Everything that `--engine` takes."""
    return (AUTO, STATIC, *live_networks())


def check_name(name: str) -> None:
    """Raise InputError unless `name` is a network that can watch a camera."""
    if name not in resonance_zoo.list_models():
        raise unknown(name)
    card = resonance_zoo.card(name)
    if not isinstance(card, NetworkCard):
        raise InputError(f"{name} is the network inside an engine.", "Use --engine static.")
    if card.takes in _WHY_NOT:
        hint = did_you_mean(name, engine_names()) or f"Did you mean {STATIC}?"
        raise InputError(f"{name} {_WHY_NOT[card.takes]}.", hint)


def unknown(name: str) -> InputError:
    """No such engine: the nearest names, and where all of them are listed."""
    listed = "`resonance-tui models list` names all networks; auto and static are always there."
    hint = f"{did_you_mean(name, engine_names())} {listed}".strip()
    return InputError(f"There is no engine called {describe(name)}.", hint)


def check_ready(name: str, folder: Path | None, options: EngineOptions) -> None:
    """Raise EngineUnavailable where packages or trained weights are missing."""
    if missing := missing_packages():
        text = f"The engine {name} needs packages that are not installed: {', '.join(missing)}."
        raise EngineUnavailable(text, INSTALL)
    _check_classes(name, folder)
    if not options.allow_untrained and kept(name, folder) is None:
        raise EngineUnavailable(f"There are no trained weights for {name} here.", _how_to_get(name))


def missing_packages(*more: str) -> list[str]:
    """Which of the packages that networks need, and of `more`, are not installed."""
    return [package for package in (*PACKAGES, *more) if find_spec(package) is None]


def classes_refused(name: str, overrides: Mapping[str, Any]) -> str:
    """Why a room cannot use weights that were imported with `overrides`; empty where it can."""
    found = overrides.get("num_classes", len(CLASSES))
    if found == len(CLASSES):
        return ""
    return f"The weights of {name} are for {found} classes; a room knows seven."


def _check_classes(name: str, folder: Path | None) -> None:
    known = kept(name, folder)
    if known is not None and (text := classes_refused(name, known.overrides)):
        raise EngineUnavailable(text, "Import weights for seven classes, or --engine static.")


def kept(name: str, folder: Path | None) -> StoredWeights | None:
    """What is known of the imported weights; None where there are none. Raises EngineUnavailable
    where they are damaged."""
    try:
        return stored(name, folder) if folder is not None else None
    except WeightsError as error:
        raise EngineUnavailable(error.message, error.hint) from error


def _how_to_get(name: str) -> str:
    can_pull = any(one.kind != "none" and not one.is_start for one in network_card(name).weights)
    pull = f"`resonance-tui models pull {name}` fetches them, or " if can_pull else ""
    return f"{pull}`resonance-tui models import FILE --as {name}` takes yours.{TRY_UNTRAINED}"
