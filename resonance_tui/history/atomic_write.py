"""Text or bytes into a file that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from resonance_tui.errors import ResonanceError
from resonance_tui.files import atomic_write


class CannotSave(ResonanceError):
    """The file cannot be written."""

    title = "Export"


def save(path: Path, lines: Iterable[str]) -> int:
    """`save_bytes` of text in UTF-8."""
    return save_bytes(path, (line.encode() for line in lines))


def save_bytes(path: Path, parts: Iterable[bytes]) -> int:
    """Writes or replaces `path`; returns how many bytes it holds.

    A pipe or a device is written to as it is. Raises CannotSave and leaves what was there.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                return sum(map(stream.write, parts))
        return atomic_write(path.resolve(), parts)  # a link stays a link
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotSave(
            f"{path} cannot be written: {reason}.", "Name another file with --out."
        ) from error


def free_name(path: Path) -> Path:
    """`path`, or the first of `name-2`, `name-3`, ... that nobody uses yet."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free
