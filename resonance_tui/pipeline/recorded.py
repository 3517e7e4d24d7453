"""Reads the emotions in pictures, films and folders of frames, one answer for each.

Frames are looked at one after the other and dropped; none is written anywhere.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import Engine, predict_many
from resonance_tui.errors import CameraError
from resonance_tui.pipeline.alignment import crop
from resonance_tui.pipeline.detectors.base import FaceDetector
from resonance_tui.pipeline.devices import open_capture
from resonance_tui.pipeline.items import PICTURES, frames_in, is_picture
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.pictures import Normaliser
from resonance_tui.pipeline.sources import Frame, Source
from resonance_tui.pipeline.tracker import Detection, FaceTracker
from resonance_tui.texts import mark

FOLDER_RATE = 25.0  # frames a second of a folder of frames, which does not say
STILL_RATE = 5.0  # looks a second of an engine that reads single frames
LOOKS = 20  # at one picture: as many as a search for a small face takes
LOOK_STEP_S = 0.1
PAUSE_S = 60.0  # between two items, so that a detector takes nothing from one to the next


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine says of one item. `shares`: seven probabilities, the mean of its clips."""

    shares: NDArray[np.float64]
    clips: int  # predictions made
    faces: float  # share (0 to 1) of the frames with a face; others were read whole
    seconds: float  # of media; 0 for a picture
    ms: float  # that reading it took


