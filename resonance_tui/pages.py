"""Pages of native libraries that only loading needed leave this process's memory (Linux)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAPS = Path("/proc/self/smaps")
_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ +(/.*)")
_PACKAGES = ("cv2", "numpy", "onnxruntime")  # theirs, and those that lie beside them
_MADV_DONTNEED = 4  # of Linux' mman.h


class Mapping(NamedTuple):
    """A part of a library in memory, as it is in the file: nothing has written to it."""

    start: int
    end: int
    path: str


def drop_idle_pages() -> None:
    """Have the system map anew what is used of Python's native libraries (blocking, milliseconds).

    Loading runs through most of OpenCV and ONNX Runtime once, and those pages count as ours for
    ever. What is needed comes back from the system's own cache as it is called, 64 KiB at a time.
    """
    if sys.platform != "linux":
        return
    try:
        seen = set(_unchanged())
        # Python loads a library without letting another thread run: what two looks show alike is
        # none that is being loaded, whose parts still change places.
        alike = seen.intersection(_unchanged())
    except OSError:  # a sandbox without /proc
        return
    import ctypes

    libc = ctypes.CDLL(None)
    for each in alike:
        start, length = ctypes.c_void_p(each.start), ctypes.c_size_t(each.end - each.start)
        libc.madvise(start, length, _MADV_DONTNEED)


def _unchanged() -> Iterator[Mapping]:
    """Code and constants of libraries that lie where _PACKAGES do."""
    roots = tuple(_folders())
    found: Mapping | None = None
    for line in _MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if head := _HEAD.fullmatch(line):
            start, end, rights, path = head.groups()
            is_ours = path.startswith(roots) and ".so" in path and rights in ("r-xp", "r--p")
            found = Mapping(int(start, 16), int(end, 16), path) if is_ours else None
        elif found is not None and line.startswith("Anonymous:"):
            if line.split()[1] == "0":
                yield found
            found = None


def _folders() -> set[str]:
    """In which _PACKAGES lie, as far as they are loaded."""
    files = (getattr(sys.modules.get(name), "__file__", None) for name in _PACKAGES)
    return {f"{Path(file).resolve().parents[1]}/" for file in files if file}
