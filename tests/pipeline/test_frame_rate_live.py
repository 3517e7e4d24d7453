"""The face path asks a camera for frames where there is something to find out."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import Any, cast

import numpy as np
import pytest
from limits import until
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineSpec
from resonance_tui.pipeline.attention import Still
from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.clip_buffer import FrameRateMonitor
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.face_status import CameraSwitch, FaceStatus
from resonance_tui.pipeline.frame_loop import FrameLoop
from resonance_tui.pipeline.perception import Perception
from resonance_tui.pipeline.smoothing import ACTIVE_FPS, AWAY_AFTER_S, REST_FPS, Steady
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Frame, Source
from resonance_tui.pipeline.threads import FaceThreads
from resonance_tui.pipeline.tracker import Detection

DARK, BRIGHT = 10, 240


class Stage:
    """A camera whose one person is shown as `shade`, at the rate that it is asked for."""

    status = CameraStatus(CameraState.LIVE)
    note = ""
    in_step = False
    held_at = -inf
    is_woken = False

    def __init__(self) -> None:
        self.shade, self.rates, self._index = DARK, [ACTIVE_FPS], -1
        self.still: Still | None = None

    def set_rate(self, fps: float, still: Still | None = None) -> None:
        self.rates.append(fps)
        self.still = still

    def wake(self) -> None:
        self.is_woken = True

    def start(self) -> None: ...

    def stop(self) -> None: ...

    async def next(self, after: int) -> Frame | None:
        await asyncio.sleep(1 / self.rates[-1])
        self._index += 1
        return Frame(np.full((48, 64, 3), self.shade, np.uint8), time.monotonic(), self._index)


class Whole:
    """Finds one face, the whole picture."""

    name = "whole"

    def detect(self, frame: Frame) -> list[Detection]:
        return [Detection(32, 24, 48, 0.0, (8, 0, 56, 48))]

    def close(self) -> None: ...


class ByShade:
    """Calls bright pictures happiness and dark ones sadness; counts what it judged."""

    def __init__(self, clip_frames: int) -> None:
        self.spec = EngineSpec("shade", clip_frames, 10.0, 48, 0.0, 0.4)
        self.count = 0

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.count += 1
        found = np.full(7, 0.01, np.float32)
        found[Emotion.HAPPINESS if clip.mean() > 128 else Emotion.SADNESS] = 0.94
        return found


@pytest.fixture
def told() -> list[Steady]:
    return []


def loop_of(stage: Stage, engine: ByShade, told: list[Steady], threads: FaceThreads) -> FrameLoop:
    return FrameLoop(
        cast(FrameSource, stage),
        Perception(engine.spec, Whole()),
        engine,
        threads,
        reader=EmotionReader(lambda steady, _: told.append(steady)),
        frame_rate=FrameRateMonitor("shade", 0.0),
        switch=CameraSwitch(True),
        status=FaceStatus(Source("demo"), "shade", lambda: None, lambda _: None),
    )


async def playing(loop: FrameLoop, scene: Any) -> None:
    """The scene, while the loop runs; what ends the loop ends the scene."""
    tasks = asyncio.create_task(loop.run()), asyncio.create_task(scene)
    ended, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.wait(tasks)
    for task in ended:
        task.result()


async def test_frames_are_few_at_rest_and_many_while_a_change_is_looked_into(
    told: list[Steady],
) -> None:
    stage, engine, threads = Stage(), ByShade(1), FaceThreads()

    async def scene() -> None:
        await until(lambda: stage.rates[-1] == REST_FPS and told)
        assert told[-1].code is Emotion.SADNESS
        asked = len(stage.rates)
        stage.shade = BRIGHT
        await until(lambda: told[-1].code is Emotion.HAPPINESS)
        assert ACTIVE_FPS in stage.rates[asked:]
        await until(lambda: stage.rates[-1] == REST_FPS)

    await playing(loop_of(stage, engine, told, threads), scene())
    threads.close()
    assert engine.count >= stage._index - 1  # each frame is judged


async def test_at_rest_the_camera_is_told_what_the_faces_look_like(told: list[Steady]) -> None:
    stage, threads = Stage(), FaceThreads()

    async def scene() -> None:
        await until(lambda: stage.still is not None)
        dark, bright = (np.full((48, 64, 3), shade, np.uint8) for shade in (DARK, BRIGHT))
        bright[12:30, 20:40] = DARK
        assert stage.still is not None and stage.still.hold(dark)
        assert not stage.still.hold(bright)
        stage.shade = BRIGHT
        await until(lambda: stage.rates[-1] == ACTIVE_FPS)
        assert stage.still is None

    await playing(loop_of(stage, ByShade(1), told, threads), scene())
    threads.close()


async def test_a_loop_that_is_woken_compares_with_nothing_and_looks_at_the_next_frame(
    told: list[Steady],
) -> None:
    stage, threads = Stage(), FaceThreads()
    loop = loop_of(stage, ByShade(1), told, threads)

    async def scene() -> None:
        await until(lambda: stage.still is not None)
        loop.wake()
        assert stage.still is None
        assert stage.rates[-1] == ACTIVE_FPS
        assert stage.is_woken

    await playing(loop, scene())
    threads.close()


class Kept(Stage):
    """Delivers nothing once it is told what the faces look like: they look the same for ever."""

    is_held = True

    async def next(self, after: int) -> Frame | None:
        if self.still is None:
            return await super().next(after)
        await asyncio.sleep(0.02)
        self.held_at = time.monotonic() if self.is_held else self.held_at
        return None


async def test_faces_that_look_the_same_stay_in_view_without_a_frame(told: list[Steady]) -> None:
    stage, threads = Kept(), FaceThreads()

    async def scene() -> None:
        await until(lambda: stage.still is not None)
        since = time.monotonic()
        await until(lambda: stage.held_at > since + 1.5 * AWAY_AFTER_S)
        assert told[-1].code is Emotion.SADNESS
        stage.is_held = False
        await until(lambda: told[-1].code is Emotion.AWAY)

    await playing(loop_of(stage, ByShade(1), told, threads), scene())
    threads.close()


async def test_nobody_stays_in_view_of_a_camera_that_is_frozen(told: list[Steady]) -> None:
    stage, threads = Kept(), FaceThreads()

    async def scene() -> None:
        await until(lambda: stage.still is not None)
        stage.status = CameraStatus(CameraState.FROZEN)
        await until(lambda: told[-1].code is Emotion.AWAY)

    await playing(loop_of(stage, ByShade(1), told, threads), scene())
    threads.close()


async def test_an_engine_that_reads_clips_gets_the_frames_that_they_are_made_of(
    told: list[Steady],
) -> None:
    stage, threads = Stage(), FaceThreads()

    async def scene() -> None:
        await until(lambda: len(told) > 3)

    await playing(loop_of(stage, ByShade(4), told, threads), scene())
    threads.close()
    assert stage.rates == [ACTIVE_FPS]
