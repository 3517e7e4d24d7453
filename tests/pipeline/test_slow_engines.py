"""Engines that are much slower than the camera."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from limits import patience, until

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineOptions, EngineSpec, EngineState
from resonance_tui.errors import EngineUnavailable
from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.pipeline.sources import CameraState, Source


class SlowEngine:
    """Takes its time over every clip, and remembers what it was shown."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.spec = EngineSpec("slow", 16, 15.0, 24, 0.2, 0.3)
        self.seconds = seconds
        self.times: list[float] = []
        self.stuck = threading.Event()  # set: lets a prediction that hangs go
        self.running = self.most_at_once = 0

    def predict(self, clip: np.ndarray) -> np.ndarray:
        assert len({frame.tobytes() for frame in clip}) == 16
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        self.times.append(time.monotonic())
        self.stuck.wait(self.seconds)
        self.running -= 1
        found = np.full(7, 0.02, np.float32)
        found[Emotion.SURPRISE] = 0.88
        return found


class Watcher:
    """A FacePipeline over the demo portraits, with what it told."""

    def __init__(
        self,
        engine: SlowEngine,
        data_dir: Path,
        *,
        fps: float | None = None,
        once: bool = False,
    ) -> None:
        self.told: list[tuple[Steady, dict[str, float]]] = []
        self.notices: list[str] = []
        self.face = FacePipeline(
            FacePlan(Source("demo"), "slow", data_dir, fps=fps),
            once=once,
            on_reading=lambda *reading: self.told.append(reading),
            on_status=lambda: None,
            on_notice=self.notices.append,
        )

    @property
    def read(self) -> list[tuple[Steady, dict[str, float]]]:
        """Predictions alone."""
        return [(steady, latency) for steady, latency in self.told if latency]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, face_model: None) -> SlowEngine:
    engine = SlowEngine()
    monkeypatch.setattr("resonance_tui.engines.registry.create", lambda *_: engine)
    return engine


@contextlib.asynccontextmanager
async def living(watcher: Watcher) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watcher.face.run())
        yield
        task.cancel()


async def test_memory_that_only_loading_needed_is_given_back_while_faces_are_read(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = threading.Event()
    monkeypatch.setattr("resonance_tui.pipeline.face_pipeline.SETTLED_S", 0)
    monkeypatch.setattr("resonance_tui.pipeline.threads.drop_idle_pages", given.set)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(given.is_set)
        assert watcher.face.engine.state is EngineState.READY


async def test_clips_flow_and_the_loop_turns_while_a_prediction_runs(
    slow: SlowEngine, tmp_path: Path
) -> None:
    watcher, late = Watcher(slow, tmp_path), []
    async with living(watcher):
        await until(lambda: slow.times)
        first, started = len(slow.times), time.monotonic()
        while len(slow.times) < first + 3:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            late.append(time.monotonic() - before - 0.01)
            assert before - started < patience(15)
    assert slow.most_at_once == 1
    gaps = [b - a for a, b in pairwise(slow.times)]
    assert max(gaps) < slow.seconds + patience(
        0.7
    )  # the next clip was ready: no second was lost to filling it
    assert sorted(late)[int(len(late) * 0.99)] < patience(0.2)
    totals = [latency["total"] for _, latency in watcher.read]
    assert all(1000 < total < 1000 + patience(1500) for total in totals)


async def test_a_face_that_waits_for_its_first_prediction_is_not_away(
    slow: SlowEngine, tmp_path: Path
) -> None:
    slow.seconds = 4.0
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: any(steady.code is Emotion.UNSURE for steady, _ in watcher.told))
        assert not watcher.read
        await until(lambda: watcher.read)
        assert watcher.read[0][0].code is Emotion.SURPRISE


async def test_leaving_does_not_wait_for_a_prediction_that_hangs(
    slow: SlowEngine, tmp_path: Path
) -> None:
    slow.seconds = 60.0
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: slow.running)
        leaving_at = time.monotonic()
    assert time.monotonic() - leaving_at < patience(2)
    slow.stuck.set()


async def test_what_began_before_the_camera_went_off_is_never_told(
    slow: SlowEngine, tmp_path: Path
) -> None:
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.read and slow.running)
        watcher.face.switch(False)
        known = len(watcher.read)
        await until(lambda: watcher.face.camera.state is CameraState.OFF)
        await asyncio.sleep(slow.seconds + 0.3)
        assert len(watcher.read) == known
        watcher.face.switch(True)
        await until(lambda: len(watcher.read) > known)


