"""A place in a training run on disk, in the wrapping of the official MAE-DFER checkpoints.

{"model", "optimizer", "epoch", "scaler", "args"} as there, where "args" holds plain values instead
of a pickled Namespace, and "step" and "best" besides; `torch.load(weights_only=True)` reads it.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

LAST, BEST = "checkpoint-last.pth", "checkpoint-best.pth"


UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, LookupError, TypeError, ValueError)


class CheckpointError(ValueError):
    """The file is no checkpoint that this run could go on from."""


@dataclass
class Place:
    """How far a run has come: optimiser steps done, and the best validation so far (percent)."""

    step: int = 0
    best: float | None = None
    best_epoch: int | None = None


@dataclass(frozen=True)
class Checkpoint:
    """What `read` gives back. `about` says what was trained: network, recipe, overrides, seed."""

    model: dict[str, Any]
    optimiser: dict[str, Any]
    scaler: dict[str, Any] | None
    place: Place
    about: dict[str, Any]

    def write(self, path: Path, epoch: int) -> None:
        """Write beside the old file, then replace it: a kill never leaves half a checkpoint."""
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(
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
                file,
            )
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)


def read(path: Path, *, mapped: bool = False) -> Checkpoint:
    """A file written by `Checkpoint.write`; `mapped` leaves the numbers in it until they are used.

    Raises CheckpointError for anything else.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        raw = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        place = Place(raw["step"], raw["best"], raw["best_epoch"])
        return Checkpoint(raw["model"], raw["optimizer"], raw["scaler"], place, raw["args"])
    except UNREADABLE as error:
        raise CheckpointError(f"{path} is damaged or no checkpoint of train_dfer") from error
    except OSError as error:
        # Of a zip that was cut off, torch wants bytes before its start; that names no file.
        why = (
            f"cannot be read ({error.strerror})" if error.filename else "is damaged: it was cut off"
        )
        raise CheckpointError(f"{path} {why}") from error


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
