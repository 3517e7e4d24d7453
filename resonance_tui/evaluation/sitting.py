"""A sitting: the face path as `join` has it beside a plan, and its readings on the plan's clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from resonance_tui.engines.base import EngineState
from resonance_tui.errors import EngineUnavailable, InputError, SourceInvalid
from resonance_tui.evaluation.plan import Moment, Plan, clock
from resonance_tui.evaluation.scoring import Reading
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Source
from resonance_tui.texts import tr

if TYPE_CHECKING:  # both load OpenCV
    from resonance_tui.pipeline.camera import FrameSource
    from resonance_tui.pipeline.devices import Capture
    from resonance_tui.pipeline.smoothing import Steady
    from resonance_tui.pipeline.stepped import SteppedSource

TICK_S = 0.1  # between two looks at the clock
SLACK_S = 0.2  # by which a film may be too short: lengths and stamps are rough
WRONG = (CameraState.MISSING, CameraState.BUSY, CameraState.LOST, CameraState.FROZEN)


class Sitting:
    """One person, one plan. `on_moment` is told what is to be done whenever that may have changed;
    `on_notice` takes sentences for a person.

    `readings` and `reached` say what was read and how far it came, also after it was cancelled.
    """

    def __init__(
        self,
        reader: FacePlan,
        plan: Plan,
        on_moment: Callable[[Moment], None] = lambda _: None,
        on_notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._reader, self._plan = reader, plan
        self._on_moment, self._on_notice = on_moment, on_notice
        self._is_ready = asyncio.Event()
        self._began_at: float | None = None  # monotonic s, of a sitting before a camera
        self._film: SteppedSource | None = None
        self._face: FacePipeline | None = None
        self._was_wrong = False  # the camera, when it last said how it is
        self.readings: list[Reading] = []
        self.reached = 0.0  # s from the start
        self.engine = self.detector = ""

    async def before_camera(self) -> None:
        """In real time. Raises SourceInvalid or EngineUnavailable where nothing can be read; a
        camera that is lost later is tried again."""
        face = self._pipeline()
        reading = asyncio.create_task(face.run(), name="face")
        try:
            await self._until_ready(reading)
            self._began_at = time.monotonic()
            while self.reached < self._plan.length:
                self._go_on(min(time.monotonic() - self._began_at, self._plan.length))
                await asyncio.sleep(TICK_S)
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def of_film(self, open_capture: Callable[[Source], Capture] | None = None) -> None:
        """As fast as it can be read, on the film's clock: the same every time. Raises InputError
        for a film that is shorter than the plan, CameraError for one that cannot be read."""
        face = self._pipeline(partial(self._stepped, open_capture))
        await face.run()
        film = self._film
        assert film is not None
        self.reached = min(film.played, self._plan.length)
        check_length(film.played, self._plan)
        self.reached = self._plan.length

    def _stepped(
        self, open_capture: Callable[[Source], Capture] | None, source: Source, fps: float
    ) -> FrameSource:
        from resonance_tui.pipeline import devices
        from resonance_tui.pipeline.stepped import SteppedSource

        opened = open_capture or devices.open_capture
        until = self._plan.length
        self._film = SteppedSource(source, fps=fps, until=until, open_capture=opened)
        return self._film

    def _pipeline(
        self, open_source: Callable[[Source, float], FrameSource] | None = None
    ) -> FacePipeline:
        self._face = FacePipeline(
            self._reader,
            once=open_source is not None,
            on_reading=self._read,
            on_status=self._status,
            on_notice=self._on_notice,
            open_source=open_source,
        )
        return self._face

    def _status(self) -> None:
        face = self._face
        assert face is not None
        if face.engine.state is EngineState.READY:
            self.engine = face.engine.name
            self.detector = face.engine.detail.partition(" · ")[0]
        self._tell_of(face.camera)
        is_live = face.camera.state is CameraState.LIVE and face.engine.state is EngineState.READY
        if is_live or face.camera.state in WRONG or face.engine.state is EngineState.FAILED:
            self._is_ready.set()

    def _tell_of(self, camera: CameraStatus) -> None:
        """Once the plan has begun: a camera that stops, once a fault."""
        is_wrong = camera.state in WRONG
        if self._began_at is not None and is_wrong and not self._was_wrong:
            self._on_notice(f"{camera.source}: {camera.detail}")
        if is_wrong or camera.state is CameraState.LIVE:
            self._was_wrong = is_wrong

    async def _until_ready(self, reading: asyncio.Task[None]) -> None:
        """Until there are pictures, or it is known that there are none."""
        ready = asyncio.create_task(self._is_ready.wait(), name="ready")
        try:
            await asyncio.wait([ready, reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if reading.done():
            reading.result()
        face = self._face
        assert face is not None
        if face.engine.state is EngineState.FAILED:
            raise EngineUnavailable(face.engine.detail)
        if face.camera.state in WRONG:
            raise SourceInvalid(
                f"{face.camera.source}: {face.camera.detail}", "--source FILM reads a film."
            )

    def _now(self) -> float:
        """Seconds from the start; before it -infinity."""
        if self._film is not None:
            return self._film.position
        return -inf if self._began_at is None else time.monotonic() - self._began_at

    def _read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        at = self._now()
        self.readings.append(Reading(at, steady.code, steady.confidence, steady.probabilities))
        if self._film is not None:
            self._go_on(at)

    def _go_on(self, at: float) -> None:
        self.reached = at
        if (moment := self._plan.moment(at)) is not None:
            self._on_moment(moment)


def check_length(seconds: float, plan: Plan) -> None:
    """Raise InputError where a film of so many seconds is shorter than the plan."""
    if seconds + SLACK_S < plan.length:
        raise InputError(
            f"The film ends at {clock(seconds)}, the plan at {clock(plan.length)}.",
            tr("--plan FILE says when each task begins, --tasks leaves some out."),
        )
