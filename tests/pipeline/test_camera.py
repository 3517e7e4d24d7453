"""A picture source in its thread: devices that come, go and misbehave, and its start and stop."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from cameras import CAMERA, QUICK, FakeCamera, Same, Script, Started, collect, status_when
from limits import patience, slowness, until

from resonance_tui.errors import CameraBusy, CameraMissing
from resonance_tui.pipeline import camera as camera_module
from resonance_tui.pipeline import devices, live_watch
from resonance_tui.pipeline.attention import LOOK_EVERY_S
from resonance_tui.pipeline.camera import NEXT_WITHIN
from resonance_tui.pipeline.sources import CameraState, Source

NOTICE = 56  # characters that a window of 60x15 has for them


async def test_a_device_that_is_not_there_is_said_and_tried_again(started: Started):
    source = started(Source("device", "99"), backoff=QUICK)
    first = await status_when(source, CameraState.MISSING)
    assert first.retry_at is not None
    assert "99" in first.source
    while source.status.retry_at == first.retry_at:
        await asyncio.sleep(0.01)
    assert source.status.state is CameraState.MISSING
    assert source.latest() is None


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