async def test_nothing_is_told_that_was_seen_before_it_was_to_be_forgotten(
    slow: SlowEngine, tmp_path: Path
) -> None:
    slow.seconds = 0.3
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.read and slow.running)
        asked, known = len(slow.times), len(watcher.read)
        watcher.face.forget()
        forgot_at = time.monotonic()
        assert watcher.told[-1][0] is ABSENT
        await until(lambda: len(slow.times) > asked)
        assert len(watcher.read) == known
        assert slow.times[asked] - forgot_at > 0.9  # sixteen new frames, fifteen a second
        await until(lambda: len(watcher.read) > known)


async def test_a_camera_too_slow_for_the_clips_is_said_with_both_numbers(
    slow: SlowEngine, tmp_path: Path
) -> None:
    watcher = Watcher(slow, tmp_path, fps=4.0)
    async with living(watcher):
        await until(lambda: watcher.notices)
        assert "camera.fps is 4; the clips of slow need 7.5 or more." in watcher.notices[0]
        await until(lambda: len(watcher.notices) > 1)
        assert re.search(r"slow gets [34]\.\d frames .* need 7\.5", watcher.notices[1])
    assert not slow.times


async def test_what_auto_had_to_do_without_is_said(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(
        name: str, folder: Path, options: EngineOptions, say: Callable, warn: Callable
    ) -> SlowEngine:
        warn("c3d was passed over: broken")
        return slow

    monkeypatch.setattr("resonance_tui.engines.registry.create", choose)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.notices)
    assert "c3d was passed over: broken" in watcher.notices[0]


async def test_an_engine_that_cannot_be_loaded_is_said_with_what_to_do(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise EngineUnavailable("There is no such device.", "Try --device cpu.")

    monkeypatch.setattr("resonance_tui.engines.registry.create", refuse)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.face.engine.state is EngineState.FAILED)
        assert watcher.face.engine.detail == "There is no such device. Try --device cpu."
    once = Watcher(slow, tmp_path, once=True)
    with pytest.raises(EngineUnavailable, match=r"^There is no such device\.$") as caught:
        await once.face.run()
    assert caught.value.hint == "Try --device cpu."


@pytest.mark.parametrize(
    "broken",
    [
        "resonance_tui.engines.registry.create",
        "resonance_tui.pipeline.detectors.registry.create",
    ],
)
async def test_whoever_could_not_load_can_still_be_stopped_by_a_time_limit(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: object) -> None:
        raise EngineUnavailable("There is no such device.")

    watcher = Watcher(slow, tmp_path)
    monkeypatch.setattr(broken, refuse)
    watching = asyncio.create_task(watcher.face.run())
    await until(lambda: watcher.face.engine.state is EngineState.FAILED)
    assert watching.cancelling() == 0, "asyncio.timeout would not know its own cancellation"
    watching.cancel()
    await asyncio.wait([watching])


async def test_a_detector_that_nobody_wants_any_more_is_closed_once_it_is_built(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release, closed = threading.Event(), threading.Event(), threading.Event()

    class LateDetector:
        name = "late"
        close = staticmethod(closed.set)

    def build(*_: object) -> LateDetector:
        begun.set()
        release.wait(patience(10))
        return LateDetector()

    monkeypatch.setattr("resonance_tui.pipeline.detectors.registry.create", build)
    async with living(Watcher(slow, tmp_path)):
        await until(begun.is_set)
    assert not closed.is_set()
    release.set()
    assert await asyncio.to_thread(closed.wait, 5)


async def test_a_slow_engine_that_breaks_down_is_said(
    slow: SlowEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(clip: np.ndarray) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(slow, "predict", break_down)
    watcher = Watcher(slow, tmp_path)
    async with living(watcher):
        await until(lambda: watcher.face.engine.state is EngineState.FAILED)
        assert watcher.face.engine.detail == "out of memory"
        assert watcher.face.camera.state is CameraState.OFF


@pytest.mark.parametrize(("asked", "expected"), [(None, 15.0), (8.0, 8.0)])
async def test_the_camera_is_as_quick_as_the_clips_need_unless_told_otherwise(
    slow: SlowEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: float | None,
    expected: float,
) -> None:
    rates: list[float] = []

    class Noted(FrameSource):
        def __init__(self, source: Source, *, fps: float, once: bool) -> None:
            rates.append(fps)
            super().__init__(source, fps=fps, once=once)

    monkeypatch.setattr("resonance_tui.pipeline.camera.FrameSource", Noted)
    watcher = Watcher(slow, tmp_path, fps=asked)
    async with living(watcher):
        await until(lambda: rates)
    assert rates == [expected]


async def test_a_wait_for_a_frame_can_be_cancelled_at_any_moment() -> None:
    """Also in the very moment in which a frame comes."""
    camera = FrameSource(Source("demo"))
    for steps in range(8):
        task = asyncio.create_task(camera.next(-1))
        await asyncio.sleep(0.01)
        camera._wake_waiters()
        for _ in range(steps):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task
