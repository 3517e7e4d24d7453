"""The own face: camera, face finder and engine switched on and off together, read side by side."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import Engine, EngineOptions, EngineSpec, weights_folder
from resonance_tui.engines.status import EngineState, EngineStatus
from resonance_tui.errors import EngineUnavailable, Problem, first_of, in_words
from resonance_tui.listeners import Listeners
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.frame_rate import FrameRateMonitor, too_slow_for
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Frame, Source
from resonance_tui.pipeline.threads import FaceThreads, fetch_face_model
from resonance_tui.pipeline.worker import Worker
from resonance_tui.room.smoothing import Steady

if TYPE_CHECKING:  # both load OpenCV, which the first paint must not wait for
    from resonance_tui.pipeline.camera import FrameSource
    from resonance_tui.pipeline.clip_buffer import Clip
    from resonance_tui.pipeline.perception import FaceObservation, Perception, Prediction

    Ask = Callable[[Clip], Awaitable[Prediction]]

FPS = 10.0  # frames a second, unless the engine's clips need more

log = logging.getLogger(__name__)


class FacePipeline:
    """Reads one source until cancelled, or until it has played once.

    `on_reading(steady, latency_ms)`, `on_status()` and `on_notice(text)` are called on the loop's
    thread; what they raise is logged and harms nothing. Faces are found on one thread and clips
    judged on another, one at a time, so that a slow engine holds up neither the clips nor whoever
    leaves; frames in them are never stored or sent.
    """

    def __init__(
        self,
        source: Source,
        engine: str,
        data_dir: Path,
        *,
        fps: float | None,
        once: bool,
        options: EngineOptions,
        on_reading: Callable[[Steady, dict[str, float]], None],
        on_status: Callable[[], None],
        on_notice: Callable[[str], None],
    ) -> None:
        self._source, self._data_dir, self._fps, self._once = source, data_dir, fps, once
        self._options = options
        self._on_status, self._on_notice = Listeners(on_status), Listeners(on_notice)
        self._reading = EmotionReader(on_reading)
        self._frame_rate = FrameRateMonitor(engine, 0.0)
        self._is_judging = False
        self._film_note = ""
        self._since = self._fresh_from = -math.inf  # monotonic s; frames from before do not count
        self._switched = asyncio.Event()
        self.is_on = source.kind != "none"
        self.camera = CameraStatus(
            CameraState.OPENING if self.is_on else CameraState.OFF, source.label
        )
        self.engine = EngineStatus(engine)
        self.preview: NDArray[np.uint8] | None = None

    def switch(self, on: bool) -> None:
        """Off releases the device within a frame's time."""
        self.is_on = on and self._source.kind != "none"
        self._since = time.monotonic()
        self._reading.era += 1
        self._switched.set()

    def forget(self) -> None:
        """Let nothing be said of what was seen before now, nor of clips that reach back there."""
        self._since = time.monotonic()
        self._reading.forget()

    async def run(self) -> None:
        """Return once the source has ended; otherwise go on until cancelled."""
        if self._source.kind == "none":
            self._engine_is(EngineState.READY, "by key only")
            await asyncio.Event().wait()
        threads = FaceThreads()
        try:
            await self._run_on(threads)
        finally:
            threads.close()

    async def _run_on(self, threads: FaceThreads) -> None:
        camera: FrameSource | None = None
        try:
            engine, perception = await self._load(threads)
            camera = await threads.finding.do(partial(self._camera_for, engine))
            await self._look_on(camera, perception, threads, partial(threads.judge, engine))
        except Exception as error:  # whatever a native library throws, the room goes on
            log.warning("nobody reads the face any more", exc_info=error)
            if self._once:
                raise _of_a_film(error) from None
            await _stop(camera)
            self._engine_is(EngineState.FAILED, in_words(error))
            self._camera_is(CameraStatus(CameraState.OFF, self._source.label, "not read"))
            self._nobody(math.inf)
            await asyncio.Event().wait()
        finally:
            await _stop(camera)

    # Loading

    async def _load(self, threads: FaceThreads) -> tuple[Engine, Perception]:
        self._engine_is(EngineState.LOADING, "fetching the face model")
        model, unfetched = await fetch_face_model(self._data_dir)
        self._engine_is(EngineState.LOADING, "")
        loop = asyncio.get_running_loop()

        def say(doing: str) -> None:
            loop.call_soon_threadsafe(self._engine_is, EngineState.LOADING, doing)

        folder = weights_folder(self._data_dir)
        wanted = threads.load_engine(self.engine.name, folder, self._options, say)
        async with asyncio.TaskGroup() as tasks:
            building = tasks.create_task(threads.load_detector(model), name="finder")
            # Awaited inside: of an error while the group itself waits, CPython before 3.13 leaves
            # this task marked as cancelled, and whoever ends it later gets a CancelledError.
            engine, passed_over = await wanted
            finder, simpler = await building
        self._is_ready(engine.spec, finder.name, [*passed_over, unfetched or simpler])
        from resonance_tui.pipeline.perception import Perception

        return engine, Perception(engine.spec, finder)

    def _is_ready(self, spec: EngineSpec, finder: str, notes: list[str]) -> None:
        from resonance_tui.pipeline.clip_buffer import least_rate

        least = least_rate(spec.clip_frames, spec.frame_rate)
        self._frame_rate = FrameRateMonitor(spec.name, least)
        self._reading.set_threshold(spec.unsure_below)
        detail = " · ".join(filter(None, (finder, spec.runs_on)))
        self.engine = EngineStatus(spec.name, EngineState.READY, detail, spec.is_trained)
        self._on_status()
        if said := "; ".join(filter(None, [*notes, too_slow_for(spec.name, self._fps, least)])):
            self._on_notice(said)

    def _camera_for(self, engine: Engine) -> FrameSource:
        from resonance_tui.pipeline.camera import FrameSource

        fps = self._fps or max(FPS, engine.spec.frame_rate)
        return FrameSource(self._source, fps=fps, once=self._once)

    # Watching

    async def _look_on(
        self, camera: FrameSource, perception: Perception, threads: FaceThreads, ask: Ask
    ) -> None:
        after = -1
        if self.is_on:  # only now: nothing is filmed that nobody could read yet
            camera.start()
        async with asyncio.TaskGroup() as tasks:
            while True:
                if not self.is_on:
                    await self._rest(camera, perception)
                frame = await camera.next(after)
                self._camera_is(camera.status)
                self._film_is(camera.note)
                if frame is not None:
                    after = frame.index
                    sighting = await self._look_at(frame, perception, threads.finding)
                    if sighting is not None:
                        self._seen(sighting)
                    if sighting is not None and sighting.clip is not None:
                        self._is_judging = True
                        judging = self._judge(ask, sighting, sighting.clip, self._reading.era)
                        tasks.create_task(judging, name="judge")
                elif camera.status.state is CameraState.ENDED:
                    return
                else:
                    self._nobody(time.monotonic())

    async def _look_at(
        self, frame: Frame, perception: Perception, finding: Worker
    ) -> FaceObservation | None:
        """What the frame shows; None where that is from before something was switched."""
        since = self._since
        if since > self._fresh_from:
            perception.reset()
            self._fresh_from = since
        if frame.captured_at < since:
            return None
        look = partial(perception.look, frame, wants_clip=not self._is_judging)
        sighting = await finding.do(look)
        return sighting if self.is_on and self._since == since else None

    async def _judge(self, ask: Ask, sighting: FaceObservation, clip: Clip, era: int) -> None:
        """One clip, beside the camera. The next clip is the newest there is when this is done."""
        try:
            guess = await ask(clip)
        finally:
            self._is_judging = False
        latency = sighting.latency_ms | {"network": guess.network_ms}
        self._reading.judged(guess.probabilities, sighting.at, era, latency)

    async def _rest(self, camera: FrameSource, perception: Perception) -> None:
        """Switched off: let go of the device, forget the face, wait for the switch."""
        await asyncio.to_thread(camera.stop)
        self.preview = None
        perception.reset()
        self._camera_is(CameraStatus(CameraState.OFF, self._source.label, "switched off"))
        self._reading.forget()
        while not self.is_on:
            self._switched.clear()
            await self._switched.wait()
        camera.start()

    def _seen(self, sighting: FaceObservation) -> None:
        self.preview = sighting.preview
        if sighting.track is None:
            self._nobody(sighting.at)
        else:
            self._reading.saw(sighting.track, sighting.at)
            is_fed = self._is_judging or sighting.clip is not None
            if said := self._frame_rate.saw(sighting.at, is_fed=is_fed):
                self._on_notice(said)

    def _nobody(self, at: float) -> None:
        if self._reading.missed(at):
            self.preview = None

    def _film_is(self, note: str) -> None:
        if note != self._film_note:
            self._film_note = note
            self._on_notice(note)

    def _camera_is(self, status: CameraStatus) -> None:
        if status != self.camera:
            self.camera = status
            self._on_status()

    def _engine_is(self, state: EngineState, detail: str) -> None:
        self.engine = replace(self.engine, state=state, detail=detail)
        self._on_status()


async def _stop(camera: FrameSource | None) -> None:
    if camera is not None:
        await asyncio.to_thread(camera.stop)


def _of_a_film(error: Exception) -> Problem:
    """What ends a film that is read once: whatever has words for a person says them itself."""
    first = first_of(error)
    if isinstance(first, Problem):
        return first
    return EngineUnavailable(f"The film cannot be read: {in_words(error)}")
