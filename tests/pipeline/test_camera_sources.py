"""What else a picture source reads: files, streams, and the demo camera."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from cameras import QUICK, Same, Started, collect, status_when
from limits import patience, slowness, until

from resonance_tui.errors import CameraMissing, SourceInvalid
from resonance_tui.pipeline.camera import check_source
from resonance_tui.pipeline.demo_camera import HEIGHT, SHOWN_FOR, WIDTH, load_portraits, render
from resonance_tui.pipeline.jpeg_stream import JpegCapture, is_of_jpegs
from resonance_tui.pipeline.sources import CameraState, Source, parse_source

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
