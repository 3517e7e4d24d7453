"""Text or bytes into a file that appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from resonance_tui.errors import ResonanceError


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
        return _replace(path.resolve(), parts)  # a link stays a link
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


def _replace(path: Path, parts: Iterable[bytes]) -> int:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            written = sum(map(stream.write, parts))
        os.chmod(name, _mode_of(path))
        os.replace(name, path)
        return written
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _mode_of(path: Path) -> int:
    """The mode of the file that is replaced, or what a new file would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
