"""One person who watches a recording: what is read from the face, or said by key.

Nothing that is read here is sent anywhere.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineState, EngineStatus
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session.events import SessionView
from resonance_tui.session.self_report import SelfReport

if TYPE_CHECKING:
    from resonance_tui.pipeline.face_pipeline import FacePipeline


class LateViewer:
    """`view` holds the own state as live screens show it. Runs on the loop's thread.

    The engine's code is loaded by `run`.
    """

    def __init__(self, channel: str, plan: FacePlan) -> None:
        self._plan = plan
        self._face: FacePipeline | None = None
        self._is_on = plan.source.kind != "none"
        self._own = SelfReport(0, is_simulated=plan.source.kind == "demo")
        camera = CameraState.OPENING if self._is_on else CameraState.OFF
        self.view = SessionView(
            channel=channel,
            nickname="",
            viewer_id="",
            broker_url="",
            link=LinkStatus(LinkState.CONNECTED),
            camera=CameraStatus(camera, plan.source.label),
            engine=EngineStatus(plan.engine),
        )

    def set_camera(self, on: bool) -> None:
        """Off releases the device."""
        self._is_on = on and self._plan.source.kind != "none"
        if self._face is not None:
            self._face.switch(self._is_on)

    def say(self, code: Emotion | None, now: float) -> None:
        """State an emotion by key for ten seconds; None gives the word back to the camera."""
        self._own.say(code, now)
        self.look(now)

    def look(self, now: float) -> None:
        """Bring `view` up to `now` (monotonic s)."""
        self.view = replace(self.view, me=self._own.view(now, is_sharing=True))

    @property
    def reaction(self) -> Emotion | None:
        """What belongs into the own layer now; None while nothing is read, or nobody is: demo
        portraits are no person, and who speaks by key alone is not away in between."""
        view = self.view
        if view.me.is_manual:
            return view.me.code
        is_read = view.camera.state is CameraState.LIVE and view.engine.state is EngineState.READY
        is_person = view.engine.is_trained and not view.me.is_simulated
        return view.me.code if is_read and is_person else None

    async def run(self) -> None:
        """Read the face until cancelled. What fails is said in `view`."""
        await asyncio.to_thread(import_module, "resonance_tui.pipeline.face_pipeline")
        from resonance_tui.pipeline.face_pipeline import FacePipeline

        self._face = FacePipeline(
            self._plan,
            once=False,
            on_reading=self._own.read,
            on_status=self._status_changed,
            on_notice=self._notice,
        )
        self._face.switch(self._is_on)
        try:
            await self._face.run()
        finally:
            off = CameraStatus(CameraState.OFF, self._plan.source.label)
            self.view = replace(self.view, camera=off)

    def _status_changed(self) -> None:
        if (face := self._face) is not None:
            self.view = replace(
                self.view,
                camera=face.camera,
                engine=face.engine,
                faces=face.faces,
                too_far=face.too_far,
            )

    def _notice(self, text: str) -> None:
        self.view = replace(self.view, notice=text)
