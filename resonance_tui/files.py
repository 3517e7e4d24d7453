"""Files that appear whole or not at all, and locks between programs of one user."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from resonance_tui.errors import ResonanceError
from resonance_tui.texts import mark

OWNER_ONLY = 0o600


class CannotSave(ResonanceError):
    """The file cannot be written."""

    title = "Export"


def atomic_write(
    path: Path, parts: Iterable[bytes], *, mode: int | None = None, durable: bool = False
) -> int:
    """Write or replace `path` in one step; returns how many bytes it holds.

    A reader sees the old file or the new one, never half of it. `mode`: permissions of the new
    file; None keeps those of the file it replaces, or what a new file would get. `durable`: the
    bytes are on the disk, not in a cache, before the file appears. Raises OSError and leaves what
    was there.
    """
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # owner only
    try:
        with os.fdopen(handle, "wb") as stream:
            written = sum(map(stream.write, parts))
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        if mode != OWNER_ONLY:
            os.chmod(draft, _usual_mode(path) if mode is None else mode)
        os.replace(draft, path)
        return written
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise


def save_text(path: Path, lines: Iterable[str]) -> int:
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
            mark("{path} cannot be written: {reason}.", path=path, reason=reason),
            mark("Name another file with --out."),
        ) from error


def free_name(path: Path) -> Path:
    """`path`, or the first of `name-2`, `name-3`, ... that does not exist yet."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free


def write_private(path: Path, data: bytes) -> None:
    """Write a file that its owner alone can read, durably; its folder is made. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, [data], mode=OWNER_ONLY, durable=True)


def read_private(path: Path) -> bytes:
    """The content of a file of secrets. Where others could read it, as after a backup was put back,
    they no longer can. Raises OSError."""
    with path.open("rb") as stream:
        if os.name == "posix" and os.fstat(stream.fileno()).st_mode & 0o077:
            with contextlib.suppress(OSError):  # somebody else's file, or a read-only disk
                os.fchmod(stream.fileno(), OWNER_ONLY)
        return stream.read()


def is_own(path: Path) -> bool:
    """Whether this user has written the file. Raises OSError."""
    return os.name != "posix" or path.stat().st_uid == os.geteuid()


def private_folder(folder: Path) -> None:
    """Make the folder, for its owner alone, where it is not there. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)


def lock_file(file: IO[str], *, wait: bool, shared: bool = False) -> None:
    """Hold the open file for this process alone until it is closed or the process ends.

    `wait`: until the other program releases it; otherwise OSError is raised at once. `shared`:
    with others that share it, where the system can.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        mode = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK  # pyright: ignore[reportAttributeAccessIssue]
        msvcrt.locking(file.fileno(), mode, 1)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)


def _usual_mode(path: Path) -> int:
    """The mode of the file that is replaced, or what a new file would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
