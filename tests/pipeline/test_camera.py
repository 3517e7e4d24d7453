"""A picture source in its thread: real files, streams and devices, and a camera that misbehaves."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from children import run_child
from limits import Limit, patience, slowness, until

from resonance_tui.errors import CameraBusy, CameraMissing, SourceInvalid
from resonance_tui.pipeline import camera as camera_module
from resonance_tui.pipeline import devices, live_watch
from resonance_tui.pipeline.attention import LOOK_EVERY_S
from resonance_tui.pipeline.camera import NEXT_WITHIN, FrameSource, check_source
from resonance_tui.pipeline.demo_camera import HEIGHT, SHOWN_FOR, WIDTH, load_portraits, render
from resonance_tui.pipeline.devices import find_devices, open_capture
from resonance_tui.pipeline.jpeg_stream import JpegCapture, is_of_jpegs
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Frame, Source, parse_source

QUICK = (0.05, 0.1)  # pauses between tries
NOTICE = 56  # characters that a window of 60x15 has for them


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """1.5 s at 30 frames a second; frame i is grey 5 x i."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (160, 120))
    assert writer.isOpened()
    for i in range(45):
        writer.write(np.full((120, 160, 3), 5 * i, np.uint8))
    writer.release()
    return path


Started = Callable[..., FrameSource]


@pytest.fixture
def started() -> Iterator[Started]:
    """Sources that are started, and stopped after the test; no thread may be left."""
    made: list[FrameSource] = []

    def start(source: Source, **options) -> FrameSource:
        made.append(FrameSource(source, **options))
        made[-1].start()
        return made[-1]

    yield start
    for source in made:
        source.stop()
    assert not [t for t in threading.enumerate() if t.name == "camera"]


async def collect(source: FrameSource, seconds: float) -> list[Frame]:
    """Every frame of the next seconds, or until the source has ended."""
    frames: list[Frame] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until and source.status.state is not CameraState.ENDED:
        frame = await source.next(frames[-1].index if frames else -1)
        if frame is not None:
            frames.append(frame)
    return frames


async def status_when(source: FrameSource, state: CameraState, within: float = 10) -> CameraStatus:
    until = Limit(within)
    while not until.ran_out():
        if (status := source.status).state is state:
            return status
        await asyncio.sleep(0.005)
    raise AssertionError(f"never {state}; it is {source.status}")


# Files


async def test_a_file_plays_in_real_time_ten_frames_a_second_and_ends(started: Started, video):
    source = started(Source("file", str(video)), once=True)
    frames = await collect(source, 5)
    assert source.status.state is CameraState.ENDED
    assert 12 / slowness() <= len(frames) <= 15
    indexes = [frame.index for frame in frames]
    assert indexes == sorted(set(indexes)), "a busy machine misses some, and sees none again"
    began = [frame.captured_at - (frame.media_time or 0.0) for frame in frames]
    assert max(began) - min(began) < patience(0.25)
    for frame in frames:
        assert frame.media_time is not None
        assert frame.image.shape == (120, 160, 3)
        assert frame.image.mean() == pytest.approx(5 * 30 * frame.media_time, abs=4)


async def test_a_file_loops(started: Started, video):
    frames = await collect(started(Source("file", str(video))), 2.4)
    times = [f.media_time for f in frames]
    assert any(b < a for a, b in pairwise(times))
    assert all(a.captured_at < b.captured_at for a, b in pairwise(frames))
    assert all(a.index < b.index for a, b in pairwise(frames))


async def test_a_still_picture_does_not_spin(started: Started, tmp_path):
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), np.full((64, 64, 3), 99, np.uint8))
    frames = await collect(started(Source("file", str(path))), 1.0)
    assert 2 <= len(frames) <= 12


async def test_a_file_that_goes_away_while_it_loops_is_lost(started: Started, video):
    source = started(Source("file", str(video)), backoff=QUICK)
    await status_when(source, CameraState.LIVE)
    video.unlink()
    status = await status_when(source, CameraState.LOST)
    assert "film.avi is gone" in status.detail
    assert status.retry_at is not None


def test_a_video_passes_the_check(video):
    check_source(Source("file", str(video)))


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 500, b"\0" * 9999, b"\x00\x00\x00\x18ftypmp42"]
)
def test_a_file_that_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "not-a-video.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceInvalid, match=r"not-a-video\.mp4"):
        check_source(parse_source(str(path)))


