"""What OpenCV can open: camera devices, video files, streams."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlsplit

import numpy as np

from resonance_tui.errors import (
    CameraBusy,
    CameraError,
    CameraLost,
    CameraMissing,
    SourceInvalid,
)
from resonance_tui.pipeline.films import Facts, open_film, open_stream, squared
from resonance_tui.pipeline.opencv import cv2
from resonance_tui.pipeline.pictures import Normaliser
from resonance_tui.pipeline.playback_clock import MediaClock
from resonance_tui.pipeline.sources import Source
from resonance_tui.pipeline.v4l2 import gives_pictures
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from numpy.typing import NDArray

Got = TypeVar("Got")

NODES = Path("/dev")
SYSTEM = Path("/sys/class/video4linux")
PROBED = 4  # device numbers that are tried where nothing lists them
TIMEOUT_MS = 4000  # for a stream to answer, and for its next picture
DEVICE_BACKENDS = {
    "linux": cv2.CAP_V4L2,
    "darwin": cv2.CAP_AVFOUNDATION,
    "win32": cv2.CAP_DSHOW,  # opens in a moment, where Media Foundation takes seconds
}
MAX_READ_ERRORS = 60  # in a row, then a recording is over; a damaged packet costs one or two
MAX_READ_ERRORS_S = 2.0  # s that they may take together
MAX_RATE = 1000.0  # frames a second; more is no rate (the cover of a song has 90,000)
MIN_PLAYED = 0.9  # share of its length; a recording that ends earlier is damaged
SURE_MISS_S = 1.0  # s that it lacks then, or half of a shorter one: stamps and lengths are rough
WIDE, NARROW = (1280, 720), (640, 480)  # pixels that a device is asked for, first and second
WANTED_FPS, LEAST_FPS = 30.0, 15.0  # of a mode; with less, fewer pixels are asked for
PLAYLISTS = (".m3u8", ".mpd")  # live, but they arrive in bursts of several seconds


class Capture(Protocol):
    """An open picture source. Any method may raise CameraError."""

    is_recording: bool  # True: played at its own pace, has an end

    def grab(self) -> bool:
        """Step to the next frame; False at the end, or when a live source gives none."""
        ...

    def shortfall(self) -> tuple[float, float] | None:
        """For a recording that has ended long before its length: seconds played, and its length."""
        ...

    def retrieve(self) -> NDArray[np.uint8] | None:
        """The frame stepped to, (H, W, 3) BGR; None when it is damaged."""
        ...

    def glance(self) -> NDArray[np.uint8] | None:
        """The same for comparison: maybe smaller and grey, (H, W), where that costs less."""
        ...

    def media_time(self) -> float | None:
        """Seconds into the recording; None for live sources."""
        ...

    def release(self) -> None:
        """Give the device or the connection back."""
        ...


class VideoCapture:
    """A Capture over cv2.VideoCapture."""

    def __init__(
        self, video: cv2.VideoCapture, is_recording: bool, facts: Facts | None = None
    ) -> None:
        self.is_recording = is_recording
        self._video = video
        self._rate = facts.rate if facts else video.get(cv2.CAP_PROP_FPS)
        self._count = facts.frames if facts else video.get(cv2.CAP_PROP_FRAME_COUNT)
        self._widening = facts.widening if facts else 1.0
        self._frames_read = 0
        self._normaliser = Normaliser()
        self._glanced: NDArray[np.uint8] | None = None  # the frame stepped to, decoded already
        self._clock = MediaClock(1 / self._rate if 1 <= self._rate <= MAX_RATE else 1 / 25)

    def grab(self) -> bool:
        self._glanced = None
        if not self._next_frame():
            return False
        self._frames_read += 1
        self._clock.advance(self._video.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        return True

    def _next_frame(self) -> bool:
        """Step on, over damaged packets too: behind them a recording continues."""
        until = time.monotonic() + MAX_READ_ERRORS_S
        for _ in range(MAX_READ_ERRORS if self.is_recording else 1):
            if self._guarded(self._video.grab):
                return True
            if 0 < self._count <= self._frames_read or time.monotonic() > until:
                break
        return False

    @property
    def length(self) -> float | None:
        """Seconds that a recording says it has; None where it does not."""
        is_told = self._count > 0 and 0 < self._rate <= MAX_RATE
        return self._count / self._rate if is_told else None

    def shortfall(self) -> tuple[float, float] | None:
        if (length := self.length) is None or self._clock.has_jumped:
            return None
        played = self._clock.played
        has_few = self._frames_read < MIN_PLAYED * self._count
        is_short = played < min(MIN_PLAYED * length, length - min(SURE_MISS_S, length / 2))
        return (played, length) if has_few and is_short else None

    def retrieve(self) -> NDArray[np.uint8] | None:
        if self._glanced is not None:
            return self._glanced
        is_good, image = self._guarded(self._picture)
        picture = self._normaliser.bgr(image) if is_good else None
        return None if picture is None else squared(picture, self._widening)

    def glance(self) -> NDArray[np.uint8] | None:
        self._glanced = self.retrieve()
        return self._glanced

    def media_time(self) -> float | None:
        return self._clock.time if self.is_recording else None

    def release(self) -> None:
        self._video.release()

    def _picture(self) -> tuple[bool, NDArray[Any] | None]:
        return self._video.retrieve()  # OpenCV's own types leave out that there may be none

    def _guarded(self, call: Callable[[], Got]) -> Got:
        try:
            return call()
        except cv2.error as error:
            raise CameraLost(f"The picture source failed: {error.err or error}.") from error


def open_capture(source: Source) -> Capture:
    """Open it, or raise CameraMissing or CameraBusy with what to do."""
    if source.kind == "device":
        return _open_device(int(source.value))
    if source.kind == "file":
        return _open_file(source.value)
    if source.kind == "url":
        return _open_url(source)
    if source.kind == "demo":
        from resonance_tui.pipeline.demo_camera import DemoCapture

        return DemoCapture()
    raise CameraMissing(mark("No camera was asked for."))


def find_devices() -> list[Source]:
    """The cameras of this machine, by number (blocking; opens nothing on Linux)."""
    if sys.platform == "linux":
        return [Source("device", str(number)) for number in _video_nodes(NODES)]
    return [Source("device", str(number)) for number in range(PROBED) if _opens(number)]


def _video_nodes(folder: Path) -> list[int]:
    """A camera has a second node, for what describes its pictures; that one is not the first."""
    numbers = sorted(
        int(node.name.removeprefix("video"))
        for node in folder.glob("video*")
        if node.name.removeprefix("video").isdecimal()
    )
    return [number for number in numbers if _index_in_camera(number) == 0]


def _index_in_camera(number: int) -> int:
    try:
        return int((SYSTEM / f"video{number}" / "index").read_text())
    except (OSError, ValueError):
        return 0


def _opens(number: int) -> bool:
    video = cv2.VideoCapture(number, DEVICE_BACKENDS.get(sys.platform, cv2.CAP_ANY))
    try:
        return video.isOpened()
    finally:
        video.release()


def check_playable(source: Source) -> None:
    """Raise SourceInvalid when a file cannot be played. Other kinds may come to life later."""
    if source.kind != "file":
        return
    try:
        capture = open_capture(source)
        try:
            if capture.grab() and capture.retrieve() is not None:
                return
        finally:
            capture.release()
    except CameraError as error:
        raise SourceInvalid(error.message, error.hint) from error
    raise SourceInvalid(
        mark("{label} holds no picture that can be read.", label=source.label),
        mark("Give a video file, or convert this one to MP4."),
    )


def film_length(source: Source) -> float | None:
    """Seconds that a file says it has; None where it does not. Raises SourceInvalid."""
    check_playable(source)
    video = _open_file(source.value)
    try:
        return video.length
    finally:
        video.release()


def _open_device(index: int) -> Capture:
    video = cv2.VideoCapture(index, DEVICE_BACKENDS.get(sys.platform, cv2.CAP_ANY))
    if not video.isOpened():
        video.release()
        raise _why_closed(index)
    choose_mode(video)
    return VideoCapture(video, is_recording=False)


def choose_mode(video: cv2.VideoCapture) -> None:
    """Ask for enough pixels for a face at the other end of a room, 30 times a second.

    Most cameras give those as JPEGs only: raw ones are too many for their cable, and come five
    times a second. Where that is all there is, fewer pixels are taken. A driver that has no such
    choice keeps its own.
    """
    _ask_for(video, WIDE)
    fps = video.get(cv2.CAP_PROP_FPS)
    if 0 < fps < LEAST_FPS:
        _ask_for(video, NARROW)
    video.set(cv2.CAP_PROP_BUFFERSIZE, 1)


def _ask_for(video: cv2.VideoCapture, size: tuple[int, int]) -> None:
    video.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    video.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    video.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    video.set(cv2.CAP_PROP_FPS, WANTED_FPS)


def _why_closed(index: int) -> CameraError:
    """Only Linux tells a missing camera from a busy one without opening it."""
    node = str(NODES / f"video{index}")
    if sys.platform != "linux":
        hint = mark("Plug it in, close other programs that use it, allow the terminal to use it.")
        return CameraMissing(mark("Camera {index} cannot be opened.", index=index), hint)
    if not os.path.exists(node):
        return CameraMissing(
            mark("There is no camera {index}.", index=index), mark("Plug it in, or choose another.")
        )
    if not os.access(node, os.R_OK | os.W_OK):
        return CameraBusy(
            mark("{node} may not be opened.", node=node), mark("Add yourself to the group video.")
        )
    if not gives_pictures(node):
        return CameraMissing(
            mark(
                "Camera {index} gives no pictures: it is a virtual one that no program feeds, "
                "or the second node of a camera.",
                index=index,
            ),
            mark("Start the virtual camera in its program, or choose another number."),
        )
    return CameraBusy(
        mark("Camera {index} is in use.", index=index), mark("Close the program that uses it.")
    )


def _open_file(path: str) -> VideoCapture:
    name = os.path.basename(path)
    if not os.path.exists(path):
        raise CameraMissing(mark("The file {name} is gone.", name=name))
    if not os.access(path, os.R_OK):
        raise CameraMissing(
            mark("{name} may not be read.", name=name), mark("Check its permissions.")
        )
    # A relative name with a colon would be a protocol to FFmpeg: "12:30.mp4".
    video, facts = open_film(os.path.abspath(path))
    if not video.isOpened():
        video.release()
        raise CameraMissing(
            mark("{name} is no video that can be read.", name=name), mark("Give a video file.")
        )
    return VideoCapture(video, is_recording=True, facts=facts)


def _open_url(source: Source) -> Capture:
    from resonance_tui.pipeline.jpeg_stream import JpegCapture, is_of_jpegs

    video = _stream(source)
    # A video behind a URL would otherwise be read as fast as the network gives it.
    path = urlsplit(source.value).path.lower()
    is_recording = video.get(cv2.CAP_PROP_FRAME_COUNT) > 0 or path.endswith(PLAYLISTS)
    if not is_recording and is_of_jpegs(video):
        return JpegCapture(video, lambda: _stream(source))
    return VideoCapture(video, is_recording=is_recording, facts=Facts.of(video))


def _stream(source: Source) -> cv2.VideoCapture:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    video = open_stream(source.value, limits)
    if not video.isOpened():
        video.release()
        raise CameraMissing(
            mark("{label} does not answer with a stream.", label=source.label),
            mark("Check the address."),
        )
    return video
