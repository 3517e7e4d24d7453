"""The only orchestrator: link, room, face and recorder of one person in one room."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.config import DEFAULT_BROKER_URL
from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineOptions
from resonance_tui.errors import BrokerFailed, BrokerUnreachable, StoreError, first_problem
from resonance_tui.history.recorder import Recorder
from resonance_tui.history.store import Store
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.connection import LinkState, LinkStatus
from resonance_tui.messaging.link import Link, MqttLink
from resonance_tui.messaging.permissions import own_id
from resonance_tui.messaging.probe import is_reachable
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.smoothing import ABSENT, Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import MANUAL, SIMULATED, Report
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.room.timeline import Timeline, TimelinePoint
from resonance_tui.session.events import (
    LinkUpdate,
    NoticeUpdate,
    RoomUpdate,
    SelfState,
    SelfUpdate,
    SelfView,
    SessionEvent,
    SessionView,
)
from resonance_tui.session.metrics import RoomMetrics
from resonance_tui.session.publish_gate import PublishGate
from resonance_tui.session.room_model import RoomModel
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.runner import SinkRunner, finish_all

if TYPE_CHECKING:  # loaded only when a local broker has to be started
    from resonance_broker import RunningBroker

ROOM_TICK_S = 0.25  # a quiet room is looked at this often
ROOM_GAP_S = 0.1  # a busy one no oftener than this; news in a quiet one shows at once
LARGE_ROOM = 200  # viewers; in larger ones somebody changes all the time
SAY_LASTS_S = 10.0
PATIENCE_S = 2.0  # for the broker of another viewer who starts at the same moment
NOT_RECORDING = "Not recording"
TELL_AT_LEAST_S = 1.0  # listeners hear of themselves and the room this often when nothing changes


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """Everything decided before a session starts."""

    channel: str
    nickname: str
    viewer_id: str
    boot: int
    broker: BrokerUrl | None  # None: the default address, or a local broker of our own
    source: Source
    engine: str
    data_dir: Path
    engine_options: EngineOptions = field(default_factory=EngineOptions)
    detector: str = "auto"
    fps: float | None = None  # None: as many frames a second as the engine's clips need
    once: bool = False
    database: Path | None = None  # record there
    title: str = ""  # of the recording
    sinks: tuple[SinkPlan, ...] = ()  # and bring what is recorded there
    observe_only: bool = False  # the logger: sees the room, is not in it


class Session:
    """Runs on the loop's thread; camera, inference, database and broker are reached by threads."""

    def __init__(self, plan: SessionPlan) -> None:
        self._plan = plan
        self._tell: Listeners[[SessionEvent]] = Listeners()
        self._room = RoomModel()
        self._timeline = Timeline()
        self._measures = RoomMetrics()
        self._gate = PublishGate()
        self._reading: tuple[Steady, dict[str, float]] = (ABSENT, {})
        self._said: tuple[Emotion, float] | None = None  # code, monotonic time at which it lapses
        self._me_told_at = self._room_told_at = -math.inf
        self._link: Link | None = None
        self._recorder: Recorder | None = None
        self._face = FacePipeline(
            plan.source,
            plan.engine,
            plan.data_dir,
            detector=plan.detector,
            fps=plan.fps,
            once=plan.once,
            options=plan.engine_options,
            on_reading=self._read,
            on_status=self._face_status,
            on_notice=self._notice,
        )
        self.view = SessionView(
            channel=plan.channel,
            nickname=plan.nickname,
            viewer_id=plan.viewer_id,
            broker_url=plan.broker.public if plan.broker else DEFAULT_BROKER_URL,
            link=LinkStatus(LinkState.CONNECTING),
            camera=self._face.camera,
            engine=self._face.engine,
            is_sharing=not plan.observe_only,
            is_recording=plan.database is not None,
        )

    # What screens and scripts call

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:
        """`listener` is called on the loop's thread for every event and must not block; what it
        raises is logged once and ends nothing."""
        self._tell.add(listener)

    def timeline(self) -> tuple[TimelinePoint, ...]:
        """The last five minutes, one point a second, oldest first."""
        return self._timeline.points()

    def preview(self) -> NDArray[np.uint8] | None:
        """The newest face crop, grey `uint8[S, S]`; None with no face or the camera off."""
        return self._face.preview

    def set_camera(self, on: bool) -> None:
        """Off releases the device."""
        self._face.switch(on)

    def set_sharing(self, on: bool) -> None:
        """Off takes the own report and nickname out of the room at once."""
        if self._plan.observe_only or on == self.view.is_sharing:
            return
        if on:
            self._face.forget()  # what was seen while nothing was shared stays here
        self.view = replace(self.view, is_sharing=on)
        if self._link is not None and on:
            self._link.publish_nickname(self._plan.nickname)
        elif self._link is not None:
            self._link.withdraw()
        self._gate.reset()
        self._update_me(time.monotonic())

    def set_corrected(self, on: bool) -> None:
        """Whether the view holds corrected counts beside the raw ones."""
        self._measures.correct(on)
        self.view = replace(self.view, corrected=None)

    def say(self, code: Emotion | None) -> None:
        """State an emotion by key for ten seconds; None gives the word back to the camera."""
        now = time.monotonic()
        self._said = None if code is None else (code, now + SAY_LASTS_S)
        self._update_me(now)

    async def run(self) -> None:
        """Live until cancelled, or until a source that plays once has ended.

        Raises BrokerRefused when the broker will not have us, BrokerError when no broker can be
        started here, StoreError when the database to record into cannot be opened.
        """
        async with AsyncExitStack() as stack:
            broker = await self._find_broker(stack)
            self._recorder = await self._open_recorder(stack)
            sinks = self._open_sinks(stack)
            self._link = self._connect(broker, await self._own_id(broker))
            with first_problem(), self._all_recorded():
                async with asyncio.TaskGroup() as tasks:
                    others = [
                        tasks.create_task(self._link.run(), name="link"),
                        tasks.create_task(self._watch_room(), name="room"),
                    ]
                    if self._recorder is not None:
                        others.append(tasks.create_task(self._recorder.run(), name="recorder"))
                    others += [tasks.create_task(sink.run(), name=sink.name) for sink in sinks]
                    await self._face.run()
                    for task in others:
                        task.cancel()

    @contextlib.contextmanager
    def _all_recorded(self) -> Iterator[None]:
        """However the session ends: rows that could not be stored are not lost in silence."""
        try:
            yield
        finally:
            if self._recorder is not None and self._recorder.unsaved:
                raise StoreError(
                    f"{self._recorder.unsaved} s of the room were not stored: "
                    f"{self._recorder.trouble}",
                    "What was stored before is safe.",
                )

    # Setting up

    async def _find_broker(self, stack: AsyncExitStack) -> BrokerUrl:
        """The configured broker; else whoever listens at the default address; else our own."""
        if self._plan.broker is not None:
            return self._plan.broker
        url = parse_broker_url(DEFAULT_BROKER_URL)
        if await is_reachable(url):
            return url
        try:
            started = await asyncio.to_thread(_start_local_broker)
        except BrokerFailed:
            if await is_reachable(url, PATIENCE_S):
                return url
            raise
        stack.push_async_callback(asyncio.to_thread, started.stop)
        if parse_broker_url(started.url).port != url.port and await is_reachable(url, PATIENCE_S):
            return url  # somebody here was a moment quicker: that is where we meet
        self.view = replace(self.view, broker_url=started.url)
        self._notice(f"No broker was listening, so one runs here while you stay: {started.url}")
        return parse_broker_url(started.url)

    async def _open_recorder(self, stack: AsyncExitStack) -> Recorder | None:
        if self._plan.database is None:
            return None
        store = await asyncio.to_thread(Store, self._plan.database)
        stack.push_async_callback(asyncio.to_thread, store.close)
        return Recorder(store, self._plan.channel, title=self._plan.title)

    async def _own_id(self, broker: BrokerUrl) -> str:
        """Ours, or the one that the broker knows our account by."""
        plan = self._plan
        if plan.observe_only or broker.username is None:
            return plan.viewer_id
        with contextlib.suppress(BrokerUnreachable):  # the link goes on trying
            return await own_id(broker, plan.channel, plan.viewer_id)
        return plan.viewer_id

    def _open_sinks(self, stack: AsyncExitStack) -> list[SinkRunner]:
        plan = self._plan
        if plan.database is None:
            return []
        sinks = [SinkRunner(s, plan.channel, plan.database, self._notice) for s in plan.sinks]
        stack.push_async_callback(finish_all, sinks)  # once the recorder has written its last row
        return sinks

    def _connect(self, broker: BrokerUrl, viewer_id: str) -> Link:
        plan = self._plan
        link = MqttLink(broker, plan.channel, viewer_id, observe_only=plan.observe_only)
        if plan.nickname and self.view.is_sharing:
            link.publish_nickname(plan.nickname)
        return link

    # The room

    async def _watch_room(self) -> None:
        assert self._link is not None
        while True:
            self._link.wake.clear()
            await self._measures.learn(self.view.engine.name)
            self._tick(self._link, time.monotonic())
            is_large = self.view.room.viewers > LARGE_ROOM
            gap = ROOM_TICK_S if is_large else ROOM_GAP_S
            await asyncio.sleep(gap)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ROOM_TICK_S - gap):
                    await self._link.wake.wait()

    def _tick(self, link: Link, now: float) -> None:
        for event in link.drain():
            self._room.take(event, now)
        if link.status != self.view.link:
            self.view = replace(self.view, link=link.status, viewer_id=link.viewer_id)
            self._tell(LinkUpdate(time.time(), link.status))
        self._update_me(now)
        self._room.connected(link.status.state is LinkState.CONNECTED, now)
        self._room_is(self._room.look(now, self._own_row()), now)
        link.subscribe_all(self._room.subscribes_all)
        link.set_heartbeat(self._room.pace.heartbeat_s)

    def _own_row(self) -> ViewerRow | None:
        if not self.view.is_sharing:
            return None
        me, flags = self._me()
        return ViewerRow(
            self.view.viewer_id,
            self._plan.nickname,
            me.code,
            round(100 * me.confidence),
            bool(flags & MANUAL),
            bool(flags & SIMULATED),
            False,
        )

    def _room_is(self, room: RoomSnapshot, now: float) -> None:
        at = time.time()
        changed = bool(room.changed or room.gone) or _figures(room) != _figures(self.view.room)
        if changed:
            self.view = replace(self.view, room=room)
        is_fact = self._room.is_fact(now)  # a cut-off room is a gap
        self._measure(room, at, is_fact=is_fact)
        if is_fact:
            self._timeline.add(room, at, self.view.resonance)
            if self._recorder is not None:
                self._recorder.add(room, at)
        self._tell_of_recording()
        if changed or now - self._room_told_at >= TELL_AT_LEAST_S:
            self._room_told_at = now
            self._tell(RoomUpdate(at, room, self.view.resonance, self.view.corrected))

    def _tell_of_recording(self) -> None:
        if self._recorder is None:
            return
        trouble = self._recorder.trouble
        if self.view.is_recording == bool(trouble):
            self.view = replace(self.view, is_recording=not trouble)
        if trouble:
            self._notice(f"{NOT_RECORDING}: {trouble} Trying again.")
        elif self.view.notice.startswith(NOT_RECORDING):
            self._notice("Recording again.")

    def _measure(self, room: RoomSnapshot, at: float, *, is_fact: bool) -> None:
        measures = self._measures
        measures.take(room, at, self.view.engine.name, is_fact=is_fact)
        found = measures.resonance, measures.corrected
        if found != (self.view.resonance, self.view.corrected):
            self.view = replace(self.view, resonance=found[0], corrected=found[1])

    # The own report

    def _read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        self._reading = (steady, latency_ms)
        self._update_me(time.monotonic(), is_new=bool(latency_ms))

    def _face_status(self) -> None:
        self.view = replace(self.view, camera=self._face.camera, engine=self._face.engine)

    def _update_me(self, now: float, *, is_new: bool = False) -> None:
        """Work out what this viewer says, show it, and publish it where that is due."""
        if self._said is not None and now >= self._said[1]:
            self._said = None
        me, flags = self._me()
        if is_new or me != self.view.me or now - self._me_told_at >= TELL_AT_LEAST_S:
            self._me_told_at = now
            self.view = replace(self.view, me=me)
            self._tell(SelfUpdate(time.time(), me))
        if self._link is None or not self.view.is_sharing:
            return
        confidence = round(100 * me.confidence)
        if self._gate.opens(me.code, confidence, flags, now):
            seq = 0  # the link numbers what it sends
            self._link.publish_report(Report(self._plan.boot, seq, me.code, confidence, flags))

    def _me(self) -> tuple[SelfView, int]:
        steady, latency_ms = self._reading
        flags = SIMULATED if self._plan.source.kind == "demo" else 0
        if self._said is not None:
            return SelfView(self._state(self._said[0]), self._said[0], 1.0), MANUAL
        view = SelfView(
            self._state(steady.code),
            steady.code,
            round(steady.confidence, 4),
            tuple(round(value, 4) for value in steady.probabilities),
            latency_ms,
        )
        return view, flags

    def _state(self, code: Emotion) -> SelfState:
        if not self.view.is_sharing:
            return "paused"
        if code is Emotion.AWAY:
            return "away"
        return "unsure" if code is Emotion.UNSURE else "ok"

    def _notice(self, text: str) -> None:
        if text != self.view.notice:
            self.view = replace(self.view, notice=text)
            self._tell(NoticeUpdate(time.time(), text))


def _figures(room: RoomSnapshot) -> tuple[object, ...]:
    return room.is_total, room.counts, room.unsure, room.away


def _start_local_broker() -> RunningBroker:
    """A broker of our own on this machine (blocking)."""
    import resonance_broker

    try:
        return resonance_broker.local_broker()
    except resonance_broker.BrokerProblem as problem:
        raise BrokerFailed(problem.message, problem.hint) from problem