def test_a_video_cut_short_at_the_head_is_refused(tmp_path, video):
    path = tmp_path / "torn.avi"
    path.write_bytes(video.read_bytes()[:300])
    with pytest.raises(SourceInvalid):
        check_source(parse_source(str(path)))


@pytest.mark.parametrize("source", [Source("device", "99"), Source("none"), Source("demo")])
def test_what_may_come_to_life_later_passes_the_check(source):
    check_source(source)


async def test_a_file_that_is_no_video_is_said_and_never_raised(started: Started, tmp_path):
    path = tmp_path / "not-a-video.mp4"
    path.write_text("hello")
    source = started(Source("file", str(path)), backoff=QUICK)
    status = await status_when(source, CameraState.MISSING)
    assert "no video" in status.detail


# Devices


async def test_a_device_that_is_not_there_is_said_and_tried_again(started: Started):
    source = started(Source("device", "99"), backoff=QUICK)
    first = await status_when(source, CameraState.MISSING)
    assert first.retry_at is not None
    assert "99" in first.source
    while source.status.retry_at == first.retry_at:
        await asyncio.sleep(0.01)
    assert source.status.state is CameraState.MISSING
    assert source.latest() is None


class FakeCamera:
    """A live capture that gives `count` frames and then fails in the way it is told."""

    is_recording = False

    def __init__(self, count: int = 10**9, error: Exception | None = None) -> None:
        self.left = count
        self.error = error
        self.is_released = False

    def grab(self) -> bool:
        time.sleep(0.004)
        self.left -= 1
        if self.left < 0 and self.error is not None:
            raise self.error
        return self.left >= 0

    def retrieve(self) -> np.ndarray | None:
        return np.full((48, 64, 3), self.left % 256, np.uint8)

    def glance(self) -> np.ndarray | None:
        return self.retrieve()

    def media_time(self) -> float | None:
        return None

    def release(self) -> None:
        self.is_released = True


class Script:
    """Opens, one after another, what the test lists; the last one again and again."""

    def __init__(self, *acts: FakeCamera | Exception) -> None:
        self.acts = list(acts)
        self.opened: list[FakeCamera] = []
        self.called_at: list[float] = []

    def __call__(self, source: Source) -> FakeCamera:
        self.called_at.append(time.monotonic())
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        if isinstance(act, Exception):
            raise act
        self.opened.append(act)
        return act


CAMERA = Source("device", "0")


async def test_frames_are_thinned_to_the_rate_and_the_newest_wins(started: Started):
    script = Script(FakeCamera())
    frames = await collect(started(CAMERA, fps=20, open_capture=script), 1.0)
    assert 12 / slowness() <= len(frames) <= 23
    assert all(f.media_time is None for f in frames)


@pytest.mark.parametrize("is_film", [False, True])
async def test_the_rate_follows_what_is_asked_for_up_to_the_most(
    started: Started, video: Path, is_film: bool
):
    source = (
        started(Source("file", str(video)), fps=20)
        if is_film
        else started(CAMERA, fps=20, open_capture=Script(FakeCamera()))
    )
    await status_when(source, CameraState.LIVE)
    source.set_rate(4)
    await collect(source, 0.3)  # what was under way
    assert 2 <= len(await collect(source, 1.2)) <= 7
    source.set_rate(500)
    assert 12 / slowness() <= len(await collect(source, 1.2)) <= 27


class Same:
    """Holds for every picture, or for none."""

    def __init__(self, holds: bool) -> None:
        self.holds, self.shapes = holds, set[tuple[int, ...]]()

    def hold(self, image: np.ndarray) -> bool:
        self.shapes.add(image.shape)
        return self.holds


async def test_frames_that_show_the_same_are_kept_back_but_for_one_in_a_while(started: Started):
    source = started(CAMERA, fps=20, open_capture=Script(FakeCamera()))
    await status_when(source, CameraState.LIVE)
    source.set_rate(20, Same(True))
    began = time.monotonic()
    frames = await collect(source, 3 * LOOK_EVERY_S)
    assert 2 <= len(frames) <= 6
    assert source.held_at > began
    source.set_rate(20, Same(False))
    assert len(await collect(source, 1.0)) >= 6 / slowness()


async def test_a_stopped_camera_keeps_nothing_to_compare_with(started: Started):
    source = started(CAMERA, fps=20, open_capture=Script(FakeCamera()))
    await status_when(source, CameraState.LIVE)
    still = Same(True)
    gone = weakref.ref(still)
    source.set_rate(20, still)
    del still
    source.stop()
    await until(lambda: gone() is None)


