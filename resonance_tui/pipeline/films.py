"""Films and streams as FFmpeg reads them for OpenCV, and what OpenCV itself makes wrong of them.

OpenCV from 4.13 on converts decoded pictures in a way that refuses interlaced ones, where
`retrieve` then gives memory that nobody wrote, and that takes a tenth of a second for one with a
wide range of brightness (HDR, as phones record). FFmpeg's own filters are in the same library,
and prepare such films so that the conversion works. No version heeds pixels that are not square.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from resonance_tui.native import FFMPEG_OPTIONS
from resonance_tui.pipeline.opencv import cv2

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBED_FRAMES = 5
FROM_FILTERS = "input_format;lavfi"
# Lines of two moments are not woven, and no picture claims a colour space that needs a table.
FOR_OPENCV = (
    "yadif=0:-1:1,setfield=prog,"
    "setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown"
)
TURNS = {90: ",transpose=clock", 180: ",hflip,vflip", 270: ",transpose=cclock"}
MOST_WIDENING = 4.0  # a larger aspect of a pixel is a broken header
SAME_WIDTH = 0.01  # a pixel that differs from a square by less is one

_opening = Lock()  # FFMPEG_OPTIONS are the process's


@dataclass(frozen=True, slots=True)
class Facts:
    """What a container says. `frames`: 0 or less where it is unknown; `widening`: width of a
    pixel by its height, as pictures come out."""

    rate: float
    frames: float
    widening: float = 1.0

    @classmethod
    def of(cls, video: cv2.VideoCapture) -> Facts:
        """Those of an open film or stream."""
        over, under = video.get(cv2.CAP_PROP_SAR_NUM), video.get(cv2.CAP_PROP_SAR_DEN)
        widening = over / under if over > 0 and under > 0 else 1.0
        if _turn(video) in (90, 270):
            widening = 1 / widening
        is_sane = 1 / MOST_WIDENING <= widening <= MOST_WIDENING
        is_odd = is_sane and abs(widening - 1) > SAME_WIDTH
        rate, frames = video.get(cv2.CAP_PROP_FPS), video.get(cv2.CAP_PROP_FRAME_COUNT)
        return cls(rate, frames, widening if is_odd else 1.0)


def squared(image: NDArray[np.uint8], widening: float) -> NDArray[np.uint8]:
    """The picture as wide as it is meant, for pixels of that aspect."""
    if widening == 1.0:
        return image
    height, width = image.shape[:2]
    size = (max(1, round(width * widening)), height)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def open_film(path: str) -> tuple[cv2.VideoCapture, Facts]:
    """A file, by its absolute path; the first may not be open."""
    video = open_stream(path)
    if not video.isOpened():
        return video, Facts(0, 0)
    facts = Facts.of(video)
    if _is_deep(video) or _is_interlaced(path):
        filtered = _through(f"{_movie(path)},{FOR_OPENCV}{TURNS.get(_turn(video), '')}")
        if filtered.isOpened():
            video.release()
            return filtered, facts
    return video, facts


def open_stream(where: str, options: Sequence[int] = ()) -> cv2.VideoCapture:
    """A file or URL; whether it is open, the result tells."""
    with _opening:
        return cv2.VideoCapture(where, cv2.CAP_FFMPEG, [*options, cv2.CAP_PROP_N_THREADS, 1])


def _through(graph: str) -> cv2.VideoCapture:
    """The pictures that a graph of FFmpeg's filters gives; not open where there are none."""
    with _opening:
        before = os.environ.get(FFMPEG_OPTIONS)
        os.environ[FFMPEG_OPTIONS] = FROM_FILTERS
        try:
            return cv2.VideoCapture(graph, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        finally:
            os.environ[FFMPEG_OPTIONS] = before or ""
            if before is None:
                del os.environ[FFMPEG_OPTIONS]


def _is_interlaced(path: str) -> bool:
    """Whether a picture at its start consists of two fields."""
    graph = f"{_movie(path)},trim=end_frame={PROBED_FRAMES},select=not(eq(interlace_type\\,0))"
    video = _through(graph)
    try:
        return video.isOpened() and video.grab()
    finally:
        video.release()


def _is_deep(video: cv2.VideoCapture) -> bool:
    """Whether its pixels have more than 8 bits, as those with a wide range have. The last byte of
    FFmpeg's name for a format is then their number, else a letter."""
    return 8 < int(video.get(cv2.CAP_PROP_CODEC_PIXEL_FORMAT)) >> 24 & 0xFF <= 16


def _turn(video: cv2.VideoCapture) -> int:
    """Degrees, clockwise, by which OpenCV turns each picture."""
    return int(video.get(cv2.CAP_PROP_ORIENTATION_META)) % 360


def _movie(path: str) -> str:
    """The filter that reads a file; its name is escaped as a value and as a part of a graph."""
    value = re.sub(r"([\\':\s])", r"\\\1", path)
    name = re.sub(r"([\\'\[\],;])", r"\\\1", value)
    return f"movie=filename={name}:dec_threads=1"
