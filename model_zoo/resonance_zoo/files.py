"""Finds shipped weights files and refuses those that are not what their card says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from resonance_zoo.cards import still_card

WEIGHTS = Path(__file__).parent / "weights"


class WeightsMissing(FileNotFoundError):
    """The card names a weights file that is not there."""


class WeightsMismatch(ValueError):
    """A weights file differs from the one its card describes."""

    def __init__(self, file: Path, expected: str, found: str) -> None:
        self.file, self.expected, self.found = file, expected, found
        super().__init__(
            f"{file} is not the file its card describes: expected SHA-256 {expected}, found "
            f"{found}. Reinstall the package, or restore the file from the repository."
        )


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(path: Path, expected: str) -> Path:
    """The path itself, if its content has the expected hash."""
    if not path.is_file():
        raise WeightsMissing(f"{path} is missing; reinstall the package")
    found = sha256(path)
    if found != expected:
        raise WeightsMismatch(path, expected, found)
    return path


def weights_path(name: str) -> Path:
    """The verified file of a network whose weights we ship."""
    card = still_card(name)
    return verify(WEIGHTS / card.weights_file, card.sha256)


def int8_path(name: str) -> Path:
    """The verified int8 twin of that file. Raises WeightsMissing where there is none."""
    card = still_card(name)
    if card.int8 is None:
        raise WeightsMissing(f"{name} has no int8 weights")
    return verify(WEIGHTS / card.int8.file, card.int8.sha256)