async def test_a_wait_for_a_frame_ends_when_it_is_woken(started: Started):
    source = started(CAMERA, open_capture=Script(FakeCamera(count=0)))
    waiting = asyncio.create_task(source.next(10**6))
    await asyncio.sleep(0)
    began = time.monotonic()
    source.wake()
    assert await waiting is None
    assert time.monotonic() - began < NEXT_WITHIN


async def test_unplugged_in_the_middle_it_is_lost_and_lives_again(started: Started):
    gone = CameraMissing("There is no camera 0.", "Plug it in.")
    script = Script(FakeCamera(10), gone, gone, FakeCamera())
    source = started(CAMERA, fps=100, open_capture=script, backoff=QUICK)
    await status_when(source, CameraState.LIVE)
    lost = await status_when(source, CameraState.LOST)
    assert lost.retry_at is not None
    before = source._index
    assert source.latest() is None  # a picture from before is not the picture now
    live = await status_when(source, CameraState.LIVE)
    assert live.retry_at is None
    assert source._index > before
    assert script.opened[0].is_released


async def test_while_it_is_away_it_stays_lost_and_does_not_flicker(started: Started):
    script = Script(FakeCamera(3), CameraMissing("There is no camera 0."))
    source = started(CAMERA, fps=100, open_capture=script, backoff=(0.01,))
    await status_when(source, CameraState.LOST)
    states = set()
    for _ in range(40):
        states.add(source.status.state)
        await asyncio.sleep(0.005)
    assert states == {CameraState.LOST}


async def test_busy_is_said_with_what_to_do(started: Started):
    script = Script(CameraBusy("Camera 0 is in use.", "Close the program that uses it."))
    source = started(CAMERA, open_capture=script, backoff=QUICK)
    status = await status_when(source, CameraState.BUSY)
    assert status.detail == "Camera 0 is in use. Close the program that uses it."


@pytest.mark.parametrize("where", ["open", "grab"])
async def test_whatever_a_driver_raises_the_thread_goes_on(started: Started, where, caplog):
    error = RuntimeError("rtsp://user:secret@host")
    bad = error if where == "open" else FakeCamera(0, error)
    source = started(CAMERA, open_capture=Script(bad, FakeCamera()), backoff=(0.2,))
    status = await status_when(source, CameraState.MISSING)
    assert status.detail == "The camera driver failed (RuntimeError)."
    await status_when(source, CameraState.LIVE)
    assert "unknown error" in caplog.text


async def test_damaged_frames_are_skipped_and_too_many_are_a_loss(started: Started):
    camera = FakeCamera()
    camera.retrieve = lambda: None  # type: ignore[method-assign]
    source = started(CAMERA, fps=1000, open_capture=Script(camera), backoff=QUICK)
    status = await status_when(source, CameraState.MISSING)
    assert status.detail == "The pictures of camera 0 cannot be read."
    assert source.latest() is None


async def test_the_size_that_is_shown_is_that_of_the_newest_picture(started: Started):
    camera, sizes = FakeCamera(), [(48, 64, 3), (24, 32, 3)]
    picture = np.random.default_rng(1).integers(0, 256, sizes[0], np.uint8)
    camera.retrieve = lambda: picture  # type: ignore[method-assign]
    source = started(CAMERA, fps=100, open_capture=Script(camera))
    await until(lambda: source.status.detail == "64x48")
    picture = picture[::2, ::2]
    await until(lambda: source.status.detail == "32x24")


class StuckCamera(FakeCamera):
    """Gives one picture for ever, until `left` has come down to `moves_at`."""

    moves_at = 0

    def retrieve(self) -> np.ndarray:
        noise = np.random.default_rng(max(self.moves_at - self.left, 0))
        return noise.integers(0, 256, (48, 64, 3), np.uint8)


async def test_a_camera_that_gives_one_picture_for_ever_is_noticed_and_lives_again(
    started: Started, monkeypatch
):
    monkeypatch.setattr(live_watch, "FROZEN_AFTER_S", 0.2)
    camera = StuckCamera()
    source = started(CAMERA, open_capture=Script(camera), fps=100)
    status = await status_when(source, CameraState.FROZEN)
    assert "never changes" in status.detail and "press v" in status.detail
    assert len(status.detail) <= NOTICE
    assert source.latest() is None  # nothing is read from it
    camera.moves_at = camera.left
    await status_when(source, CameraState.LIVE)
    assert (await source.next(-1)) is not None


