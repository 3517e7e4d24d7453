"""The own face: camera, face finder and engine switched on and off together, read side by side."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from resonance_tui.capture.sources import CameraState, CameraStatus, Source
from resonance_tui.engines.base import Engine, EngineOptions, create_engine, weights_folder
from resonance_tui.errors import EngineUnavailable
from resonance_tui.room.smoothing import Steady
from resonance_tui.session.reading import Reading
from resonance_tui.session.view import EngineState, EngineStatus
from resonance_tui.session.worker import Worker

if TYPE_CHECKING:  # both load OpenCV, which the first paint must not wait for
    from resonance_tui.capture.camera import FrameSource
    from resonance_tui.capture.clips import Clip
    from resonance_tui.perception import Guess, Perception, Sighting

    Ask = Callable[[Clip], Awaitable[Guess]]

FPS = 10.0  # frames a second, unless the engine's clips need more
LINGER_S = 5.0  # that the program's end waits for a prediction that is going on

log = logging.getLogger(__name__)
T = TypeVar("T")


class FaceWatch:
    """Reads one source until cancelled, or until it has played once.

    `on_reading(steady, latency_ms)` and `on_status()` are called on the loop's thread. Faces are
    found on one thread and clips judged on another, one at a time, so that a slow engine holds up
    neither the clips nor whoever leaves; frames in them are never stored or sent.
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
    ) -> None:
        self._source, self._data_dir, self._fps, self._once = source, data_dir, fps, once
        self._options = options
        self._on_status = on_status
        self._reading = Reading(on_reading)
        self._is_judging = False
        self._switched = asyncio.Event()
        self.is_on = source.kind != "none"
        self.camera = CameraStatus(
            CameraState.OPENING if self.is_on else CameraState.OFF, source.label
        )
        self.engine = EngineStatus(engine)
        self.note = ""  # what had to be replaced, in a sentence
        self.preview: NDArray[np.uint8] | None = None

    def switch(self, on: bool) -> None:
        """Off releases the device within a frame's time."""
        self.is_on = on and self._source.kind != "none"
        self._reading.era += 1
        self._switched.set()

    def drop_prediction(self) -> None:
        """Let nothing be said that was seen before now and is still being judged."""
        self._reading.era += 1

    async def run(self) -> None:
        """Return once the source has ended; otherwise go on until cancelled."""
        if self._source.kind == "none":
            self._engine_is(EngineState.READY, "by key only")
            await asyncio.Event().wait()
        finding = ThreadPoolExecutor(1, thread_name_prefix="perception")
        judging = Worker("engine", linger_s=LINGER_S)
        try:
            await self._run_on(finding, judging)
        finally:
            finding.shutdown(wait=False)
            judging.close()

    async def _run_on(self, finding: ThreadPoolExecutor, judging: Worker) -> None:
        camera: FrameSource | None = None
        try:
            engine, perception = await self._load(finding, judging)
            try:
                camera = await _in(finding, partial(self._camera_for, engine))
                await self._look_on(camera, perception, finding, partial(_judged, engine, judging))
            finally:
                finding.submit(perception.close)
        except Exception as error:  # whatever a native library throws, the room goes on
            log.warning("nobody reads the face any more", exc_info=error)
            reason = _reason(error)
            if self._once:
                raise EngineUnavailable(f"The film cannot be read: {reason}") from error
            await _stop(camera)
            self._engine_is(EngineState.FAILED, reason)
            self._camera_is(CameraStatus(CameraState.OFF, self._source.label, "not read"))
            self._nobody(math.inf)
            await asyncio.Event().wait()
        finally:
            await _stop(camera)

    # Loading

    async def _load(
        self, finding: ThreadPoolExecutor, judging: Worker
    ) -> tuple[Engine, Perception]:
        self._engine_is(EngineState.LOADING, "fetching the face model")
        fetching = Worker("fetch")
        try:
            model, note = await fetching.do(partial(_fetch, self._data_dir))
        finally:
            fetching.close()
        self._engine_is(EngineState.LOADING, "")
        loop = asyncio.get_running_loop()

        def say(doing: str) -> None:
            loop.call_soon_threadsafe(self._engine_is, EngineState.LOADING, doing)

        folder = weights_folder(self._data_dir)
        engine = await judging.do(
            lambda: create_engine(self.engine.name, folder, self._options, say)
        )
        perception = await _in(finding, partial(_load_finder, engine, model, note))
        self._is_ready(engine, perception)
        return engine, perception

    def _is_ready(self, engine: Engine, perception: Perception) -> None:
        spec = engine.spec
        self._reading.set_threshold(spec.unsure_below)
        self.note = perception.note
        detail = " · ".join(filter(None, (perception.finder.name, spec.runs_on)))
        self.engine = EngineStatus(spec.name, EngineState.READY, detail, spec.is_trained)
        self._on_status()

    def _camera_for(self, engine: Engine) -> FrameSource:
        from resonance_tui.capture.camera import FrameSource

        fps = self._fps or max(FPS, engine.spec.frame_rate)
        return FrameSource(self._source, fps=fps, once=self._once)

    # Watching

    async def _look_on(
        self, camera: FrameSource, perception: Perception, finding: ThreadPoolExecutor, ask: Ask
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
                if frame is not None:
                    after = frame.index
                    look = partial(perception.look, frame, wants_clip=not self._is_judging)
                    sighting = await _in(finding, look)
                    if self.is_on:
                        self._seen(sighting)
                    if self.is_on and sighting.clip is not None:
                        self._is_judging = True
                        tasks.create_task(self._judge(ask, sighting, sighting.clip), name="judge")
                elif camera.status.state is CameraState.ENDED:
                    return
                else:
                    self._nobody(time.monotonic())

    async def _judge(self, ask: Ask, sighting: Sighting, clip: Clip) -> None:
        """One clip, beside the camera. The next clip is the newest there is when this is done."""
        era = self._reading.era
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

    def _seen(self, sighting: Sighting) -> None:
        self.preview = sighting.preview
        if sighting.track is None:
            self._nobody(sighting.at)
        else:
            self._reading.saw(sighting.track, sighting.at)

    def _nobody(self, at: float) -> None:
        if self._reading.missed(at):
            self.preview = None

    def _camera_is(self, status: CameraStatus) -> None:
        if status != self.camera:
            self.camera = status
            self._on_status()

    def _engine_is(self, state: EngineState, detail: str) -> None:
        self.engine = replace(self.engine, state=state, detail=detail)
        self._on_status()


# Done in threads; each loads what the first paint must not wait for.


def _fetch(data_dir: Path) -> tuple[Path | None, str]:
    from resonance_tui.perception import fetch_face_model

    return fetch_face_model(data_dir)


def _load_finder(engine: Engine, model: Path | None, note: str) -> Perception:
    from resonance_tui.perception import load_perception

    return load_perception(engine.spec, model, note)


async def _judged(engine: Engine, judging: Worker, clip: Clip) -> Guess:
    from resonance_tui.perception import judge

    return await judging.do(partial(judge, engine, clip))


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, work)


async def _stop(camera: FrameSource | None) -> None:
    if camera is not None:
        await asyncio.to_thread(camera.stop)


def _reason(error: BaseException) -> str:
    """The first error's words, out of a TaskGroup's group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
