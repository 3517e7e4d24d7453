"""The only orchestrator: link, room, face and recorder of one person in one room."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.errors import (
    BrokerError,
    BrokerUnreachable,
    CertificateProblem,
    NoBrokerThere,
    first_problem,
)
from resonance_tui.history.about import keep_delay
from resonance_tui.history.marks import add_mark
from resonance_tui.history.samples import SessionSpan
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.link import Link
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.messaging.permissions import may_choose_ids, own_id
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.rules import NO_RULES
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room.room_clock import RoomClock
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.room.timeline import Timeline, TimelinePoint
from resonance_tui.session.broker_choice import choose_broker
from resonance_tui.session.events import (
    HappeningKind,
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    RoomUpdate,
    SelfUpdate,
    SessionEvent,
)
from resonance_tui.session.failover import RETURN_WITHIN_S, Failover, is_ours_to_replace
from resonance_tui.session.guests import Guests, RoomForGuests
from resonance_tui.session.happenings import KEPT, Happenings
from resonance_tui.session.host_word import HostWord
from resonance_tui.session.metrics import RoomMetrics
from resonance_tui.session.network_failover import NetworkFailover, may_be_carried_on
from resonance_tui.session.outage import outage_after
from resonance_tui.session.plan import LinkFactory, SessionPlan, open_link
from resonance_tui.session.recording import Recording
from resonance_tui.session.room_model import RoomModel
from resonance_tui.session.self_report import SelfReport
from resonance_tui.session.silence import Silence, silence_text
from resonance_tui.session.starting import starting_view
from resonance_tui.session.tidying import Tidying
from resonance_tui.texts import tr

ROOM_TICK_S = 0.25  # a quiet room is looked at this often
ROOM_GAP_S = 0.1  # a busy one no oftener than this; news in a quiet one shows at once
LARGE_ROOM = 200  # viewers; in larger ones some row changes all the time
TELL_AT_LEAST_S = 1.0  # listeners hear of themselves and the room this often when nothing changes


class Session:
    """Runs on the loop's thread; camera, inference, database and broker are reached by threads."""

    def __init__(
        self,
        plan: SessionPlan,
        *,
        connect: LinkFactory = open_link,
        room: RoomModel | None = None,
    ) -> None:
        """`connect` makes the link, `room` holds the settings until the host's arrive."""
        self._plan, self._connect = plan, connect
        self._tell: Listeners[[SessionEvent]] = Listeners()
        self._room = room or RoomModel()
        self._clock = RoomClock()
        self._timeline = Timeline()
        self._measures = RoomMetrics()
        self._own = SelfReport(plan.boot, **_marks_of(plan.source))
        self._me_told_at = self._room_told_at = -math.inf
        self._silence = Silence()
        self._has_facts = False  # since the beginning
        self._notice_is_trouble = False
        self._recording = Recording(plan, self._notice)
        self._happenings = Happenings(is_recording=self._recording.is_on)
        self._host = HostWord(plan, self._room.obey)
        self._link: Link | None = None
        self._broker: BrokerUrl | None = None  # of the link, once it is chosen
        self._carrying: NetworkFailover | None = None
        self._tidying: Tidying | None = None
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
            people=plan.people,
            baseline=plan.baseline,
            on_other=self._read_other,
        )
        self._guests = Guests(plan, connect, self._notice, _marks_of(plan.source))
        self.view = starting_view(plan)

    # What screens and scripts call

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:
        """`listener` is called on the loop's thread for every event and must not block; what it
        raises is logged once and ends nothing."""
        self._tell.add(listener)

    def timeline(self) -> tuple[TimelinePoint, ...]:
        """The last five minutes, one point a second, oldest first."""
        return self._timeline.points()

    @property
    def rows_recorded(self) -> int:
        """Seconds of the room that this session has stored so far."""
        return self._recording.rows

    def preview(self) -> NDArray[np.uint8] | None:
        """The newest face crop, grey `uint8[S, S]`; None with no face or the camera off."""
        return self._face.preview

    def set_camera(self, on: bool) -> None:
        """Off releases the device."""
        self._face.switch(on)

    def capture_baseline(self) -> bool:
        """For two seconds from now on the own face is neutral, says the person. False where that
        is of no use: baselines are off, or not known of the engine, or no face is read."""
        is_begun = self._face.capture_baseline()
        self._face_status()
        return is_begun

    def set_source(self, source: Source) -> None:
        """Read another camera, film or stream from now on, switched on; `none` is by key only."""
        self._own.mark_source(**_marks_of(source))
        self._guests.mark_source(_marks_of(source))
        self._face.set_source(source)

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
            self._guests.leave()
        self._own.reset()
        self._update_me(time.monotonic())

    def set_recording(self, on: bool) -> None:
        """Record from now on, or no longer, where the plan names a database."""
        self._recording.switch(on)

    def mark(self, at: float, text: str) -> None:
        """Remember the moment `at` (epoch seconds) with the recording; `text` is one line."""
        channel = self._plan.channel
        self._recording.keep(lambda store: add_mark(store, channel, at, text))

    def set_stream_delay(self, delay_s: float) -> None:
        """Keep with the recording how late viewers see its stream."""
        channel, now = self._plan.channel, int(time.time())
        span = SessionSpan(now, now, 1, 0)  # the session that this second is in
        self._recording.keep(lambda store: keep_delay(store, channel, span, delay_s))

    def set_nickname(self, nickname: str) -> None:
        """`nickname`: already checked; "" is anonymous. Others see it at once."""
        self._plan = replace(self._plan, nickname=nickname)
        self.view = replace(self.view, nickname=nickname)
        if self._link is not None and self.view.is_sharing:
            self._link.publish_nickname(nickname)

    def set_corrected(self, on: bool) -> None:
        """Whether the view holds corrected counts beside the raw ones."""
        self._measures.correct(on)
        self.view = replace(self.view, corrected=None)

    def answer(self, yes: bool) -> None:
        """What the person says to `SessionView.question`."""
        if self._carrying is not None:
            self._carrying.answer(yes)

    def say(self, code: Emotion | None) -> None:
        """State an emotion by key for ten seconds; None gives the word back to the camera."""
        now = time.monotonic()
        self._own.say(code, now)
        self._update_me(now)

    def tell(self, kind: HappeningKind, text: str) -> None:
        """Put a line among what happens in the room, the host's word for one. `text`: English,
        made with `mark` where it can be translated."""
        self._happened([HappeningUpdate(time.time(), kind, text)])

    def mute_locally(self, viewer_id: str, on: bool = True) -> None:
        """Neither show nor count this viewer here; nobody else notices."""
        self._host.mute_here(viewer_id, on)

    def hide_nicknames(self, on: bool) -> None:
        """Whether to show no nickname here but the own one."""
        self._host.hide_nicknames(on)

    def accept_host_key(self) -> None:
        """Believe the other key that the room shows, from now on."""
        self._host.accept_key()

    async def run(self) -> None:
        """Live until cancelled, or until a source that plays once has ended.

        Raises RemovedByHost, RoomClosed by the host's word.
        Raises BrokerRefused when the broker will not have us, BrokerError when no broker can be
        started here, StoreError when the database to record into cannot be opened.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._is_over)
            self._notice(self._plan.remark)
            broker = await choose_broker(self._plan.broker, stack, self._broker_started)
            self._room.authority = self._host.begin(broker)
            stack.push_async_callback(self._host.remember)
            await stack.enter_async_context(self._host.removal_kept())
            if self._plan.observe_only:
                self._tidying = Tidying(broker, self._plan.channel, self._plan.viewer_id)
            self._broker = broker
            self._link = self._open_link(broker, await self._own_id(broker))
            if self._plan.people > 1 and not await self._has_room_for_guests(broker):
                self._read_one()
            with first_problem(), self._all_recorded():
                async with asyncio.TaskGroup() as tasks:
                    others = [
                        tasks.create_task(self._link.run(), name="link"),
                        tasks.create_task(self._watch_room(), name="room"),
                        tasks.create_task(self._recording.run(), name="recording"),
                        tasks.create_task(self._host.run(broker), name="host's word"),
                        tasks.create_task(self._guests.run(), name="guests"),
                    ]
                    if self._plan.wear_badge is not None:
                        badge = self._wear_badge(self._plan.wear_badge, broker, self._link)
                        others.append(tasks.create_task(badge, name="badge"))
                    if is_ours_to_replace(broker):
                        failover = self._failover(broker, self._link, stack)
                        others.append(tasks.create_task(failover.run(), name="failover"))
                    elif may_be_carried_on(broker) and not self._plan.observe_only:
                        self._carrying = self._network_failover(broker, self._link)
                        others.append(tasks.create_task(self._carrying.run(), name="failover"))
                    await self._face.run()
                    for task in others:
                        task.cancel()

    def _is_over(self) -> None:
        """What a screen shows of a session that has ended, whatever ended it."""
        closed, off = LinkStatus(LinkState.CLOSED), replace(self.view.camera, state="off")
        self.view = replace(self.view, link=closed, camera=off)

    @contextlib.contextmanager
    def _all_recorded(self) -> Generator[None]:
        """However the session ends: rows that could not be stored are not lost in silence."""
        try:
            yield
        finally:
            self._recording.check_all_stored()

    # Setting up

    def _broker_started(self, url: str) -> None:
        self.view = replace(self.view, broker_url=url)
        self._notice(tr("No broker was listening, so one runs here while you stay."), place=url)

    def _failover(self, broker: BrokerUrl, link: Link, stack: AsyncExitStack) -> Failover:
        self._room.expect_return(RETURN_WITHIN_S)
        return Failover(
            broker,
            link,
            stack,
            known_ids=self._known_ids,
            may_start=not self._plan.observe_only,
            on_started=self._broker_replaced,
        )

    def _network_failover(self, broker: BrokerUrl, link: Link) -> NetworkFailover:
        return NetworkFailover(
            broker,
            self._plan.channel,
            link,
            known_ids=self._known_ids,
            ask=self._show_question,
            notice=self._notice,
            on_moved=self._broker_moved,
        )

    def _show_question(self, text: str | None) -> None:
        self.view = replace(self.view, question=text)

    def _broker_moved(self, url: str) -> None:
        self.view = replace(self.view, broker_url=url)

    def _broker_replaced(self, url: str) -> None:
        self._notice(
            tr("The broker went away, so one runs here now, for all on this machine."), place=url
        )

    async def _wear_badge(
        self,
        wear: Callable[[BrokerUrl, str], Coroutine[Any, Any, None]],
        url: BrokerUrl,
        link: Link,
    ) -> None:
        while link.status.state is not LinkState.CONNECTED:
            await asyncio.sleep(ROOM_TICK_S)
        await wear(url, link.viewer_id)

    async def _own_id(self, broker: BrokerUrl) -> str:
        """Ours, or the one that the broker knows our account by."""
        plan = self._plan
        if plan.observe_only or broker.username is None:
            return plan.viewer_id
        # The link goes on trying, or says so itself once no other broker is left.
        with contextlib.suppress(BrokerUnreachable, CertificateProblem, NoBrokerThere):
            return await own_id(broker, plan.channel, plan.viewer_id)
        return plan.viewer_id

    async def _has_room_for_guests(self, broker: BrokerUrl) -> bool:
        """Whether one login may be several viewers here; False where nobody says."""
        if broker.username is None:
            return True
        with contextlib.suppress(BrokerError):
            return await may_choose_ids(broker, self._plan.channel)
        return False

    def _read_one(self) -> None:
        self._face.read_one()
        self.view = replace(self.view, reads=1)
        self._notice(
            tr("Here one account is one viewer, so the nearest face alone is read and counted.")
        )

    def _known_ids(self) -> list[str]:
        """Of who may take the place of a broker that goes away: programs, not faces."""
        own = self._guests.ids
        return [row.viewer_id for row in self.view.room.rows if row.viewer_id not in own]

    def _open_link(self, broker: BrokerUrl, viewer_id: str) -> Link:
        link = self._connect(broker, self._plan, viewer_id)
        if self._plan.nickname and self.view.is_sharing:
            link.publish_nickname(self._plan.nickname)
        return link

    # The room

    async def _watch_room(self) -> None:
        assert self._link is not None
        try:
            while True:
                self._link.wake.clear()
                await self._measures.learn(self.view.engine.name)
                self._tick(self._link, time.monotonic())
                await self._until_next_look(self._link)
        finally:
            if self._link.status.state is LinkState.CONNECTED:  # also who leaves right after that
                self._look_at_link(self._link, time.monotonic())

    async def _until_next_look(self, link: Link) -> None:
        is_large = self.view.room.viewers > LARGE_ROOM
        gap = ROOM_TICK_S if is_large else ROOM_GAP_S
        await asyncio.sleep(gap)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROOM_TICK_S - gap):
                await link.wake.wait()

    def _tick(self, link: Link, now: float) -> None:
        is_connected = link.status.state is LinkState.CONNECTED
        at = self._clock.at(now, asked_at=link.asked_at, is_connected=is_connected)
        self._room.know(link.traits, at)
        events = link.drain()
        for event in events:
            self._room.take(event, at)
        self._look_at_link(link, now)
        self._obey(link, now)
        self._update_me(now)
        self._room.connected(is_connected, at)
        if self._tidying is not None:
            hears_all = self._room.subscribes_all
            self._tidying.look(link, events, now, is_connected=is_connected, hears_all=hears_all)
        room = self._room.look(at, self._own_row())
        self._room_is(room, now, is_fact=self._room.is_fact(at))  # a cut-off room is a gap
        link.check_line(self._room.awaits_somebody)
        link.subscribe_all(self._room.subscribes_all)
        link.set_heartbeat(self._room.pace.heartbeat_s)
        self._look_at_guests(link, now)
        if self._room.calls_roll(at):
            link.call_roll()

    def _look_at_guests(self, link: Link, now: float) -> None:
        assert self._broker is not None
        rules = self.view.rules or NO_RULES
        room = RoomForGuests(
            link,
            self._broker,
            self._plan.nickname,
            is_sharing=self.view.is_sharing,
            heartbeat_s=self._room.pace.heartbeat_s,
            slow_s=rules.slow_s,
            removed=rules.removed,
        )
        self._guests.look(now, room)

    def _look_at_link(self, link: Link, now: float) -> None:
        self._listen_for_silence(link, now)
        if link.status == self.view.link:
            return
        outage = outage_after(self.view.outage, link.status, now)
        self.view = replace(self.view, link=link.status, viewer_id=link.viewer_id, outage=outage)
        self._tell(LinkUpdate(time.time(), link.status))
        if link.status.state is LinkState.CONNECTED:
            self._host.is_let_in()
        self._happened(self._happenings.link(outage, time.time(), now))

    def _listen_for_silence(self, link: Link, now: float) -> None:
        """Told as it begins and as it ends; a screen shows the seconds."""
        is_connected, before = link.status.state is LinkState.CONNECTED, self.view.silent_s
        silent_s = self._silence.look(link.asked_at if is_connected else None, now)
        if silent_s != before:
            self.view = replace(self.view, silent_s=silent_s)
        if silent_s and not before:
            status = replace(link.status, detail=silence_text(silent_s))
            self._tell(LinkUpdate(time.time(), status))
        elif before and not silent_s and is_connected:
            self._tell(LinkUpdate(time.time(), link.status))

    def _obey(self, link: Link, now: float) -> None:
        """What the host says holds before the room is looked at."""
        news = self._host.look(now, time.time(), link.viewer_id)
        if self._host.view != self.view.host:
            self.view = replace(self.view, host=self._host.view)
            self._own.slow_down(self.view.rules.slow_s if self.view.rules else 0)
        for text in news.notices:
            self._notice(text)
        for text in news.happenings:
            self.tell("host", text)

    def _own_row(self) -> ViewerRow | None:
        if not self.view.is_sharing or not self._room.conduct.counts(self.view.viewer_id):
            return None
        report = self._own.report(self.view.me)
        return ViewerRow(
            self.view.viewer_id,
            self._plan.nickname,
            report.code,
            report.confidence,
            report.is_manual,
            report.is_simulated,
            False,
            self.view.viewer_id in self._room.conduct.hosts,
            report.is_film,
        )

    def _room_is(self, room: RoomSnapshot, now: float, *, is_fact: bool) -> None:
        at = time.time()
        self._tell_of_recording()
        if self.view.outage is not None:  # what was seen last stays, and is said to be old
            self._tell_of_room(at, now)
            return
        is_news = room.rows is not self.view.room.rows or bool(room.changed)
        changed = is_news or _figures(room) != _figures(self.view.room)
        if changed:
            self.view = replace(self.view, room=room)
        changed |= is_fact and not self._has_facts
        self._has_facts |= is_fact
        self._measure(room, at, is_fact=is_fact)
        if is_fact:
            self._timeline.add(room, at, self.view.resonance)
            self._recording.add(room, at)
            own_id, hidden = self.view.viewer_id, self._room.conduct.unnamed
            self._happened(self._happenings.room(room, at, now, own_id=own_id, hidden=hidden))
        self._tell_of_room(at, now, is_new=changed)

    def _tell_of_room(self, at: float, now: float, *, is_new: bool = False) -> None:
        """Scripts count on one a second, also while there is no connection."""
        if is_new or now - self._room_told_at >= TELL_AT_LEAST_S:
            self._room_told_at = now
            view, room = self.view, self.view.room
            if not (self._has_facts or room.confirming):
                room = replace(room, is_counting=True)  # an unheard room is no empty one
            self._tell(RoomUpdate(at, room, view.resonance, view.corrected))

    def _tell_of_recording(self) -> None:
        trouble = self._recording.trouble
        is_recording = self._recording.is_on and not trouble
        if self.view.is_recording != is_recording:
            self.view = replace(self.view, is_recording=is_recording)
        if trouble:
            words = tr("Not recording: {trouble} Trying again.", trouble=trouble)
            self._notice(words, is_trouble=True)
        elif self._notice_is_trouble:
            self._notice(tr("Recording again.") if is_recording else "")
        self._happened(self._happenings.recording(self.view.is_recording, time.time()))

    def _measure(self, room: RoomSnapshot, at: float, *, is_fact: bool) -> None:
        measures = self._measures
        measures.take(room, at, self.view.engine.name, is_fact=is_fact)
        found = measures.resonance, measures.corrected
        if found != (self.view.resonance, self.view.corrected):
            self.view = replace(self.view, resonance=found[0], corrected=found[1])

    # The own report

    def _read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        self._own.read(steady, latency_ms)
        if (self._face.baseline, self._face.flaw) != (self.view.baseline, self.view.flaw):
            self._face_status()
        self._update_me(time.monotonic(), is_new=bool(latency_ms))

    def _read_other(self, seat: int, steady: Steady) -> None:
        self._guests.read(seat, steady, time.monotonic())

    def _face_status(self) -> None:
        face = self._face
        self.view = replace(
            self.view,
            camera=face.camera,
            engine=face.engine,
            faces=face.faces,
            too_far=face.too_far,
            baseline=face.baseline,
            flaw=face.flaw,
        )

    def _update_me(self, now: float, *, is_new: bool = False) -> None:
        """Work out what this viewer says, show it, and publish it where that is due."""
        me = self._own.view(now, is_sharing=self.view.is_sharing)
        if is_new or me != self.view.me or now - self._me_told_at >= TELL_AT_LEAST_S:
            self._me_told_at = now
            self.view = replace(self.view, me=me)
            self._tell(SelfUpdate(time.time(), me))
        if self._link is None or not self.view.is_sharing:
            return
        report = self._own.report(me)
        if self._own.is_due(report, now):
            self._link.publish_report(report)

    def _happened(self, found: list[HappeningUpdate]) -> None:
        for event in found:
            kept = (*self.view.happenings, event)[-KEPT:]
            self.view = replace(self.view, happenings=kept)
            self._tell(event)

    def _notice(self, text: str, *, is_trouble: bool = False, place: str = "") -> None:
        """`is_trouble`: of the recorder; it is taken back by a word once it is over."""
        self._notice_is_trouble = is_trouble
        if text != self.view.notice:
            self.view = replace(self.view, notice=text)
            self._tell(NoticeUpdate(time.time(), text, place))


def _marks_of(source: Source) -> dict[str, bool]:
    return {"is_simulated": source.kind == "demo", "is_film": source.kind == "file"}


def _figures(room: RoomSnapshot) -> tuple[object, ...]:
    known = room.confirming, room.is_counting
    return room.is_total, room.counts, room.unsure, room.away, known
