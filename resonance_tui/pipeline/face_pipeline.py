"""The face path as one object: camera, face detector and engine, switched on and off together."""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.engines.base import EngineState, EngineStatus, Flaw
from resonance_tui.errors import EngineUnavailable, Problem, first_of, in_words
from resonance_tui.pipeline.baseline import BaselineMode, BaselineState
from resonance_tui.pipeline.clip_buffer import FrameRateMonitor, least_rate, too_slow_for
from resonance_tui.pipeline.emotion_reader import EmotionReader
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.face_status import CameraSwitch, FaceStatus
from resonance_tui.pipeline.frame_loop import FrameLoop
from resonance_tui.pipeline.smoothing import ACTIVE_FPS, Steady
from resonance_tui.pipeline.sources import CameraStatus, Source
from resonance_tui.pipeline.threads import FaceThreads, Loaded
from resonance_tui.texts import joined, mark, tr

if TYPE_CHECKING:
    from resonance_tui.pipeline.camera import FrameSource

FPS = 10.0  # frames a second for clips, unless the engine's need more
SETTLED_S = 5.0  # s; by then camera, detector and engine have done all that they do again

log = logging.getLogger(__name__)


class FacePipeline:
    """Reads the plan's source until cancelled, or until it has played once.

    `on_reading(steady, latency_ms)`, `on_status()` and `on_notice(text)` are called on the loop's
    thread; what they raise is logged.

    `people`: how many are read at once; `on_other(seat, steady)` has the readings of all but the
    first, of the seats 1 to `people` - 1.

    `open_source(source, fps)`: makes the FrameSource where it is another than the usual one.
    """

    def __init__(
        self,
        plan: FacePlan,
        *,
        once: bool,
        on_reading: Callable[[Steady, dict[str, float]], None],
        on_status: Callable[[], None],
        on_notice: Callable[[str], None],
        people: int = 1,
        on_other: Callable[[int, Steady], None] = lambda _seat, _steady: None,
        open_source: Callable[[Source, float], FrameSource] | None = None,
    ) -> None:
        self._plan, self._source, self._once = plan, plan.source, once
        self._open_source = open_source
        self._loop: FrameLoop | None = None
        self._rate: float = plan.fps or FPS  # frames a second that the camera delivers at most
        self._source_chosen = asyncio.Event()
        self._reader = EmotionReader(on_reading, plan.baseline)
        self._others = [_other(seat, on_other, plan.baseline) for seat in range(1, people)]
        self._switch = CameraSwitch(plan.source.kind != "none")
        self._status = FaceStatus(plan.source, plan.engine, on_status, on_notice)

    @property
    def camera(self) -> CameraStatus:
        return self._status.camera

    @property
    def engine(self) -> EngineStatus:
        return self._status.engine

    @property
    def faces(self) -> int:
        """How many are in view, read or not; 0 with the camera off."""
        return self._status.faces.shown

    def read_one(self) -> None:
        """Nobody but the first from now on."""
        for reader in self._others:
            reader.forget()
        self._others = []
        if self._loop is not None:
            self._loop.read_one()

    @property
    def preview(self) -> NDArray[np.uint8] | None:
        """What the engine sees, grey (S, S); None with no face in view or the camera off."""
        return self._status.preview

    @property
    def too_far(self) -> bool:
        """Whether a face is in view, too far from the camera to be read."""
        return self._status.too_far

    @property
    def baseline(self) -> BaselineState:
        """Of the first viewer."""
        return self._reader.baseline.state

    @property
    def flaw(self) -> Flaw:
        """Why the first viewer's emotion is unsure, where a picture gives the reason."""
        return self._reader.flaw

    def capture_baseline(self) -> bool:
        """For two seconds from now on the first viewer's face is neutral. False where that is of
        no use; see Baseline.capture."""
        is_begun = self._reader.baseline.capture(time.monotonic())
        if is_begun and self._loop is not None:
            self._loop.wake()
        return is_begun

    def switch(self, on: bool) -> None:
        """Off releases the device within the time of one frame."""
        self._switch.set(on and self._source.kind != "none")
        for reader in self._readers:
            reader.generation += 1
        if self._loop is not None:
            self._loop.wake()

    def set_source(self, source: Source) -> None:
        """Read another one from now on, switched on; `none` releases the device. What it lacks
        becomes the camera's state. A recording is played again and again."""
        self._source, self._once = source, False
        self._status.set_source(source)
        self.switch(True)
        if source.kind == "none":
            return
        if self._loop is not None:
            self._loop.use(self._frame_source())
        self._source_chosen.set()

    def forget(self) -> None:
        """Report nothing that was captured before now, nor clips that reach back before now."""
        self._switch.invalidate()
        for reader in self._readers:
            reader.forget()
        if self._loop is not None:
            self._loop.wake()

    @property
    def _readers(self) -> list[EmotionReader]:
        """By seat."""
        return [self._reader, *self._others]

    async def run(self) -> None:
        """Return once the source has ended; otherwise continue until cancelled.

        A recording that plays once raises what stopped it. Anything else that fails is shown as
        the state of the engine.
        """
        while True:
            if self._source.kind == "none":
                self._status.set_engine_state(EngineState.READY, tr("by key only"))
            elif await self._try_to_read():
                return
            self._source_chosen.clear()
            await self._source_chosen.wait()

    async def _try_to_read(self) -> bool:
        """Whether the source has ended; False once something failed."""
        threads = FaceThreads()
        try:
            await self._read(threads)
            return True
        except Exception as error:  # native libraries raise anything; the session continues
            # As text: a log record that a handler keeps would keep the pictures in its traceback.
            text = "".join(traceback.format_exception(error))
            log.warning("the face is no longer read\n%s", text)
            if self._once:
                raise translate(error) from None
            self._fail(_in_words(error))
            return False
        finally:
            threads.close()

    async def _read(self, threads: FaceThreads) -> None:
        say = partial(self._status.set_engine_state, EngineState.LOADING)
        loaded = await threads.load(
            self.engine.name, self._plan.detector, self._plan.data_dir, self._plan.options, say
        )
        monitor = self._set_ready(loaded)
        # Only now a camera: no picture is taken before something can read it.
        source = self._source
        loop = await threads.detection.do(partial(self._open, loaded, threads, monitor))
        self._loop = loop
        if source != self._source:  # chosen meanwhile
            loop.use(self._frame_source())
        if not self._others:  # any more, maybe since a moment ago
            loop.read_one()
        settling = asyncio.create_task(_settle(threads), name="settle")
        try:
            await loop.run()
        finally:
            settling.cancel()
            self._loop = None
            await asyncio.to_thread(loop.close)

    def _set_ready(self, loaded: Loaded) -> FrameRateMonitor:
        spec = loaded.engine.spec
        for reader in self._readers:
            reader.set_engine(spec.unsure_below, spec.neutral)
        detail = " · ".join(filter(None, (loaded.detector.name, spec.runs_on)))
        status = EngineStatus(spec.name, EngineState.READY, detail, spec.is_trained)
        self._status.set_engine(status)
        least_fps = least_rate(spec.clip_frames, spec.frame_rate)
        too_slow = too_slow_for(spec.name, self._plan.fps, least_fps)
        if notice := "; ".join(filter(None, (*loaded.notices, too_slow))):
            self._status.notice(notice)
        return FrameRateMonitor(spec.name, least_fps)

    def _open(self, loaded: Loaded, threads: FaceThreads, monitor: FrameRateMonitor) -> FrameLoop:
        """The loop with a camera that is not started yet. Imports OpenCV, so on a thread."""
        from resonance_tui.pipeline.perception import Perception

        engine = loaded.engine
        least = FPS if engine.spec.clip_frames > 1 else ACTIVE_FPS
        self._rate = self._plan.fps or max(least, engine.spec.frame_rate)
        return FrameLoop(
            self._frame_source(),
            Perception(engine.spec, loaded.detector, people=len(self._readers)),
            engine,
            threads,
            reader=self._reader,
            others=self._others,
            frame_rate=monitor,
            switch=self._switch,
            status=self._status,
        )

    def _frame_source(self) -> FrameSource:
        from resonance_tui.pipeline.camera import FrameSource

        if self._open_source is not None:
            return self._open_source(self._source, self._rate)
        return FrameSource(self._source, fps=self._rate, once=self._once)

    def _fail(self, reason: str) -> None:
        self._status.set_engine_state(EngineState.FAILED, reason)
        self._status.set_camera_off(tr("not read"))
        for reader in self._others:
            reader.face_missing(math.inf)
        if self._reader.face_missing(math.inf):
            self._status.preview = None


async def _settle(threads: FaceThreads) -> None:
    await asyncio.sleep(SETTLED_S)
    await threads.settle()


def _other(
    seat: int, on_other: Callable[[int, Steady], None], baseline: BaselineMode
) -> EmotionReader:
    return EmotionReader(lambda steady, _latency_ms: on_other(seat, steady), baseline)


def translate(error: Exception) -> Problem:
    """The Problem that ends a recording that plays once; a Problem stays as it is."""
    first = first_of(error)
    if isinstance(first, Problem):
        return first
    return EngineUnavailable(mark("The film cannot be read: {error}", error=in_words(error)))


def _in_words(error: Exception) -> str:
    """As `in_words`, to be translated."""
    first = first_of(error)
    return joined(first.message, first.hint) if isinstance(first, Problem) else in_words(first)