async def test_a_driver_that_hangs_is_said_and_lives_again(started: Started, monkeypatch):
    monkeypatch.setattr(camera_module, "SILENT_AFTER_S", 0.2)
    hangs, release = threading.Event(), threading.Event()

    class Hanging(FakeCamera):
        def grab(self) -> bool:
            if self.left < 10**9 - 5 and not release.is_set():
                hangs.set()
                release.wait(patience(20))
            return super().grab()

    source = started(CAMERA, open_capture=Script(Hanging()), fps=100)
    try:
        assert await asyncio.to_thread(hangs.wait, patience(10))
        status = await status_when(source, CameraState.FROZEN)
        assert "No picture comes any more" in status.detail and len(status.detail) <= NOTICE
    finally:
        release.set()
    await status_when(source, CameraState.LIVE)


async def test_a_still_recording_is_not_frozen(started: Started, tmp_path, monkeypatch):
    monkeypatch.setattr(live_watch, "FROZEN_AFTER_S", 0.05)
    path = tmp_path / "still.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (160, 120))
    for _ in range(20):
        writer.write(np.full((120, 160, 3), 90, np.uint8))
    writer.release()
    source = started(Source("file", str(path)), once=True)
    assert len(await collect(source, patience(5))) >= 5
    assert source.status.state is CameraState.ENDED


async def test_a_slow_camera_is_read_and_what_that_means_is_said(started: Started, monkeypatch):
    monkeypatch.setattr(live_watch, "SLOW_FPS", 1e6)
    monkeypatch.setattr(live_watch, "WINDOW_S", 0.4)
    monkeypatch.setattr(live_watch, "RATED_AFTER_S", 0.1)
    source = started(CAMERA, open_capture=Script(FakeCamera()))
    await until(lambda: source.note)
    assert "pictures a second" in source.note and "light" in source.note
    assert source.status.state is CameraState.LIVE


@pytest.mark.parametrize(
    ("offers", "chosen"),
    [
        ({("MJPG", 1280): 30.0, ("MJPG", 640): 30.0}, ("MJPG", 1280)),
        ({("YUYV", 1280): 10.0, ("YUYV", 640): 30.0}, ("YUYV", 640)),
        ({("YUYV", 1280): 0.0, ("YUYV", 640): 0.0}, ("YUYV", 1280)),  # it does not say
        ({("MJPG", 640): 30.0}, ("MJPG", 640)),
    ],
)
def test_a_device_is_asked_for_many_pixels_and_for_fewer_where_they_come_too_slowly(offers, chosen):
    device: Any = FakeDevice(offers)
    devices.choose_mode(device)
    assert device.mode == chosen


class FakeDevice:
    """As a driver answers: with what comes nearest to what it is asked for."""

    def __init__(self, offers: dict[tuple[str, int], float]) -> None:
        self.offers = offers
        self.mode = next(iter(offers))

    def set(self, prop: int, value: float) -> bool:
        format, width = self.mode
        if prop == cv2.CAP_PROP_FOURCC:
            format = int(value).to_bytes(4, "little").decode()
        if prop == cv2.CAP_PROP_FRAME_WIDTH:
            width = int(value)
        order = sorted(self.offers, key=lambda mode: (mode[0] != format, abs(mode[1] - width)))
        self.mode = order[0]
        return True

    def get(self, prop: int) -> float:
        assert prop == cv2.CAP_PROP_FPS
        return self.offers[self.mode]


async def test_pauses_between_tries_grow_and_begin_anew_after_pictures(started: Started):
    gone = CameraMissing("gone")
    script = Script(gone, gone, gone, FakeCamera(5), gone)
    started(CAMERA, fps=1000, open_capture=script, backoff=(0.05, 0.8, 0.8))
    await until(lambda: len(script.called_at) > 4)
    pauses = [later - earlier for earlier, later in pairwise(script.called_at[:5])]
    assert min(pauses[1:3]) >= 0.8
    assert pauses[0] < 0.8 and pauses[3] < 0.8, "the short one"


# Start and stop


async def test_stop_releases_forgets_and_is_quick_and_start_works_again(started: Started):
    script = Script(FakeCamera(), FakeCamera())
    source = started(CAMERA, fps=100, open_capture=script)
    await status_when(source, CameraState.LIVE)
    began = time.monotonic()
    source.stop()
    source.stop()
    assert time.monotonic() - began < patience(0.5)
    assert script.opened[0].is_released
    assert source.status.state is CameraState.OFF
    assert source.latest() is None
    last = source._index
    source.start()
    source.start()
    assert await source.next(last) is not None
    assert len(script.opened) == 2


