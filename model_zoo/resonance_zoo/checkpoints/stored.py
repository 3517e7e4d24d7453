"""Which weights lie in a folder, and what is known of each; needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from resonance_zoo.checkpoints.errors import WeightsChanged


@dataclass(frozen=True)
class StoredWeights:
    """A verified file of weights and where it came from.

    `source_sha256` is of the file that was imported, `sha256` of the safetensors file made from
    it; `dropped` names what was beside the weights; `overrides` are the settings that the network
    needs to hold them; `classes` is the order in which the imported file answered, where that was
    another than the card's (the stored file answers in the card's).
    """

    name: str
    path: Path
    sha256: str
    origin: str
    source_sha256: str
    imported_at: str  # UTC, ISO 8601
    wrapping: str
    dropped: tuple[str, ...]
    overrides: Mapping[str, Any]
    classes: tuple[str, ...] = ()

    @classmethod
    def now(cls, **fields: Any) -> StoredWeights:
        """The same, imported at this moment."""
        return cls(imported_at=datetime.now(UTC).isoformat(timespec="seconds"), **fields)


def place(name: str, folder: Path) -> Path:
    """Where the weights of that name lie."""
    return folder / f"{name}.safetensors"


def record_place(name: str, folder: Path) -> Path:
    """Where what is known of them lies."""
    return folder / f"{name}.json"


def stored(name: str, folder: Path) -> StoredWeights | None:
    """What is known of the weights of that name; None where there are none.

    The file itself is verified by `weights.load`. Raises WeightsChanged for a damaged record.
    """
    record, path = record_place(name, folder), place(name, folder)
    if not record.is_file() or not path.is_file():
        return None
    try:
        fields = json.loads(record.read_text(encoding="utf-8"))
        fields["dropped"] = tuple(fields["dropped"])
        fields["classes"] = tuple(fields["classes"])
        fields["overrides"] = {key: _tupled(value) for key, value in fields["overrides"].items()}
        return StoredWeights(path=path, **fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsChanged(
            f"{record} is damaged.", f"Import or pull {name} again, or delete it."
        ) from error


def intact(name: str, folder: Path) -> StoredWeights | None:
    """The same, but None for a damaged record as well."""
    try:
        return stored(name, folder)
    except WeightsChanged:
        return None


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
