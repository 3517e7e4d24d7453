"""Training state on disk: written whole or not at all, read without running what is in the file."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

UNREADABLE = (
    *(pickle.UnpicklingError, RuntimeError, EOFError),
    *(LookupError, TypeError, ValueError, AttributeError),
)


class CheckpointError(ValueError):
    """The file is no checkpoint that a training could go on from."""


def save(state: Mapping[str, Any], path: Path) -> None:
    """Write beside the old file, then replace it: a kill never leaves half a checkpoint."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """What `save` wrote, on the CPU; `mapped` leaves the numbers in the file until they are used.

    Raises CheckpointError where there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise CheckpointError(f"there is no checkpoint {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except UNREADABLE as error:
        raise damaged(path) from error
    except OSError as error:
        # Of a zip that was cut off, torch wants bytes before its start; that names no file.
        why = (
            f"cannot be read ({error.strerror})" if error.filename else "is damaged: it was cut off"
        )
        raise CheckpointError(f"{path} {why}") from error
    if not isinstance(state, dict):
        raise damaged(path)
    return state


def damaged(path: Path) -> CheckpointError:
    """The error for a file whose content is not what training writes."""
    return CheckpointError(f"{path} is damaged or no checkpoint of this training")
