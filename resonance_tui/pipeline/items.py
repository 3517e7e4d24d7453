"""Finds what can be read among paths: pictures, films, and folders of frames."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from resonance_tui.errors import InputError

PICTURES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".bmp", ".webp", ".avif"),
        *(".tif", ".tiff", ".pgm", ".ppm", ".pbm", ".pnm"),
    )
)
FILMS = frozenset(
    (
        *(".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".ts"),
        *(".3gp", ".m2ts", ".mts", ".ogv", ".mxf", ".gif"),
    )
)
MOST_KINDS = 6  # of files passed over that are named

Tell = Callable[[str], None]
Folder = tuple[int, int]  # device and number: what a folder is, by whatever path


def find_items(
    paths: list[Path], tell: Tell = lambda text: None, *, frames: str = "auto"
) -> list[Path]:
    """Pictures, films and folders of frames among `paths` and below them, in order, each once.

    `frames`: whether a folder of several pictures is one clip: "auto" where all are numbered,
    "always", "never". Hidden files and links back to a folder that is being searched are passed
    over; `tell` hears of other files and of folders that cannot be listed. Raises InputError for a
    path that is not there, for a file of another kind, and where nothing is found.
    """
    search = _Search(frames, tell)
    found: list[Path] = []
    for path in paths:
        _check(path)
        found += search.below(path)
    search.end()
    if not found:
        raise InputError(f"No picture and no film below {paths[0]}.", "Name another folder.")
    return list(dict.fromkeys(found))


def frames_in(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their numbers; no hidden file is one."""
    inside = (path for path in folder.iterdir() if is_picture(path) and path.name[0] != ".")
    return sorted(inside, key=_natural)


def is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURES and path.is_file()


def _check(path: Path) -> None:
    if not path.exists():
        raise InputError(f"There is no file {path}.", "Name pictures, films or folders.")
    if not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is neither a file nor a folder.", "Name a file.")
    if path.is_file() and path.suffix.lower() not in PICTURES | FILMS:
        raise InputError(
            f"{path} is no picture and no film.",
            f"Known: {', '.join(sorted(PICTURES | FILMS))}.",
        )


class _Search:
    def __init__(self, frames: str, tell: Tell) -> None:
        self._frames, self._remark = frames, tell
        self._passed: Counter[str] = Counter()

    def below(self, path: Path, around: frozenset[Folder] = frozenset()) -> Iterator[Path]:
        """The items at and below `path`, which lies within the folders `around`."""
        if path.is_file():
            yield path
            return
        here = _folder(path)
        if here in around:
            return
        inside = self._listed(path)
        files = [each for each in inside if each.is_file()]
        pictures = [each for each in files if each.suffix.lower() in PICTURES]
        films = [each for each in files if each.suffix.lower() in FILMS]
        if self._is_clip(pictures):
            yield path
        else:
            yield from pictures
        yield from films
        known = PICTURES | FILMS
        others = (each.suffix.lower() for each in files)
        self._passed.update(kind for kind in others if kind not in known)
        for folder in inside:
            if folder.is_dir():
                yield from self.below(folder, around | {here})

    def end(self) -> None:
        """Tell which files were passed over."""
        kinds = self._passed.most_common(MOST_KINDS)
        if kinds:
            named = ", ".join(f"{count} {kind or 'without a suffix'}" for kind, count in kinds)
            more = " and others" if len(self._passed) > len(kinds) else ""
            self._remark(f"Passed over, as neither pictures nor films: {named}{more}.")

    def _is_clip(self, pictures: list[Path]) -> bool:
        if len(pictures) < 2 or self._frames == "never":
            return False
        return self._frames == "always" or all(each.stem.isdecimal() for each in pictures)

    def _listed(self, folder: Path) -> list[Path]:
        try:
            return sorted((each for each in folder.iterdir() if each.name[0] != "."), key=_natural)
        except OSError as error:
            self._remark(f"{folder} cannot be searched: {error.strerror or error}.")
            return []


def _folder(path: Path) -> Folder:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
