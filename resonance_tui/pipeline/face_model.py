"""MediaPipe's face model file: where it is, and downloading it once."""

from __future__ import annotations

import logging
import os
from hashlib import sha256
from pathlib import Path

from resonance_tui.errors import FaceModelMissing

FILE_NAME = "face_landmarker.task"
FACE_MODEL_URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
    + FILE_NAME
)
FACE_MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
VARIABLE = "RESONANCE_FACE_MODEL"
TIMEOUT = 10.0  # s to connect, and between two pieces
HINT = f"Set {VARIABLE} to a copy of {FILE_NAME}; until then OpenCV's simpler finder is used."


def face_model_path(
    data_dir: Path, *, allow_download: bool, progress: bool, url: str = FACE_MODEL_URL
) -> Path:
    """RESONANCE_FACE_MODEL, else the copy in `data_dir`, else downloaded there (3.8 MB, blocking).

    The file in `data_dir` has the pinned hash; the one that the variable names is not checked.
    `progress` draws a bar on stderr. Raises FaceModelMissing.
    """
    if named := os.environ.get(VARIABLE):
        return _named(Path(named).expanduser())
    path = data_dir / FILE_NAME
    if _is_intact(path):
        return path
    if not allow_download:
        raise FaceModelMissing(f"The face model is not in {data_dir}.", HINT)
    return _fetch(data_dir, url, progress)


def _named(path: Path) -> Path:
    if not path.is_file():
        raise FaceModelMissing(f"{VARIABLE} names {path}, and no file is there.", HINT)
    return path


def _is_intact(path: Path) -> bool:
    try:
        return sha256(path.read_bytes()).hexdigest() == FACE_MODEL_SHA256
    except OSError:
        return False


def _fetch(data_dir: Path, url: str, progress: bool) -> Path:
    import pooch

    fetch = pooch.HTTPDownloader(progressbar=progress, timeout=TIMEOUT)
    pooch.get_logger().setLevel(logging.ERROR)  # it announces downloads on stderr
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"sha256:{FACE_MODEL_SHA256}",
            fname=FILE_NAME,
            path=data_dir,
            downloader=fetch,
        )
    except (OSError, ValueError) as error:  # network and disk; a wrong hash
        reason = "what came is another file" if isinstance(error, ValueError) else _reason(error)
        raise FaceModelMissing(f"The face model could not be fetched: {reason}.", HINT) from error
    return Path(path)


def _reason(error: OSError) -> str:
    """A short reason: the texts of network libraries are long and nested."""
    return error.strerror or type(error).__name__
