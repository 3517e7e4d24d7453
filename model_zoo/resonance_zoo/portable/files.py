"""Which ONNX files lie beside imported weights, and whether they are what was written. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from resonance_zoo.checkpoints.errors import WeightsChanged
from resonance_zoo.checkpoints.stored import StoredWeights
from resonance_zoo.files import sha256

FLOAT32, INT8 = "float32", "int8"
SAME_ENOUGH = 0.975  # share of the clips that keep their top class: all of 40 but one


@dataclass(frozen=True)
class PortableFile:
    """One file; the last three compare its answers with those of float32."""

    sha256: str
    same_top: float = 1.0  # share of the clips
    max_difference: float = 0.0  # of logits
    clips: int = 0


@dataclass(frozen=True)
class PortableNetwork:
    """The files made of one file of weights, by precision."""

    weights: str  # SHA-256 of the safetensors file
    files: Mapping[str, PortableFile]

    @property
    def best(self) -> str:
        """int8 where it answers as float32 does, else float32."""
        int8 = self.files.get(INT8)
        return INT8 if int8 and int8.same_top >= SAME_ENOUGH else FLOAT32


def onnx_place(name: str, precision: str, folder: Path) -> Path:
    """Where the file of that precision lies."""
    return folder / f"{name}.{precision}.onnx"


def portable_record(name: str, folder: Path) -> Path:
    """Where what is known of the files lies."""
    return folder / f"{name}.onnx.json"


def portable(kept: StoredWeights | None) -> PortableNetwork | None:
    """The ONNX files made of these weights; None where there are none, or a record is damaged."""
    if kept is None:
        return None
    folder = kept.path.parent
    try:
        raw = json.loads(portable_record(kept.name, folder).read_text(encoding="utf-8"))
        files = {precision: PortableFile(**entry) for precision, entry in raw["files"].items()}
        found = PortableNetwork(raw["weights"], files)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    is_whole = all(onnx_place(kept.name, each, folder).is_file() for each in files)
    return found if found.weights == kept.sha256 and FLOAT32 in files and is_whole else None


def note(name: str, folder: Path, network: PortableNetwork) -> None:
    """Write the record."""
    text = json.dumps(asdict(network), indent=2) + "\n"
    record = portable_record(name, folder)
    draft = record.with_name(f".{record.name}.part")
    draft.write_text(text, encoding="utf-8")
    draft.replace(record)


def verified(name: str, precision: str, folder: Path, known: PortableNetwork) -> Path:
    """The file itself. Raises WeightsChanged where it is not the one that was written."""
    path, expected = onnx_place(name, precision, folder), known.files[precision].sha256
    found = sha256(path)
    if found != expected:
        raise WeightsChanged(
            f"{path} is not the file that was written: expected SHA-256 {expected}, found {found}.",
            "Import or pull the weights again.",
        )
    return path
