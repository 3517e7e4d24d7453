"""The own face: camera and perception switched on and off together, smoothed into one reading."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from resonance_tui.capture.sources import CameraState, CameraStatus, Source
from resonance_tui.errors import EngineUnavailable
from resonance_tui.room.smoothing import ABSENT, Smoother, SmoothingSettings, Steady
from resonance_tui.session.view import EngineState, EngineStatus

if TYPE_CHECKING:  # both load OpenCV, which the first paint must not wait for
    from resonance_tui.capture.camera import FrameSource
    from resonance_tui.perception import Perception, Sighting

log = logging.getLogger(__name__)
T = TypeVar("T")


class FaceWatch:
    """Reads one source until cancelled, or until it has played once.

    `on_reading(steady, latency_ms)` and `on_status()` are called on the loop's thread. Blocking
    work runs on one worker thread; frames in it are never stored or sent.
    """

    def __init__(
        self,
        source: Source,
        engine: str,
        data_dir: Path,
        *,
        fps: float,
        once: bool,
        on_reading: Callable[[Steady, dict[str, float]], None],
        on_status: Callable[[], None],
    ) -> None:
        self._source, self._data_dir, self._fps, self._once = source, data_dir, fps, once
        self._on_reading, self._on_status = on_reading, on_status
        self._smoother = Smoother()
        self._track: int | None = None
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
        self._switched.set()

    async def run(self) -> None:
        """Return once the source has ended; otherwise go on until cancelled."""
        if self._source.kind == "none":
            self._engine_is(EngineState.READY, "by key only")
            await asyncio.Event().wait()
        worker = ThreadPoolExecutor(1, thread_name_prefix="perception")
        try:
            await self._run_on(worker)
        finally:
            worker.shutdown(wait=False)

    async def _run_on(self, worker: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        camera = await loop.run_in_executor(worker, self._open_camera)
        try:
            self._engine_is(EngineState.LOADING, "fetching the face model")
            model, note = await _in_daemon_thread(self._fetch)
            self._engine_is(EngineState.LOADING, "")
            perception = await loop.run_in_executor(worker, self._load, model, note)
            try:
                await self._look_on(camera, perception, worker)
            finally:
                worker.submit(perception.close)
        except Exception as error:  # whatever a native library throws, the room goes on
            log.warning("nobody reads the face any more", exc_info=error)
            reason = str(error) or type(error).__name__
            if self._once:
                raise EngineUnavailable(f"The film cannot be read: {reason}") from error
            await asyncio.to_thread(camera.stop)
            self._engine_is(EngineState.FAILED, reason)
            self._camera_is(CameraStatus(CameraState.OFF, self._source.label, "not read"))
            self._nobody(math.inf)
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(camera.stop)

    def _open_camera(self) -> FrameSource:
        from resonance_tui.capture.camera import FrameSource

        return FrameSource(self._source, fps=self._fps, once=self._once)

    def _fetch(self) -> tuple[Path | None, str]:
        from resonance_tui.perception import fetch_face_model

        return fetch_face_model(self._data_dir)

    def _load(self, model: Path | None, note: str) -> Perception:
        from resonance_tui.perception import load_perception

        return load_perception(self.engine.name, model, note)

    async def _look_on(
        self, camera: FrameSource, perception: Perception, worker: ThreadPoolExecutor
    ) -> None:
        self._smoother = Smoother(
            SmoothingSettings(unsure_below=perception.engine.spec.unsure_below)
        )
        self.note = perception.note
        self._engine_is(EngineState.READY, perception.finder.name)
        loop = asyncio.get_running_loop()
        after = -1
        if self.is_on:  # only now: nothing is filmed that nobody could read yet
            camera.start()
        while True:
            if not self.is_on:
                await self._rest(camera, perception)
            frame = await camera.next(after)
            self._camera_is(camera.status)
            if frame is not None:
                after = frame.index
                sighting = await loop.run_in_executor(worker, perception.look, frame)
                if self.is_on:
                    self._seen(sighting)
            elif camera.status.state is CameraState.ENDED:
                return
            else:
                self._nobody(time.monotonic())

    async def _rest(self, camera: FrameSource, perception: Perception) -> None:
        """Switched off: let go of the device, forget the face, wait for the switch."""
        await asyncio.to_thread(camera.stop)
        self.preview = None
        self._smoother.reset()
        perception.reset()
        self._camera_is(CameraStatus(CameraState.OFF, self._source.label, "switched off"))
        self._on_reading(ABSENT, {})
        while not self.is_on:
            self._switched.clear()
            await self._switched.wait()
        camera.start()

    def _seen(self, sighting: Sighting) -> None:
        self.preview = sighting.preview
        if sighting.track is None:
            self._nobody(sighting.at)
            return
        if sighting.track != self._track:
            self._track = sighting.track
            self._smoother.reset()
        if not sighting.probabilities:
            self._smoother.keep(sighting.at)
            return
        started = time.perf_counter()
        steady = self._smoother.see(sighting.probabilities, sighting.at)
        spent = {
            "smoothing": round((time.perf_counter() - started) * 1000, 3),
            "total": round((time.monotonic() - sighting.at) * 1000, 2),
        }
        self._on_reading(steady, sighting.latency_ms | spent)

    def _nobody(self, at: float) -> None:
        steady = self._smoother.miss(at)
        if steady is ABSENT:
            self.preview = None
            self._on_reading(ABSENT, {})

    def _camera_is(self, status: CameraStatus) -> None:
        if status != self.camera:
            self.camera = status
            self._on_status()

    def _engine_is(self, state: EngineState, detail: str) -> None:
        self.engine = EngineStatus(self.engine.name, state, detail)
        self._on_status()


async def _in_daemon_thread(work: Callable[[], T]) -> T:
    """Like `to_thread`, for work that may take minutes: whoever quits does not wait for it."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[Any], None], value: Any) -> None:
        if not result.done():
            set_it(value)

    def run() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            try:
                found = work()
            except Exception as error:
                loop.call_soon_threadsafe(settle, result.set_exception, error)
            else:
                loop.call_soon_threadsafe(settle, result.set_result, found)

    threading.Thread(target=run, daemon=True, name="fetch").start()
    return await result
