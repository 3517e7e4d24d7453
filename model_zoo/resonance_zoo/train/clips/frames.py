"""Reads the frames of a clip from its folder of numbered image files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp"))


class FrameError(ValueError):
    """A folder has too few frames, or a file is no readable image; the message names the path."""


def is_frame(name: str) -> bool:
    """Whether a file of that name is a frame; `._1.jpg` and other hidden files are litter."""
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def list_frames(folder: Path, expected: int | None = None) -> list[Path]:
    """Image files in the order of their numbers: `9.jpg` before `10.jpg`, `0009.jpg` likewise.

    `expected` is the count of an annotation list: more files than that are cut off, as the
    authors do; fewer raise FrameError.
    """
    try:
        files = [path for path in folder.iterdir() if is_frame(path.name) and path.is_file()]
    except OSError as error:
        raise FrameError(f"{folder} cannot be read ({error.strerror})") from None
    if not files:
        raise FrameError(f"{folder} holds no frames ({', '.join(sorted(SUFFIXES))})")
    if expected is not None and len(files) < expected:
        raise FrameError(f"{folder} holds {len(files)} frames; the list says {expected}")
    return sorted(files, key=_natural)[:expected]


def load(files: Sequence[Path], indices: Iterable[int | np.integer]) -> list[Image.Image]:
    """The frames at those indices as RGB; one that occurs twice is decoded once."""
    wanted = [int(index) for index in indices]
    decoded = {index: _decode(files[index]) for index in dict.fromkeys(wanted)}
    return [decoded[index] for index in wanted]


def plain_message(error: Exception) -> str:
    """An error as one line; from a decoding process it comes with that process's traceback."""
    text = str(error).strip()
    if isinstance(error, FrameError):
        return text.splitlines()[-1].rpartition("FrameError: ")[2]
    return " ".join(text.split())


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _decode(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise FrameError(f"the frame {path} is missing") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise FrameError(f"the frame {path} is no readable image ({error})") from None
