"""Reads the lists that say which clips there are and which emotion each shows.

Three official forms, told apart by themselves:

* FERV39K (`train_All.csv`) and MAE-DFER: `path label`; the path may hold spaces.
* Former-DFER and IAL: `path frames label`.
* DFEW (`set_1/train.csv`): first line `video_name,label`, then `00001,3`; labels count from 1.

A label is 0..6 (DFEW: 1..7) or a word: Happy Sad Neutral Angry Surprise Disgust Fear.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resonance_zoo.classes import CLASSES

OFFICIAL_WORDS = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")
WORDS = {
    word.lower(): label for words in (OFFICIAL_WORDS, CLASSES) for label, word in enumerate(words)
}
DFEW_HEADER = "video_name,label"
DFEW_DIGITS = 5


class AnnotationError(ValueError):
    """A list cannot be used; the message names file, line, and what was expected there."""


@dataclass(frozen=True)
class AnnotatedClip:
    """One labelled clip. `frames` is the number of frames by the list, None where it has none."""

    name: str
    folder: Path
    label: int
    frames: int | None = None


def read(file: Path, root: Path) -> list[AnnotatedClip]:
    """All clips of a list, in its order; relative paths are taken from `root`.

    Raises AnnotationError for a bad line, a label that contradicts the class folder in the path,
    an empty list, or a clip without its folder of frames.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_text(file).splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line]
    is_dfew = bool(lines) and lines[0][1].replace(" ", "").lower() == DFEW_HEADER
    parse = _dfew if is_dfew else _spaced
    clips = []
    for number, line in lines[1:] if is_dfew else lines:
        try:
            clips.append(parse(line, root))
        except ValueError as error:
            raise AnnotationError(f"{file}, line {number}: {error}") from None
    if not clips:
        raise AnnotationError(f"{file} lists no clip")
    _check_folders(clips, file)
    return clips


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"there is no annotation list {file}") from None
    except IsADirectoryError:
        raise AnnotationError(f"{file} is a folder, not an annotation list") from None
    except UnicodeDecodeError:
        raise AnnotationError(f"{file} is not a text file") from None


def _spaced(line: str, root: Path) -> AnnotatedClip:
    """`path label` or `path frames label`, from the right, since paths may hold spaces."""
    parts = line.rsplit(maxsplit=2)
    if len(parts) == 3 and parts[1].isdecimal():
        name, frames, label = parts[0], int(parts[1]), _label(parts[2], first=0)
        if frames < 1:
            raise ValueError(f"a clip has at least one frame, not {frames}")
    elif len(parts) >= 2:
        name, word = line.rsplit(maxsplit=1)
        frames, label = None, _label(word, first=0)
    else:
        raise ValueError(f"expected 'path label' or 'path frames label', found {line!r}")
    _check_class_folder(name, label)
    return AnnotatedClip(name.replace("\\", "/"), root / name, label, frames)


def _dfew(line: str, root: Path) -> AnnotatedClip:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 2 or not parts[0]:
        raise ValueError(f"expected 'video_name,label', found {line!r}")
    name = parts[0].removesuffix(".mp4")
    # Some copies of the lists drop the leading zeros that the folders have.
    folders = [root / name, root / name.zfill(DFEW_DIGITS)]
    folder = next((folder for folder in folders if folder.is_dir()), folders[0])
    return AnnotatedClip(name, folder, _label(parts[1], first=1))


def _label(word: str, first: int) -> int:
    if word.lower() in WORDS:
        return WORDS[word.lower()]
    last = first + len(CLASSES) - 1
    if word.isdecimal() and first <= int(word) <= last:
        return int(word) - first
    hint = (
        f"; labels from 1 to 7 need DFEW's first line {DFEW_HEADER!r}"
        if word == "7" and not first
        else ""
    )
    raise ValueError(
        f"expected a label from {first} to {last} or one of {', '.join(OFFICIAL_WORDS)},"
        f" found {word!r}{hint}"
    )


def _check_class_folder(name: str, label: int) -> None:
    """FERV39K's paths hold the class; a list in another label order must not train in silence."""
    for part in Path(name).parts[:-1]:
        said = WORDS.get(part.lower())
        if said is not None and said != label:
            raise ValueError(
                f"the path says {part} ({said}), the label says {OFFICIAL_WORDS[label]} ({label})"
            )


def _check_folders(clips: list[AnnotatedClip], file: Path) -> None:
    missing = [clip for clip in clips if not clip.folder.is_dir()]
    if missing:
        raise AnnotationError(
            f"{len(missing)} of the {len(clips)} clips of {file} have no folder of frames;"
            f" the first is {missing[0].folder}"
        )
