"""A session before its code is there: what a screen shows in the first quarter of a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from resonance_tui.config import DEFAULT_BROKER_URL
from resonance_tui.engines.base import EngineStatus
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session.events import SessionEvent, SessionView
from resonance_tui.session.outage import Outage
from resonance_tui.texts import tr

if TYPE_CHECKING:  # all that loads NumPy, OpenCV or MQTT waits for the first picture
    from numpy import uint8
    from numpy.typing import NDArray

    from resonance_tui.emotions import Emotion
    from resonance_tui.pipeline.sources import Source
    from resonance_tui.room.timeline import TimelinePoint
    from resonance_tui.session.core import Session
    from resonance_tui.session.plan import SessionPlan

PAINT_S = 0.02  # for the thread that writes to the terminal: loading holds the interpreter


def starting_view(plan: SessionPlan) -> SessionView:
    """The first view of every session: nobody is connected, and nothing is read yet."""
    camera = CameraState.OFF if plan.source.kind == "none" else CameraState.OPENING
    return SessionView(
        channel=plan.channel,
        nickname=plan.nickname,
        viewer_id=plan.viewer_id,
        broker_url=plan.broker.public if plan.broker else DEFAULT_BROKER_URL,
        link=LinkStatus(LinkState.CONNECTING),
        camera=CameraStatus(camera, plan.source.label),
        engine=EngineStatus(plan.engine),
        is_sharing=not plan.observe_only,
        is_recording=plan.database is not None and plan.is_recording,
        outage=Outage(time.monotonic(), is_first=True),
        reads=plan.people,
    )


class StartingSession:
    """As `Session`, whose code `run` loads in a thread while the screen is already there.

    What is asked of it before is done as soon as the session exists, in that order.
    """

    def __init__(self, plan: SessionPlan) -> None:
        self._plan = plan
        self._view = starting_view(plan)
        self._session: Session | None = None
        self._asked: list[Callable[[Session], object]] = []

    @property
    def view(self) -> SessionView:
        return self._session.view if self._session is not None else self._view

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:
        self._ask(lambda session: session.add_listener(listener))

    def timeline(self) -> tuple[TimelinePoint, ...]:
        return self._session.timeline() if self._session is not None else ()

    def preview(self) -> NDArray[uint8] | None:
        return self._session.preview() if self._session is not None else None

    def set_camera(self, on: bool) -> None:
        self._ask(lambda session: session.set_camera(on))

    def capture_baseline(self) -> bool:
        return self._session is not None and self._session.capture_baseline()

    def set_source(self, source: Source) -> None:
        self._ask(lambda session: session.set_source(source))

    def set_sharing(self, on: bool) -> None:
        self._view = replace(self._view, is_sharing=on and not self._plan.observe_only)
        self._ask(lambda session: session.set_sharing(on))

    def set_nickname(self, nickname: str) -> None:
        self._view = replace(self._view, nickname=nickname)
        self._ask(lambda session: session.set_nickname(nickname))

    def set_recording(self, on: bool) -> None:
        self._view = replace(self._view, is_recording=on and self._plan.database is not None)
        self._ask(lambda session: session.set_recording(on))

    def mark(self, at: float, text: str) -> None:
        self._ask(lambda session: session.mark(at, text))

    def set_stream_delay(self, delay_s: float) -> None:
        self._ask(lambda session: session.set_stream_delay(delay_s))

    def set_corrected(self, on: bool) -> None:
        self._ask(lambda session: session.set_corrected(on))

    def mute_locally(self, viewer_id: str, on: bool = True) -> None:
        self._ask(lambda session: session.mute_locally(viewer_id, on))

    def hide_nicknames(self, on: bool) -> None:
        self._ask(lambda session: session.hide_nicknames(on))

    def accept_host_key(self) -> None:
        self._ask(lambda session: session.accept_host_key())

    def answer_question(self, choice: int) -> str:
        if self._session is None:
            return tr("Nothing is asked now.")
        return self._session.answer_question(choice)

    def say(self, code: Emotion | None) -> None:
        self._ask(lambda session: session.say(code))

    def answer(self, yes: bool) -> None:
        self._ask(lambda session: session.answer(yes))

    async def run(self) -> None:
        """Load the code, then live as `Session.run` does. Raises what that raises."""
        await asyncio.sleep(PAINT_S)
        await asyncio.to_thread(import_module, "resonance_tui.session.core")
        from resonance_tui.session.core import Session

        self._session = session = Session(self._plan)
        for do in self._asked:
            do(session)
        self._asked.clear()
        await session.run()

    def _ask(self, do: Callable[[Session], object]) -> None:
        if self._session is not None:
            do(self._session)
        else:
            self._asked.append(do)
