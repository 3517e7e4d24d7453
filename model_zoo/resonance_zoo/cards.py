"""Reads what a network wants, gives and costs, and where it comes from: one TOML file each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from resonance_zoo.card_types import (
    Card,
    CardError,
    ClipInput,
    Confusion,
    Cost,
    InputContract,
    Int8File,
    NetworkCard,
    OutputContract,
    Published,
    Scores,
    StillCard,
)
from resonance_zoo.classes import CLASSES
from resonance_zoo.registry import check_name

__all__ = [
    "CARDS",
    "Card",
    "CardError",
    "ClipInput",
    "Confusion",
    "Cost",
    "InputContract",
    "NetworkCard",
    "OutputContract",
    "Published",
    "StillCard",
    "load_card",
    "network_card",
    "parse_card",
    "still_card",
]

CARDS = Path(__file__).parent / "cards"


def load_card(name: str, folder: Path = CARDS) -> Card:
    """Read `folder/name.toml`. Raises UnknownModel for a name that no network has, CardError."""
    check_name(name)
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise CardError(f"there is no card {path.name} in {folder.name}/")
    return parse_card(tomllib.loads(path.read_text(encoding="utf-8")), path.name)


def still_card(name: str, folder: Path = CARDS) -> StillCard:
    """The card of a shipped still-image network. Raises as `load_card`, CardError for others."""
    card = load_card(name, folder)
    if not isinstance(card, StillCard):
        raise CardError(f"{name} is no still-image network that we ship")
    return card


def network_card(name: str, folder: Path = CARDS) -> NetworkCard:
    """The card of a network of the report. Raises as `load_card`, CardError for others."""
    card = load_card(name, folder)
    if not isinstance(card, NetworkCard):
        raise CardError(f"{name} reads still images, not clips")
    return card


def parse_card(raw: dict[str, Any], source: str) -> Card:
    """Turn parsed TOML into a card, or say which part of `source` is wrong."""
    try:
        return _network(raw, source) if "takes" in raw else _still(raw, source)
    except KeyError as error:
        raise CardError(f"{source} lacks the entry {error}") from error
    except TypeError as error:
        raise CardError(f"{source}: {error}") from error


def _still(raw: dict[str, Any], source: str) -> StillCard:
    card = StillCard(
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
        int8=Int8File(**raw["weights"]["int8"]) if "int8" in raw["weights"] else None,
    )
    if card.output.classes != CLASSES:
        raise CardError(f"{source}: classes must be {', '.join(CLASSES)} in this order")
    if len(card.output.logit_bias) != len(CLASSES):
        raise CardError(f"{source}: logit_bias needs {len(CLASSES)} numbers")
    return card


def _network(raw: dict[str, Any], source: str) -> NetworkCard:
    takes = raw["takes"]
    if takes not in ("clip", "image", "features", "pretrain"):
        raise CardError(f"{source}: takes is clip, image, features or pretrain, not {takes!r}")
    return NetworkCard(
        name=raw["name"],
        summary=raw["summary"],
        licence=raw["licence"],
        paper=raw["paper"],
        source=raw["source"],
        takes=takes,
        input=ClipInput(**_tuples(raw["input"])) if takes != "features" else None,
        classes=tuple(raw["classes"]),
        classifier=raw["classifier"],
        cost=Cost(**raw["cost"]),
        reported={
            data: {who: _scores(table) for who, table in by.items()}
            for data, by in raw.get("reported", {}).items()
        },
        weights=tuple(_published(entry) for entry in raw["weights"]),
        unused_tensors=tuple(raw.get("unused_tensors", ())),
        notes=tuple(raw.get("notes", ())),
        confusion=_confusion(raw, source),
    )


def _confusion(raw: dict[str, Any], source: str) -> Confusion | None:
    if "confusion" not in raw:
        return None
    table = tuple(tuple(row) for row in raw["confusion"]["table"])
    if {len(table), *map(len, table)} != {len(raw["classes"])}:
        raise CardError(f"{source}: the confusion table has a row and a column for each class")
    return Confusion(raw["confusion"]["data"], table)


def _published(entry: dict[str, Any]) -> Published:
    return Published(**_tuples(entry | {"overrides": _tuples(entry.get("overrides", {}))}))


def _scores(table: dict[str, float]) -> Scores:
    return table.get("uar"), table["war"]


def _tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in table.items()}
