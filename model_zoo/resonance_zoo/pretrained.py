"""Networks with the weights that were imported or fetched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from resonance_zoo.card_types import NetworkCard
from resonance_zoo.cards import load_card
from resonance_zoo.checkpoints.errors import WeightsNotHere
from resonance_zoo.checkpoints.stored import stored
from resonance_zoo.registry import create

VARIABLE = "RESONANCE_DATA_DIR"


def create_pretrained(
    name: str, weights_folder: str | Path | None, overrides: dict[str, Any]
) -> Any:
    """The network with imported weights; other overrides than theirs keep what fits, another head
    is fresh. Raises WeightsError."""
    if not isinstance(load_card(name), NetworkCard):
        raise WeightsNotHere(
            f"{name} is shipped as ONNX, which is no network of torch.",
            f"Run the file resonance_zoo.weights_path({name!r}) with ONNX Runtime.",
        )
    from resonance_zoo.checkpoints.fitting import initialise_encoder
    from resonance_zoo.weights import load

    folder = _folder(name, weights_folder)
    network = load(name, folder)
    kept = stored(name, folder)
    settings = dict(kept.overrides) if kept else {}
    if not overrides.items() - settings.items():
        return network
    adapted = create(name, **(settings | overrides))
    initialise_encoder(adapted, network.state_dict())
    return adapted


def _folder(name: str, weights_folder: str | Path | None) -> Path:
    if weights_folder is not None:
        return Path(weights_folder)
    if data := os.environ.get(VARIABLE):
        return Path(data).expanduser() / "models"
    raise WeightsNotHere(
        f"It is not known where the weights of {name} lie.",
        "Give weights_folder=..., the folder that `resonance-tui models pull` and `models import` "
        f"name when they are done, or set {VARIABLE} to the one that holds models/.",
    )
