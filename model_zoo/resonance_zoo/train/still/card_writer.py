"""Writes a network's card: every number in it is handed in by the run that measured it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from resonance_zoo.classes import CLASSES

BOX_SCALE = 1.09  # crop side over the larger side of the landmark box, measured on FER+ faces
SHIFT_UP = 0.055  # how far the crop sits above that box's centre, in crop sides

PROVENANCE = {
    "images": "FER2013 (Kaggle 2013): web images, for research and education; not shipped",
    "votes": "FER+ (Microsoft), ten votes an image, MIT",
    "licence_note": "The votes' licence does not cover the photographs. The weights are ours, MIT.",
}


def input_table(size: int) -> dict[str, Any]:
    """The input contract, the same framing as FER+ crops have around MediaPipe landmarks."""
    return {
        "name": "faces",
        "size": size,
        "colour": "grey",
        "value_range": [0.0, 255.0],
        "normalisation": "inside the network: (x - mean) / (std + 8/255) for each face, x in 0..1",
        "box_scale": BOX_SCALE,
        "shift_up": SHIFT_UP,
        "border": "replicate",
    }


def weaknesses(figures: dict[str, Any], prior: Mapping[str, float]) -> list[str]:
    """What users must know, with the figures of the shipped operating point on valid."""
    recall = figures["recall"]

    def lost(truth: str, said: str) -> str:
        row = figures["confusion"][CLASSES.index(truth)]
        return f"{row[CLASSES.index(said)] / max(sum(row), 1):.0%}"

    def rare(name: str) -> str:
        faces = sum(figures["confusion"][CLASSES.index(name)])
        found = "unknown" if recall[name] is None else f"{recall[name]:.0%}"
        return f"{name} ({prior[name]:.1%} of the votes trained on; recall {found} of {faces})"

    return [
        "No contempt class: such faces come out as neutral or happiness.",
        f"Anger with a closed mouth tends to read as neutral ({lost('anger', 'neutral')} of anger"
        " does).",
        f"Sadness reads as neutral in {lost('sadness', 'neutral')} of cases, neutral as sadness in"
        f" {lost('neutral', 'sadness')}.",
        f"Few faces stand behind {rare('disgust')} and {rare('fear')}.",
        "Trained on 48x48 web and stock photographs; no audit by age, gender or skin tone.",
        "It names what a face shows in a still image, not what a person feels.",
    ]


def write_card(path: Path, table: dict[str, Any]) -> None:
    """Write the card, with a line that says where it comes from."""
    document = tomlkit.item(plain(table))
    header = "# Written by scripts/train_static; every number comes from that run. Do not edit.\n"
    path.write_text(header + document.as_string(), encoding="utf-8")


def plain(value: Any) -> Any:
    """Numbers to four digits, absent values left out, long lists one item a line."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        items = tomlkit.item([plain(item) for item in value])
        return items.multiline(any(isinstance(item, (str, list, tuple)) for item in value))
    return round(value, 4) if isinstance(value, float) else value
