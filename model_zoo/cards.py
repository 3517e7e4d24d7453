"""What a network wants, what it gives and where it comes from: one TOML file each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_zoo.classes import CLASSES

CARDS = Path(__file__).parent / "cards"


class CardError(ValueError):
    """A card is missing or does not say what it must."""


@dataclass(frozen=True)
class InputContract:
    """How to cut the picture that the network reads.

    The crop is a square `box_scale` times the larger side of the box around the face landmarks,
    centred on that box sideways and moved up by `shift_up` of the crop's side.
    """

    name: str
    size: int
    colour: str
    value_range: tuple[float, float]
    normalisation: str
    box_scale: float
    shift_up: float
    border: str


@dataclass(frozen=True)
class OutputContract:
    """How to read the answer: softmax(logits) are probabilities in the order of `classes`.

    `temperature` and `logit_bias` are already inside the weights file; they are stated so that
    the raw network can be recovered: raw = logits * temperature - logit_bias.
    """

    name: str
    classes: tuple[str, ...]
    temperature: float
    logit_bias: tuple[float, ...]
    unsure_below: float
    mirror_average: bool


@dataclass(frozen=True)
class Card:
    """One network's card; `metrics`, `training` and `provenance` are kept as they were written."""

    name: str
    summary: str
    weights_file: str
    sha256: str
    licence: str
    input: InputContract
    output: OutputContract
    metrics: dict[str, Any]
    training: dict[str, Any]
    provenance: dict[str, Any]
    comparison: dict[str, Any]  # other designs at the same budget; empty where none was made
    weaknesses: tuple[str, ...]


def load_card(name: str, folder: Path = CARDS) -> Card:
    """Read `folder/name.toml`."""
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise CardError(f"there is no card {path.name} in {folder.name}/")
    return parse_card(tomllib.loads(path.read_text(encoding="utf-8")), path.name)


def parse_card(raw: dict[str, Any], source: str) -> Card:
    """Turn parsed TOML into a Card, or say which part of `source` is wrong."""
    try:
        card = Card(
            name=raw["name"],
            summary=raw["summary"],
            weights_file=raw["weights"]["file"],
            sha256=raw["weights"]["sha256"],
            licence=raw["weights"]["licence"],
            input=InputContract(**_tuples(raw["input"])),
            output=OutputContract(**_tuples(raw["output"])),
            metrics=raw.get("metrics", {}),
            training=raw.get("training", {}),
            provenance=raw.get("provenance", {}),
            comparison=raw.get("comparison", {}),
            weaknesses=tuple(raw.get("weaknesses", ())),
        )
    except KeyError as error:
        raise CardError(f"{source} lacks the entry {error}") from error
    except TypeError as error:
        raise CardError(f"{source}: {error}") from error
    if card.output.classes != CLASSES:
        raise CardError(f"{source}: classes must be {', '.join(CLASSES)} in this order")
    if len(card.output.logit_bias) != len(CLASSES):
        raise CardError(f"{source}: logit_bias needs {len(CLASSES)} numbers")
    return card


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
