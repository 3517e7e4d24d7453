"""Finds the clips of a list that holds the absolute paths of another machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath


def as_posix(name: str, root: Path) -> str:
    """A path with slashes, as Windows and other systems read it.

    A name that holds a backslash stays where it is there under `root` just so.
    """
    if "\\" not in name or (root / name).exists():
        return name
    return name.replace("\\", "/")


def is_absolute(name: str) -> bool:
    """Whether a path is absolute on some system: `/data/x`, `C:/data/x`."""
    return PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute()


def relocate(names: Sequence[str], root: Path) -> list[Path] | None:
    """The folders of clips below `root`, for absolute paths of another machine.

    From each path the same number of leading parts is cut: the fewest with which all of them are
    folders of their own below `root`, else the fewest with which the first one is. None where no
    tail of the first path is a folder.
    """
    first = None
    apart = len(set(names))
    for count in _cuts(names[0]):
        folders = [root / _tail(name, count) for name in names]
        if not folders[0].is_dir():
            continue
        first = first or folders
        if len(set(folders)) == apart and all(folder.is_dir() for folder in folders):
            return folders
    return first


def shortest_tail(name: str) -> str:
    """The last thing that `relocate` looks for."""
    return _tail(name, max(_cuts(name), default=0))


def _cuts(name: str) -> Iterator[int]:
    """How many leading parts may be cut, fewest first: the root always, the clip's name never."""
    return iter(range(1, len(_parts(name))))


def _tail(name: str, count: int) -> str:
    return "/".join(_parts(name)[count:])


def _parts(name: str) -> tuple[str, ...]:
    return (PureWindowsPath(name) if name[1:2] == ":" else PurePosixPath(name)).parts
