"""A place in a training run on disk, in the wrapping of the official MAE-DFER checkpoints.

{"model", "optimizer", "epoch", "scaler", "args"} as there, where "args" holds plain values instead
of a pickled Namespace, and "step" and "best" besides; `torch.load(weights_only=True)` reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonance_zoo.train import checkpoint_file
from resonance_zoo.train.checkpoint_file import UNREADABLE, CheckpointError

LAST, BEST = "checkpoint-last.pth", "checkpoint-best.pth"


@dataclass
class Place:
    """How far a run has come: optimiser steps done, and the best validation so far (percent)."""

    step: int = 0
    best: float | None = None
    best_epoch: int | None = None


@dataclass(frozen=True)
class ClipCheckpoint:
    """What `read` gives back. `about` says what was trained: network, recipe, overrides, seed."""

    model: dict[str, Any]
    optimiser: dict[str, Any]
    scaler: dict[str, Any] | None
    place: Place
    about: dict[str, Any]

    def write(self, path: Path, epoch: int) -> None:
        """Replace the file at `path`, whole or not at all."""
        checkpoint_file.save(
            {
                "model": self.model,
                "optimizer": self.optimiser,
                "epoch": epoch,
                "scaler": self.scaler,
                "args": self.about,
                "step": self.place.step,
                "best": self.place.best,
                "best_epoch": self.place.best_epoch,
            },
            path,
        )


def read(path: Path, *, mapped: bool = False) -> ClipCheckpoint:
    """A file that `ClipCheckpoint.write` wrote; `mapped` as in `checkpoint_file.load`.

    Raises CheckpointError for anything else.
    """
    raw = checkpoint_file.load(path, mapped=mapped)
    try:
        place = Place(raw["step"], raw["best"], raw["best_epoch"])
        return ClipCheckpoint(raw["model"], raw["optimizer"], raw["scaler"], place, raw["args"])
    except UNREADABLE as error:
        raise checkpoint_file.damaged(path) from error


def about(path: Path) -> dict[str, Any]:
    """What a checkpoint of ours says of itself; nothing for any other file."""
    try:
        found = read(path, mapped=True).about
    except CheckpointError:
        return {}
    is_ours = isinstance(found, dict) and found.keys() >= {"network", "overrides", "recipe"}
    return found if is_ours else {}


def check_same(stored: dict[str, Any], wanted: dict[str, Any], path: Path) -> None:
    """Raise CheckpointError at the first thing that the run and its checkpoint disagree on."""
    for key in sorted(stored.keys() | wanted.keys()):
        was, now = stored.get(key), wanted.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            check_same(was, now, path)
        elif was != now:
            raise CheckpointError(
                f"{path} was trained with {key} = {was!r}, this command says {now!r};"
                " give the same settings, or train into another folder"
            )
