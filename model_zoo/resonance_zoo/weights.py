"""Keeps weights: official files become NAME.safetensors beside NAME.json, verified ever after.

The folder is the caller's; this package knows no data directory.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from resonance_zoo.card_types import NetworkCard
from resonance_zoo.cards import network_card
from resonance_zoo.checkpoints.errors import (
    UnreadableWeights,
    UnsafeWeights,
    WeightsChanged,
    WeightsError,
    WeightsNotHere,
    WrongArchitecture,
    WrongClasses,
)
from resonance_zoo.checkpoints.fitting import fitted, initialise_encoder, load_into
from resonance_zoo.checkpoints.official import OfficialFile, read_official
from resonance_zoo.checkpoints.stored import StoredWeights, place, record_place, stored
from resonance_zoo.checkpoints.unfilled import unfilled
from resonance_zoo.files import sha256
from resonance_zoo.registry import create

__all__ = [
    "OfficialFile",
    "StoredWeights",
    "UnreadableWeights",
    "UnsafeWeights",
    "WeightsChanged",
    "WeightsError",
    "WeightsNotHere",
    "WrongArchitecture",
    "WrongClasses",
    "import_weights",
    "initialise_encoder",
    "keep_start",
    "load",
    "load_into",
    "read_official",
    "stored",
]


def import_weights(
    file: str | Path,
    name: str,
    folder: Path,
    *,
    origin: str = "",
    classes: Sequence[str] = (),
    **overrides: Any,
) -> Path:
    """Read an official checkpoint, check that it fits network `name` (built with `overrides`) and
    keep it as `folder/NAME.safetensors`.

    `origin` is where it came from (default: the file's name). `classes` is the order in which the
    checkpoint answers; by default the card's, but a file that the authors' trainer wrote is taken
    to have the order of their published weights. The rows of the classifier are put into the
    card's order, so that every stored network answers alike. Raises WeightsError.
    """
    file = Path(file)
    card = network_card(name)
    official = read_official(file)
    classes = tuple(classes) or _published_order(card, official)
    with torch.device("meta"):
        network = create(name, **overrides)
    official = _under_our_names(network, official)
    load_into(network, official.state, source=file.name)
    state = _in_our_order(network.state_dict(), card, classes)
    return _keep(state, name, folder, file, official, origin, overrides, classes)


def keep_start(file: Path, name: str, folder: Path, *, origin: str = "") -> Path:
    """Keep a file to start training from as it is, tensors only, as `folder/NAME.safetensors`.

    `name` is a network's name with a tag ("videomae_base.k400_pretrain"); no network is checked,
    because such files fit in part only (`initialise_encoder`). Raises WeightsError.
    """
    official = read_official(file)
    return _keep(official.state, name, folder, file, official, origin, {})


def load(name: str, folder: Path) -> nn.Module:
    """The stored network in eval mode, its numbers mapped from the verified file.

    Raises WeightsNotHere, WeightsChanged (the file is not the one imported) and WeightsError.
    """
    kept = stored(name, folder)
    if kept is None:
        raise WeightsNotHere(
            f"There are no weights for {name} in {folder}.",
            f"resonance-tui models pull {name}, or: models import FILE --as {name}",
        )
    found = sha256(kept.path)
    if found != kept.sha256:
        raise WeightsChanged(
            f"{kept.path} is not the file that was imported: expected SHA-256 {kept.sha256}, "
            f"found {found}.",
            "Import or pull it again.",
        )
    with unfilled():
        network = create(name, **kept.overrides)
    load_into(network, load_file(kept.path), source=kept.path.name)
    return network.eval()


def _under_our_names(network: nn.Module, official: OfficialFile) -> OfficialFile:
    found = fitted(network, official.state)
    if not found.prefix:
        return official
    before = "" if official.wrapping == "bare" else f"{official.wrapping}, "
    return replace(
        official,
        state=dict(found.state),
        wrapping=f"{before}{found.prefix}",
        dropped=official.dropped + found.left_out,
    )


def _published_order(card: NetworkCard, official: OfficialFile) -> tuple[str, ...]:
    """The order of the authors' classes, if the file carries the records of their trainer."""
    if not any(each.startswith("recorder") for each in official.dropped):
        return ()
    return next((each.classes for each in card.weights if each.classes), ())


def _in_our_order(
    state: dict[str, Tensor], card: NetworkCard, classes: tuple[str, ...]
) -> dict[str, Tensor]:
    if not classes or classes == card.classes:
        return state
    if sorted(classes) != sorted(card.classes):
        raise WeightsError(
            f"{card.name} knows {', '.join(card.classes)}; the weights know {', '.join(classes)}."
        )
    order = torch.tensor([classes.index(each) for each in card.classes])
    rows = {f"{card.classifier}.weight", f"{card.classifier}.bias"}
    return {key: value[order] if key in rows else value for key, value in state.items()}


def _keep(
    state: dict[str, Tensor],
    name: str,
    folder: Path,
    file: Path,
    official: OfficialFile,
    origin: str,
    overrides: dict[str, Any],
    classes: tuple[str, ...] = (),
) -> Path:
    path, record = place(name, folder), record_place(name, folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _replacing(path) as draft:
        # One entry: it writes several in an order that changes, and the file's hash with it.
        save_file(_separate(state), draft, metadata={"format": "pt"})
        kept = StoredWeights.now(
            name=name,
            path=path,
            sha256=sha256(draft),
            origin=origin or file.name,
            source_sha256=sha256(file),
            wrapping=official.wrapping,
            dropped=official.dropped,
            overrides=overrides,
            classes=classes,
        )
        # Without its record a file counts as absent: better than one that names another file.
        record.unlink(missing_ok=True)
    with _replacing(record) as draft:
        plain = {key: value for key, value in asdict(kept).items() if key != "path"}
        draft.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    return path


def _separate(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Dense tensors, each with memory of its own: copied only where two share it."""
    seen: set[int] = set()
    kept: dict[str, Tensor] = {}
    for key, value in state.items():
        own = value.contiguous() if value.data_ptr() not in seen else value.clone()
        seen.add(own.data_ptr())
        kept[key] = own
    return kept


@contextlib.contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """A file beside `path` to write to; it takes the place of `path` when all went well."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