async def test_a_driver_that_hangs_does_not_hang_stop_nor_speak_later(started: Started):
    hangs, release = threading.Event(), threading.Event()

    class Hanging(FakeCamera):
        def grab(self) -> bool:
            hangs.set()
            release.wait(patience(20))
            return True

    source = started(CAMERA, open_capture=Script(Hanging()))
    assert await asyncio.to_thread(hangs.wait, patience(10))
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < patience(2)
    release.set()
    await asyncio.sleep(0.1)
    assert source.status.state is CameraState.OFF
    assert source.latest() is None


async def test_stop_during_a_long_pause_is_quick(started: Started):
    source = started(CAMERA, open_capture=Script(CameraMissing("gone")), backoff=(60,))
    await status_when(source, CameraState.MISSING)
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < patience(0.5)


async def test_none_is_off_and_gives_nothing(started: Started):
    source = started(Source("none"))
    assert source.status.state is CameraState.OFF
    assert await source.next(-1) is None


async def test_next_waits_for_a_newer_frame_only(started: Started):
    source = started(CAMERA, fps=20, open_capture=Script(FakeCamera()))
    first = await source.next(-1)
    assert first is not None
    second = await source.next(first.index)
    assert second is not None
    assert second.index > first.index
    assert source.latest(10**9) is None
    assert not source._waiters


async def test_next_gives_up_after_half_a_second(started: Started):
    source = started(CAMERA, open_capture=Script(CameraMissing("gone")), backoff=(60,))
    await status_when(source, CameraState.MISSING)
    began = time.monotonic()
    assert await source.next(-1) is None
    assert 0.4 < time.monotonic() - began < patience(2)


async def test_a_cancelled_wait_leaves_nothing_behind(started: Started):
    source = started(CAMERA, open_capture=Script(CameraMissing("gone")), backoff=(60,))
    task = asyncio.ensure_future(source.next(-1))
    while not source._waiters:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not source._waiters


# Streams


class StreamServer(BaseHTTPRequestHandler):
    """/live: a camera's motion JPEG without end; anything else: the file."""

    film = b""

    def log_message(self, format: str, *args) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        if not self.path.startswith("/live"):
            self.send_header("Content-Length", str(len(self.film)))
            self.end_headers()
            self.wfile.write(self.film)
            return
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        picture = cv2.imencode(".jpg", np.full((120, 160, 3), 77, np.uint8))[1].tobytes()
        head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
        try:
            while True:
                self.wfile.write(head + picture + b"\r\n")
                time.sleep(1 / 30)
        except OSError:
            self.close_connection = True


@pytest.fixture
def stream(video: Path, monkeypatch) -> Iterator[str]:
    """A server of streams on the loopback: its URL, with a password in it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(StreamServer, "film", video.read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), StreamServer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://user:secret@127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def test_a_live_stream_is_read_and_its_password_is_not_shown(started: Started, stream):
    source = started(parse_source(stream + "/live?key=secret"))
    frames = await collect(source, 1.5)
    assert 3 <= len(frames) <= 18
    assert frames[0].media_time is None
    assert frames[0].image.mean() == pytest.approx(77, abs=3)
    assert "127.0.0.1" in source.status.source
    assert "secret" not in str(source.status)


async def test_of_a_stream_of_jpegs_grey_pictures_of_half_the_size_are_compared(
    started: Started, stream
):
    source, still = started(parse_source(stream + "/live")), Same(True)
    await status_when(source, CameraState.LIVE)
    source.set_rate(6, still)
    await until(lambda: still.shapes)
    assert still.shapes == {(60, 80)}
    first = source.latest()
    assert first is not None
    await until(lambda: source.latest(first.index))  # but a whole one is read
    assert source.latest(first.index).image.shape == (120, 160, 3)


class Packets:
    """A stream that FFmpeg reads and whose packets OpenCV cannot decode."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture, self.is_open = picture, True

    def get(self, prop: int) -> float:
        return cv2.VideoWriter.fourcc(*"MJPG") if prop == cv2.CAP_PROP_FOURCC else 0.0

    def set(self, prop: int, value: float) -> bool:
        return (prop, value) == (cv2.CAP_PROP_FORMAT, -1)

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, self.picture

    def release(self) -> None:
        self.is_open = False