class Reader:
    """An engine that reads items, with a detector of faces, or without: then each frame is a
    crop of a face already. `batch` clips go to the engine at a time."""

    def __init__(self, engine: Engine, detector: FaceDetector | None, *, batch: int = 1) -> None:
        self._engine, self._detector = engine, detector
        self._batch = batch
        self._pending: list[tuple[_Item, NDArray[np.uint8]]] = []
        self._began = 0.0  # where the time of this item starts, for the detector
        self._index = 0
        self._asked_ms = 0.0  # that the engine took so far

    def read(self, path: Path) -> Answer:
        """The answer for a picture, a film or a folder of frames. Raises CameraError for one that
        cannot be read, and what the engine raises."""
        ((_, answer),) = self.read_all([path])
        if isinstance(answer, CameraError):
            raise answer
        return answer

    def read_all(self, paths: Iterable[Path]) -> Iterator[tuple[Path, Answer | CameraError]]:
        """Each path with its answer, or with why it cannot be read, in order. Raises what the
        engine raises."""
        waiting: deque[_Item] = deque()
        for path in paths:
            waiting.append(item := _Item(path))
            self._take_in(item)
            while waiting and waiting[0].is_done:
                yield _told(waiting.popleft())
        self._ask()
        yield from map(_told, waiting)

    def _take_in(self, item: _Item) -> None:
        started, asked_ms = time.monotonic(), self._asked_ms
        try:
            for clip in self._clips(item):
                item.open_clips += 1
                self._pending.append((item, clip))
                if len(self._pending) == self._batch:
                    self._ask()
        except CameraError as error:
            item.error = error
        item.is_read = True
        item.ms += 1000 * (time.monotonic() - started) - (self._asked_ms - asked_ms)
        self._end(item.until)

    def _ask(self) -> None:
        if not self._pending:
            return
        started = time.monotonic()
        pending, self._pending = self._pending, []
        found = predict_many(self._engine, [clip for _, clip in pending])
        spent_ms = 1000 * (time.monotonic() - started)
        self._asked_ms += spent_ms
        for (item, _), shares in zip(pending, found, strict=True):
            item.shares.append(shares)
            item.open_clips -= 1
            item.ms += spent_ms / len(pending)

    def _clips(self, item: _Item) -> Iterator[NDArray[np.uint8]]:
        tracker, count = FaceTracker(), 0
        for at, image in _frames(item.path):
            item.until = at
            if not (item.is_picture or self._is_due(item, at)):
                continue
            item.add(at, self._crop(image, at, tracker, item))
            if len(item.crops) == self._engine.spec.clip_frames:
                yield self._clip(item)
                item.crops.clear()
                count += 1
        if item.crops and (not count or len(item.crops) > self._engine.spec.clip_frames // 2):
            yield self._clip(item)

    def _is_due(self, item: _Item, at: float) -> bool:
        spec = self._engine.spec
        rate = STILL_RATE if spec.clip_frames == 1 else spec.frame_rate
        return item.last is None or at - item.last >= 1 / rate - 1e-3

    def _clip(self, item: _Item) -> NDArray[np.uint8]:
        """The crops; one that is too short holds each for as long as it takes."""
        wanted = self._engine.spec.clip_frames
        places = np.arange(wanted) * len(item.crops) // wanted
        return np.stack([item.crops[place] for place in places])

    def _crop(
        self, image: NDArray[np.uint8], at: float, tracker: FaceTracker, item: _Item
    ) -> NDArray[np.uint8]:
        found = self._find(image, at, tracker, LOOKS if item.is_picture else 1)
        item.faces += found is not None
        return crop(image, found or _whole(image), self._engine.spec.crop_size)

    def _find(
        self, image: NDArray[np.uint8], at: float, tracker: FaceTracker, looks: int
    ) -> Detection | None:
        if self._detector is None:
            return None
        for look in range(looks):
            moment = self._began + at + look * LOOK_STEP_S
            found = self._detector.detect(Frame(image, moment, self._index))
            self._index += 1
            if face := tracker.update(found, moment):
                return face
        return None

    def _end(self, until: float) -> None:
        self._began += until + PAUSE_S
        if self._detector is not None:
            self._detector.forget()


class _Item:
    """One item on its way: the crops that no clip has taken yet, and what is known of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_picture = is_picture(path)
        self.crops: list[NDArray[np.uint8]] = []
        self.shares: list[NDArray[np.float32]] = []
        self.open_clips = 0  # that wait for the engine
        self.last: float | None = None  # s, when the last frame was looked at
        self.until = self.ms = 0.0
        self.frames = self.faces = 0
        self.error: CameraError | None = None
        self.is_read = False

    @property
    def is_done(self) -> bool:
        return self.is_read and not self.open_clips

    def add(self, at: float, picture: NDArray[np.uint8]) -> None:
        self.crops.append(picture)
        self.last = at
        self.frames += 1


def _told(item: _Item) -> tuple[Path, Answer | CameraError]:
    if item.error is not None:
        return item.path, item.error
    if not item.shares:
        return item.path, CameraError(
            mark("{path} holds no picture that can be read.", path=item.path)
        )
    mean = np.asarray(np.mean(item.shares, axis=0), np.float64)
    length = 0.0 if item.is_picture else item.until
    return item.path, Answer(
        mean, len(item.shares), item.faces / max(item.frames, 1), length, item.ms
    )


def _whole(image: NDArray[np.uint8]) -> Detection:
    """The largest square in the middle of a picture."""
    height, width = image.shape[:2]
    box = (0.0, 0.0, float(width), float(height))
    return Detection(width / 2, height / 2, float(min(height, width)), 0.0, box)


def _frames(item: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Seconds from the start, and the picture (H, W, 3) BGR."""
    if item.is_dir():
        yield from _numbered(item)
    elif item.suffix.lower() in PICTURES:
        yield 0.0, _picture(item)
    else:
        yield from _film(item)


def _numbered(folder: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    for number, path in enumerate(frames_in(folder)):
        yield number / FOLDER_RATE, _picture(path)


def _picture(path: Path) -> NDArray[np.uint8]:
    try:
        data = np.fromfile(path, np.uint8)  # OpenCV's own reader knows no names beyond ASCII
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error) as error:
        raise CameraError(mark("{path} cannot be read.", path=path)) from error
    found = Normaliser().bgr(image)
    if found is None:
        raise CameraError(mark("{path} is no picture that can be read.", path=path))
    return found


def _film(path: Path) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    capture = open_capture(Source("file", str(path.absolute())))
    first: float | None = None
    try:
        while capture.grab():
            image, at = capture.retrieve(), capture.media_time() or 0.0
            first = at if first is None else first
            if image is not None:
                yield at - first, image
    finally:
        capture.release()
