"""The only orchestrator: link, room, face and recorder of one person in one room.

| part | module |
|---|---|
| what is shown and told: the view, events, notices | `shown` |
| what this person tells the room | `own_part` |
| the camera, and who sits before it | `faces`, `guests` |
| the room as it is believed | `room_model` |
| what is made of each look at it: measured, compared, recorded | `room_news`, `recording` |
| what the host says | `host_word` |
| what is shown of the connection | `link_news` |
| who the login may be | `account` |
| who carries the room on where its broker goes away | `succession` |
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.errors import first_problem
from resonance_tui.history.about import keep_delay
from resonance_tui.history.marks import add_mark
from resonance_tui.history.samples import SessionSpan
from resonance_tui.messaging.link import Link
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.rules import NO_RULES
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import REACTIONS
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.room_clock import RoomClock
from resonance_tui.room.timeline import TimelinePoint
from resonance_tui.session.account import has_room_for_guests, id_at
from resonance_tui.session.broker_choice import choose_broker
from resonance_tui.session.events import HappeningKind, SessionEvent, SessionView
from resonance_tui.session.faces import Faces
from resonance_tui.session.guests import RoomForGuests
from resonance_tui.session.happenings import Happenings
from resonance_tui.session.host_word import HostWord
from resonance_tui.session.link_news import LinkNews
from resonance_tui.session.own_part import OwnPart, has_reacted
from resonance_tui.session.plan import LinkFactory, SessionPlan, open_link
from resonance_tui.session.recording import Recording
from resonance_tui.session.room_model import RoomModel
from resonance_tui.session.room_news import RoomNews
from resonance_tui.session.shown import Shown
from resonance_tui.session.starting import starting_view
from resonance_tui.session.succession import Succession
from resonance_tui.session.tidying import Tidying
from resonance_tui.texts import mark, tr

ROOM_TICK_S = 0.25  # a quiet room is looked at this often
ROOM_GAP_S = 0.1  # a busy one no oftener than this; news in a quiet one shows at once
LARGE_ROOM = 200  # viewers; in larger ones some row changes all the time
ONE_VIEWER = mark("Here one account is one viewer, so the nearest face alone is read and counted.")


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
        self._shown = Shown(starting_view(plan))
        self._room = room or RoomModel()
        self._clock = RoomClock()
        self._host = HostWord(plan, self._room.obey)
        self._faces = Faces(plan, connect, self._shown, self._read)
        self._own = OwnPart(plan, self._shown, self._room, self._faces)
        self._recording = Recording(plan, self._shown.notice)
        happenings = Happenings(is_recording=self._recording.is_on)
        self._link_news = LinkNews(self._shown, happenings)
        self._news = RoomNews(plan, self._shown, self._room, self._own, self._recording, happenings)
        self._succession = Succession(plan, self._shown, self._known_ids)
        self._broker: BrokerUrl | None = None  # of the link, once it is chosen
        self._tidying: Tidying | None = None

    @property
    def view(self) -> SessionView:
        """What holds now; frozen."""
        return self._shown.view

    # What screens and scripts call

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:
        """`listener` is called on the loop's thread for every event and must not block; what it
        raises is logged once and ends nothing."""
        self._shown.add_listener(listener)

    def timeline(self) -> tuple[TimelinePoint, ...]:
        """The last five minutes, one point a second, oldest first."""
        return self._news.timeline.points()

    @property
    def rows_recorded(self) -> int:
        """Seconds of the room that this session has stored so far."""
        return self._recording.rows

    def preview(self) -> NDArray[np.uint8] | None:
        """The newest face crop, grey `uint8[S, S]`; None with no face or the camera off."""
        return self._faces.preview()

    def set_camera(self, on: bool) -> None:
        """Off releases the device."""
        self._faces.switch(on)

    def capture_baseline(self) -> bool:
        """For two seconds from now on the own face is neutral, says the person. False where that
        is of no use: baselines are off, or not known of the engine, or no face is read."""
        return self._faces.capture_baseline()

    def set_source(self, source: Source) -> None:
        """Read another camera, film or stream from now on, switched on; `none` is by key only."""
        self._own.mark_source(source)
        self._faces.set_source(source)

    def set_sharing(self, on: bool) -> None:
        """Off takes the own report and nickname out of the room at once."""
        self._own.set_sharing(on)

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
        self._own.set_nickname(nickname)

    def set_team(self, name: str) -> None:
        """Be in the host's team of that name from now on, as far as there is one; "": in none."""
        self._own.set_team(name)

    def set_corrected(self, on: bool) -> None:
        """Whether the view holds corrected counts beside the raw ones."""
        self._news.measures.correct(on)
        self._shown.change(corrected=None)

    def answer(self, yes: bool) -> None:
        """What the person says to `SessionView.question`."""
        self._succession.answer(yes)

    def answer_question(self, choice: int) -> str:
        """Answer the host's question by the number of an answer, from 1; 0 takes it back. Says why
        it is not answered, in one line; "" where it is."""
        return self._own.answer_question(choice)

    def say(self, code: Emotion | None) -> None:
        """State an emotion by key for ten seconds; None gives the word back to the camera."""
        self._own.say(code)

    def react(self, kind: Reaction) -> str:
        """Send a reaction to the room; "" or the sentence that says why it is not sent."""
        return self._own.react(kind)

    def tell(self, kind: HappeningKind, text: str) -> None:
        """Put a line among what happens in the room, the host's word for one. `text`: English,
        made with `mark` where it can be translated."""
        self._shown.line(kind, text)

    def mute_locally(self, viewer_id: str, on: bool = True) -> None:
        """Neither show nor count this viewer here; nobody else notices."""
        self._host.mute_here(viewer_id, on)

    def hide_nicknames(self, on: bool) -> None:
        """Whether to show no nickname here but the own one."""
        self._host.hide_nicknames(on)

    def ask_to_be_forgotten(self, on: bool) -> None:
        """Whether the own reports ask the host to delete what was recorded; ends by itself once the
        host says that it has."""
        self._own.ask_to_be_forgotten(on)

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
            self._shown.notice(self._plan.remark)
            plan, started = self._plan, self._succession.started_first
            broker = self._broker = await choose_broker(plan.broker, stack, started)
            self._room.authority = self._host.begin(broker)
            stack.push_async_callback(self._host.remember)
            await stack.enter_async_context(self._host.removal_kept())
            if plan.observe_only:
                self._tidying = Tidying(broker, plan.channel, plan.viewer_id)
            link = self._open_link(broker, await id_at(broker, plan))
            if plan.people > 1 and not await has_room_for_guests(broker, plan.channel):
                self._faces.read_one(tr(ONE_VIEWER))
            with first_problem(), self._all_recorded():
                async with asyncio.TaskGroup() as tasks:
                    beside = self._beside_the_face(broker, link, stack)
                    running = [tasks.create_task(each, name=name) for name, each in beside.items()]
                    await self._faces.run()
                    for task in running:
                        task.cancel()

    def _beside_the_face(
        self, broker: BrokerUrl, link: Link, stack: AsyncExitStack
    ) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs until the face path has ended, by name."""
        tasks: dict[str, Coroutine[Any, Any, None]] = {
            "link": link.run(),
            "room": self._watch_room(link),
            "recording": self._recording.run(),
            "host's word": self._host.run(broker),
            "guests": self._faces.guests.run(),
        }
        if self._plan.wear_badge is not None:
            tasks["badge"] = _wear_badge(self._plan.wear_badge, broker, link)
        carried = self._succession.watch(broker, link, self._room, stack)
        if carried is not None:
            tasks["failover"] = carried
        return tasks

    def _is_over(self) -> None:
        """What a screen shows of a session that has ended, whatever ended it."""
        closed, off = LinkStatus(LinkState.CLOSED), replace(self.view.camera, state="off")
        self._shown.change(link=closed, camera=off)

    @contextlib.contextmanager
    def _all_recorded(self) -> Generator[None]:
        """However the session ends: rows that could not be stored are not lost in silence."""
        try:
            yield
        finally:
            self._recording.check_all_stored()

    def _known_ids(self) -> list[str]:
        """Of who may take the place of a broker that goes away: programs, not faces."""
        own = self._faces.guests.ids
        return [each for each in self._news.known.ids if each not in own]

    def _open_link(self, broker: BrokerUrl, viewer_id: str) -> Link:
        link = self._own.link = self._connect(broker, self._plan, viewer_id)
        if self.view.nickname and self.view.is_sharing:
            link.publish_nickname(self.view.nickname)
        return link

    def _read(self, steady: Steady, latency_ms: dict[str, float]) -> None:
        self._own.read(steady, latency_ms)

    # The room

    async def _watch_room(self, link: Link) -> None:
        try:
            while True:
                link.wake.clear()
                await self._news.measures.learn(self.view.engine.name)
                self._tick(link, time.monotonic())
                await self._until_next_look(link)
        finally:
            if link.status.state is LinkState.CONNECTED:  # also who leaves right after that
                self._look_at_link(link, time.monotonic())

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
        self._own.listen(link, events, now, is_connected=is_connected)
        self._obey(link, now)
        may_be_ruled = self._own.awaits_rules and self._host.may_want_privacy
        self._own.keep_private(link, now, is_connected=is_connected, may_be_ruled=may_be_ruled)
        self._own.look(now)
        self._room.connected(is_connected, at)
        if self._tidying is not None:
            hears_all = self._room.subscribes_all
            self._tidying.look(link, events, now, is_connected=is_connected, hears_all=hears_all)
        self._room.react(at, is_reaction=has_reacted(self.view), is_sharing=self.view.is_sharing)
        room = self._room.look(at, self._own.row())
        self._news.take(room, now, is_fact=self._room.is_fact(at))  # a cut-off room is a gap
        link.check_line(self._room.awaits_somebody)
        link.subscribe_all(self._room.subscribes_all)
        link.follow_reactions(self._room.offers(REACTIONS))
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
            self.view.nickname,
            is_sharing=self._own.is_open,
            heartbeat_s=self._room.pace.heartbeat_s,
            slow_s=rules.slow_s,
            removed=rules.removed,
        )
        self._faces.guests.look(now, room)

    def _look_at_link(self, link: Link, now: float) -> None:
        if self._link_news.look(link, now):
            self._host.is_let_in()

    def _obey(self, link: Link, now: float) -> None:
        """What the host says holds before the room is looked at."""
        news = self._host.look(now, time.time(), link.viewer_id)
        if self._host.view != self.view.host:
            self._shown.change(host=self._host.view)
            self._own.obey()
        if news.is_forgotten and self.view.asks_to_be_forgotten:
            self.ask_to_be_forgotten(False)
            self._shown.notice(tr("The host says that what was recorded of you is deleted."))
        for text in news.notices:
            self._shown.notice(text)
        for text in news.happenings:
            self._shown.line("host", text)


async def _wear_badge(
    wear: Callable[[BrokerUrl, str], Coroutine[Any, Any, None]], url: BrokerUrl, link: Link
) -> None:
    while link.status.state is not LinkState.CONNECTED:
        await asyncio.sleep(ROOM_TICK_S)
    await wear(url, link.viewer_id)
