"""Gives a shipped network its int8 twin: the file beside its weights, the figures in its card."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from resonance_zoo.cards import CardError, StillCard, parse_card
from resonance_zoo.files import sha256, verify
from resonance_zoo.runtime import open_network
from resonance_zoo.train.still import card_writer, evaluate, ferplus
from resonance_zoo.train.still.quantise import calibration_faces, quantise


def add_int8(card: Path, train: ferplus.FaceSet, valid: ferplus.FaceSet) -> Path:
    """Write `NAME.int8.onnx` for the network of `card` (`.../cards/NAME.toml`, its weights in
    `.../weights`), and into the card its hash and what it scores; the path of the file.

    Raises CardError and what `verify` raises.
    """
    known = parse_card(tomllib.loads(card.read_text(encoding="utf-8")), card.name)
    if not isinstance(known, StillCard):
        raise CardError(f"{card.name} describes no still-image network")
    weights = verify(card.parent.parent / "weights" / known.weights_file, known.sha256)
    faces = calibration_faces(train)
    twin = weights.with_suffix(".int8.onnx")
    quantise(weights, faces, twin)
    figures = _figures(twin, weights, valid, known.output.mirror_below)
    document = tomlkit.parse(card.read_text(encoding="utf-8"))
    _put(document["weights"], {"file": twin.name, "sha256": sha256(twin)})
    _put(document["metrics"], {"calibration_faces": len(faces), **figures})
    card.write_text(tomlkit.dumps(document), encoding="utf-8")
    return twin


def _put(table: object, values: dict[str, Any]) -> None:
    assert isinstance(table, Table)
    table.pop("int8", None)
    table["int8"] = card_writer.plain(values)
    table["int8"].add(tomlkit.nl())


def _figures(
    twin: Path, weights: Path, valid: ferplus.FaceSet, mirror_below: float
) -> dict[str, Any]:
    images, labels = ferplus.labelled(valid)
    session = open_network(twin)
    return {
        "file_bytes": twin.stat().st_size,
        **evaluate.twin_figures(session, open_network(weights), images, labels),
        "mirror": evaluate.mirror_policies(session, images, labels, mirror_below),
    }
