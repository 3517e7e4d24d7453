"""Reads the lists that say which clips there are and which emotion each shows.

Four forms, told apart by themselves:

* FERV39K (`train_All.csv`) and MAE-DFER: `path label`; the path may hold spaces.
* Former-DFER and IAL: `path frames label`.
* Either of these with commas, as pandas writes them, with or without a line of names before.
* DFEW (`set_1/train.csv`): first line `video_name,label`, then `00001,3`; labels count from 1.

Published lists hold the paths of their authors' machines; `relocation` finds the clips below the
folder at hand. A label is 0..6 (DFEW's own: 1..7) or a word: Happy Sad Neutral Angry Surprise
Disgust Fear.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from resonance_zoo.classes import CLASSES
from resonance_zoo.train.clips.relocation import as_posix, is_absolute, relocate, shortest_tail

OFFICIAL_WORDS = ("Happy", "Sad", "Neutral", "Angry", "Surprise", "Disgust", "Fear")
WORDS = {
    word.lower(): label for words in (OFFICIAL_WORDS, CLASSES) for label, word in enumerate(words)
}
DFEW_HEADER = "video_name,label"
DFEW_DIGITS = 5
_HEADERS = ("label", "labels", "class", "emotion", "target")  # last word of a line of names
_QUOTES = "\"' "


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

    Absolute paths of another machine are looked for by their tails below `root`, and backslashes
    part folders. Raises AnnotationError for a bad line, a label that contradicts the class folder
    in the path, an empty list, or a clip without its folder of frames.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_text(file).splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line]
    is_dfew = bool(lines) and lines[0][1].replace(" ", "").lower() == DFEW_HEADER
    parse = _dfew if is_dfew else _spaced
    clips = []
    for number, line in lines[1:] if is_dfew or (lines and _is_header(lines[0][1])) else lines:
        try:
            clips.append(parse(line, root))
        except ValueError as error:
            raise AnnotationError(f"{file}, line {number}: {error}") from None
    if not clips:
        raise AnnotationError(f"{file} lists no clip")
    clips = _relocated(clips, root)
    _check_folders(clips, root, file)
    return clips


def _relocated(clips: list[AnnotatedClip], root: Path) -> list[AnnotatedClip]:
    """The clips where they lie below `root`, if the paths of the list are another machine's."""
    if not _is_foreign(clips) or (folders := relocate([clip.name for clip in clips], root)) is None:
        return clips
    return [replace(clip, folder=folder) for clip, folder in zip(clips, folders, strict=True)]


def _is_foreign(clips: list[AnnotatedClip]) -> bool:
    """Whether all paths are absolute and none of them is a folder here."""
    return all(is_absolute(clip.name) for clip in clips) and not any(
        clip.folder.is_dir() for clip in clips
    )


def _ends_below(clips: list[AnnotatedClip], root: Path) -> list[Path] | None:
    """Where relative paths would be found if their beginning were taken off; they may be another
    split's, so this is only said."""
    folders = relocate([clip.name for clip in clips], root)
    found = folders is not None and all(folder.is_dir() for folder in folders)
    return folders if found and len(set(folders or ())) == len(clips) else None


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
    line = _without_commas(line)
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
    name = as_posix(name, root)
    _check_class_folder(name, label)
    return AnnotatedClip(name, root / name, label, frames)


def _without_commas(line: str) -> str:
    """`path,label` and `path,frames,label` with blanks; a comma within a path stays."""
    path, comma, label = line.rpartition(",")
    if not comma or not _is_label(label.strip()):
        return line
    name, second, frames = path.rpartition(",")
    if second and frames.strip().isdecimal():
        return f"{name.strip(_QUOTES)} {frames.strip()} {label.strip()}"
    return f"{path.strip(_QUOTES)} {label.strip()}"


def _is_label(word: str) -> bool:
    return word.lower() in WORDS or word.isdecimal()


def _is_header(line: str) -> bool:
    """Whether a line names columns, the last of them the label's."""
    words = line.replace(",", " ").lower().split()
    return bool(words) and words[-1].strip(_QUOTES) in _HEADERS


def _dfew(line: str, root: Path) -> AnnotatedClip:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 2 or not parts[0]:
        raise ValueError(f"expected 'video_name,label', found {line!r}")
    name = as_posix(parts[0], root).removesuffix(".mp4")
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


def _check_folders(clips: list[AnnotatedClip], root: Path, file: Path) -> None:
    missing = [clip for clip in clips if not clip.folder.is_dir()]
    if not missing:
        return
    first = missing[0]
    found = (
        f"{len(missing)} of the {len(clips)} clips of {file} have no folder of frames;"
        f" the first is {first.folder}"
    )
    if _is_foreign(clips):
        sought = shortest_tail(first.name)
        found += (
            f". The list holds paths of another machine: below {root} their ends were sought, down "
            f"to {sought}"
        )
    elif (ends := _ends_below(clips, root)) is not None:
        found += (
            f". The ends of all its paths are folders below {root}, the first as {ends[0]}: name "
            "the data folder that the paths begin in, or take the beginning off them"
        )
    raise AnnotationError(found)