def test_jpegs_that_opencv_cannot_read_are_left_to_ffmpeg() -> None:
    packets = Packets(np.frombuffer(b"no JPEG at all", np.uint8)[None])
    assert is_of_jpegs(cast(cv2.VideoCapture, packets))
    other = Packets(np.zeros((4, 6, 3), np.uint8))
    capture = JpegCapture(cast(Any, packets), lambda: cast(Any, other))
    assert capture.grab() and capture.retrieve() is None
    assert not packets.is_open
    for picture in (capture.retrieve(), capture.glance()):
        assert picture is not None and picture.shape == (4, 6, 3)


async def test_a_video_behind_a_url_plays_in_real_time(started: Started, stream):
    frames = await collect(started(parse_source(stream + "/film.avi"), once=True), 5)
    assert 10 / slowness() <= len(frames) <= 15
    assert frames[-1].captured_at - frames[0].captured_at > 0.9


async def test_a_url_that_nobody_answers_is_missing_and_tried_again(started: Started):
    url = "http://user:secret@127.0.0.1:9/live?key=secret"
    source = started(parse_source(url), backoff=QUICK)
    status = await status_when(source, CameraState.MISSING)
    assert status.retry_at is not None
    assert "secret" not in str(status)
    while source.status.retry_at == status.retry_at:
        await asyncio.sleep(0.01)
    assert source.status.state is CameraState.MISSING


# The demo camera


async def test_the_demo_camera_lives(started: Started):
    frames = await collect(started(Source("demo")), 1.0)
    assert 3 <= len(frames) <= 11
    assert frames[0].image.shape == (HEIGHT, WIDTH, 3)
    assert any((a.image != b.image).any() for a, b in pairwise(frames))


def test_the_demo_is_a_function_of_time():
    portraits = load_portraits()
    assert (render(portraits, 3.7) == render(portraits, 3.7)).all()
    assert (render(portraits, 3.7) != render(portraits, 5.7)).any()
    assert render(portraits, SHOWN_FOR * 1000).std() > 10


def test_without_portraits_the_demo_says_so(monkeypatch):
    monkeypatch.setattr(
        "resonance_tui.pipeline.demo_camera.PORTRAITS", (("matplotlib", "no", (0, 0), 1),)
    )
    with pytest.raises(CameraMissing, match="portraits"):
        load_portraits()


# The screen


def test_opencv_says_nothing_and_loads_in_the_thread(tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("hello")
    program = f"""
import sys, time
from resonance_tui.pipeline.sources import CameraState, Source
from resonance_tui.pipeline.camera import FrameSource
assert "cv2" not in sys.modules and "numpy" not in sys.modules
bad, url = {str(bad)!r}, "http://127.0.0.1:9/x"
for source in (Source("device", "99"), Source("url", url), Source("file", bad)):
    camera = FrameSource(source, backoff=(0.01,))
    camera.start()
    while camera.status.state is not CameraState.MISSING:
        time.sleep(0.01)
    camera.stop()
"""
    done = run_child([sys.executable, "-c", program], capture_output=True, timeout=50)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout + done.stderr == b""


# OpenCV's edge


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells these apart")
@pytest.mark.parametrize(
    ("exists", "may_open", "error", "words"),
    [
        (False, False, CameraMissing, "no camera 99"),
        (True, False, CameraBusy, "may not be opened"),
        (True, True, CameraBusy, "in use"),
    ],
)
def test_why_a_device_does_not_open(monkeypatch, exists, may_open, error, words):
    monkeypatch.setattr("os.path.exists", lambda path: exists)
    monkeypatch.setattr("os.access", lambda path, mode: may_open)
    with pytest.raises(error, match=words) as caught:
        open_capture(Source("device", "99"))
    assert caught.value.hint


async def test_a_file_torn_in_the_middle_plays_what_is_there(started: Started, video, tmp_path):
    path = tmp_path / "torn.avi"
    data = video.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames = await collect(started(Source("file", str(path)), once=True), 5)
    assert 3 <= len(frames) <= 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its cameras")
def test_cameras_are_listed_without_the_nodes_that_give_no_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, system = tmp_path / "dev", tmp_path / "sys"
    for number, index in ((0, 0), (1, 1), (10, 0), (2, None)):
        nodes.mkdir(exist_ok=True)
        (nodes / f"video{number}").touch()
        if index is not None:
            (system / f"video{number}").mkdir(parents=True)
            (system / f"video{number}" / "index").write_text(f"{index}\n")
    (nodes / "video-codec").touch()
    monkeypatch.setattr(devices, "NODES", nodes)
    monkeypatch.setattr(devices, "SYSTEM", system)
    assert [source.value for source in find_devices()] == ["0", "2", "10"]
