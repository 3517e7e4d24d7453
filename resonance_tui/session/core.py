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
from resonance_tui.history.questions import keep_question
from resonance_tui.history.samples import SessionSpan
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.link import Link
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.messaging.permissions import may_choose_ids, own_id
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.frames import encode_reaction
from resonance_tui.protocol.messages import REACTION
from resonance_tui.protocol.rules import NO_RULES
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import CAN_PRIVATE, CAN_QUESTIONS, REACTIONS
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.room.private_answers import PrivateAnswers
from resonance_tui.room.reaction_counts import OwnReactions, ReactionSeconds
from resonance_tui.room.room_clock import RoomClock
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.room.teams import number_of
from resonance_tui.room.timeline import Timeline, TimelinePoint
from resonance_tui.room.together import Together
from resonance_tui.session.answer_voice import AnswerVoice
from resonance_tui.session.broker_choice import choose_broker
from resonance_tui.session.events import (
    HappeningKind,
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    OwnChoice,
    ReactionsUpdate,
    RoomUpdate,
    SelfUpdate,
    SessionEvent,
    SessionView,
    Standing,
)
from resonance_tui.session.failover import RETURN_WITHIN_S, Failover, is_ours_to_replace
from resonance_tui.session.guests import Guests, RoomForGuests
from resonance_tui.session.happenings import KEPT, Happenings
from resonance_tui.session.host_word import HostWord
from resonance_tui.session.metrics import RoomMetrics
from resonance_tui.session.network_failover import NetworkFailover, may_be_carried_on
from resonance_tui.session.outage import outage_after
from resonance_tui.session.plan import LinkFactory, SessionPlan, open_link
from resonance_tui.session.privacy import GUESTS, SPENT, Privacy, RoomPrivacy
from resonance_tui.session.question_notes import QuestionNotes
from resonance_tui.session.recording import Recording
from resonance_tui.session.room_model import RoomModel
from resonance_tui.session.self_report import SelfReport
from resonance_tui.session.silence import Silence, silence_text
from resonance_tui.session.starting import NOT_CONNECTED, starting_view
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
        answers = PrivateAnswers(plan.privacy.budget)
        self._own = SelfReport(plan.boot, answers, **_marks_of(plan.source))
        self._privacy = Privacy(plan.privacy)
        self._own.speak(self._privacy.manner)
        self._me_told_at = self._room_told_at = -math.inf
        self._silence = Silence()
        self._known: tuple[ViewerRow, ...] = ()  # who is listed, or was when the line was lost
        self._has_facts = False  # since the beginning
        self._has_said_unrecorded = False  # that private reports are not recorded
        self._notice_is_trouble = False
        self._recording = Recording(plan, self._notice)
        self._happenings = Happenings(is_recording=self._recording.is_on)
        self._host = HostWord(plan, self._room.obey)
        self._together = Together()
        self._reacting = OwnReactions()
        self._reaction_seconds = ReactionSeconds()
        self._voice = AnswerVoice(plan.boot, answers.account)
        self._questions = QuestionNotes()
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
        if on and self._is_budget_spent():
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

    def set_team(self, name: str) -> None:
        """Be in the host's team of that name from now on, as far as there is one; "": in none."""
        self._plan = replace(self._plan, team=name)
        self._join_team()
        self._update_me(time.monotonic())

    def _join_team(self) -> None:
        names = self.view.rules.teams if self.view.rules else ()
        team = number_of(self._plan.team, names)
        if team != self._own.team:
            self._own.team = team
            self._own.reset()
        called = names[team - 1] if team else ""
        if called != self.view.team:
            self.view = replace(self.view, team=called)

    def set_corrected(self, on: bool) -> None:
        """Whether the view holds corrected counts beside the raw ones."""
        self._measures.correct(on)
        self.view = replace(self.view, corrected=None)

    def answer(self, yes: bool) -> None:
        """What the person says to `SessionView.question`."""
        if self._carrying is not None:
            self._carrying.answer(yes)

    def answer_question(self, choice: int) -> str:
        """Answer the host's question by the number of an answer, from 1; 0 takes it back. Says why
        it is not answered, in one line; "" where it is."""
        view, question = self.view, (self.view.rules or NO_RULES).question
        if question is None or not question.is_open(time.time()):
            return tr("Nothing is asked now.")
        if not 0 <= choice <= len(question.choices):
            return tr("There is no such answer.")
        if self._plan.observe_only or not view.is_sharing:
            return tr("You share nothing, and so you cannot answer; s shares.")
        if view.host.standing is not Standing.COUNTED:
            return tr("The host does not count you.")
        if not self._room.offers(CAN_QUESTIONS):
            return tr("The program that counts this room does not know questions yet.")
        if self._privacy.manner.is_held:
            return tr("Nothing of you is shared now, and so you cannot answer.")
        if why := self._voice.why_not(question):
            return why
        if self._link is not None:
            self._link.publish_answer(self._voice.answer(question, choice))
        self.view = replace(self.view, choice=OwnChoice(question.id, choice))
        return ""

    def say(self, code: Emotion | None) -> None:
        """State an emotion by key for ten seconds; None gives the word back to the camera."""
        now = time.monotonic()
        self._own.say(code, now)
        self._update_me(now)

    def react(self, kind: Reaction) -> str:
        """Send a reaction to the room; "" or the sentence that says why it is not sent."""
        why = self._why_no_reaction()
        if why or self._link is None:
            return why
        if not self._reacting.send(kind, time.monotonic()):
            return tr("Two a second is the most.")
        payload = encode_reaction(self._plan.boot, self._reacting.counts, kind)
        place = self._plan.channel, self._link.viewer_id
        self._link.send_once(REACTION.outgoing(payload, *place))
        return ""

    def _why_no_reaction(self) -> str:
        if self._link is None or self.view.outage is not None:
            return tr(NOT_CONNECTED)
        is_quiet = not self.view.is_sharing or self._privacy.manner.is_held
        if self._plan.observe_only or is_quiet:
            return tr("You share nothing now, so you send no reactions either.")
        if not self._room.offers(REACTIONS):
            return tr("This room has no host that understands reactions.")
        return ""

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

    def ask_to_be_forgotten(self, on: bool) -> None:
        """Whether the own reports ask the host to delete what was recorded; ends by itself once the
        host says that it has."""
        self._own.asks_to_be_forgotten = on
        self.view = replace(self.view, asks_to_be_forgotten=on)
        self._update_me(time.monotonic())

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
        return [row.viewer_id for row in self._known if row.viewer_id not in own]

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
        self._keep_private(link, now, is_connected=is_connected)
        self._update_me(now)
        self._room.connected(is_connected, at)
        if self._tidying is not None:
            hears_all = self._room.subscribes_all
            self._tidying.look(link, events, now, is_connected=is_connected, hears_all=hears_all)
        self._room.react(at, is_reaction=_has_reacted(self.view), is_sharing=self.view.is_sharing)
        room = self._room.look(at, self._own_row())
        self._room_is(room, now, is_fact=self._room.is_fact(at))  # a cut-off room is a gap
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
            self._plan.nickname,
            is_sharing=self.view.is_sharing and self._privacy.manner.is_open,
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
            self._join_team()
        if news.is_forgotten and self.view.asks_to_be_forgotten:
            self.ask_to_be_forgotten(False)
            self._notice(tr("The host says that what was recorded of you is deleted."))
        for text in news.notices:
            self._notice(text)
        for text in news.happenings:
            self.tell("host", text)

    def _keep_private(self, link: Link, now: float, *, is_connected: bool) -> None:
        """Whether the own reports are private, by one's wish or the host's, before one is due."""
        rules = self.view.rules or NO_RULES
        is_understood = self._room.offers(CAN_PRIVATE)
        room = RoomPrivacy(
            is_understood if self._room.is_announced else None,
            bool(rules.private_eps),
            self._room.conduct.private_epsilon,
        )
        before = self._privacy.manner
        manner = self._privacy.look(room, now, is_connected=is_connected)
        if self._own.speak(manner):
            link.withdraw()  # what was said in another manner
        if before.is_open and not manner.is_open and self.view.reads > 1:
            self._face.read_one()
            self.view = replace(self.view, reads=1)
            self._notice(tr(GUESTS))
        if self._privacy.notice:
            self._notice(self._privacy.notice)
        if self._privacy.has_ended:
            self.set_sharing(False)

    def _is_budget_spent(self) -> bool:
        """Where it is, sharing ends, with a word."""
        privacy = self._own.privacy
        if privacy is None or not privacy.is_over:
            return False
        self.set_sharing(False)
        spent, budget = f"{privacy.spent:g}", f"{privacy.budget:g}"
        self._notice(tr(SPENT, spent=spent, budget=budget))
        return True

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
            report.is_private,
        )

    def _room_is(self, room: RoomSnapshot, now: float, *, is_fact: bool) -> None:
        at = time.time()
        self._tell_of_recording()
        self._tell_of_reactions(room, at)
        if self.view.outage is not None:  # what was seen last stays, and is said to be old
            self._tell_of_room(at, now)
            return
        self._known = self._room.known
        is_news = room.rows is not self.view.room.rows or bool(room.changed)
        changed = is_news or _figures(room) != _figures(self.view.room)
        if changed:
            self.view = replace(self.view, room=room)
        changed |= is_fact and not self._has_facts
        self._has_facts |= is_fact
        is_seen = is_fact and not room.is_withheld
        self._measure(room, at, is_fact=is_seen)
        if room.private and self._recording.is_on and not self._has_said_unrecorded:
            self._has_said_unrecorded = True
            self._notice(tr("Private reports are not recorded: only open ones are."))
        if is_seen:
            self._compare(room, now)
            self._timeline.add(room, at, self.view.resonance)
            self._recording.add(room, at)
            self._keep_question(room, at)
            own_id, hidden = self.view.viewer_id, self._room.conduct.unnamed
            self._happened(self._happenings.room(room, at, now, own_id=own_id, hidden=hidden))
        self._tell_of_room(at, now, is_new=changed)

    def _compare(self, room: RoomSnapshot, now: float) -> None:
        """How this viewer and the others differ: for the screen here, and nobody else."""
        if self._plan.observe_only:
            return
        own, others = self.view.me.code, list(room.counts)
        row = self._own_row()
        is_among_them = row is not None and not row.is_private
        if own.is_emotion and is_among_them and others[own]:
            others[own] -= 1
        self._together.take(own, others, now)
        line = self._together.line(now)
        if line != self.view.together or self.view.evening is None:
            self.view = replace(self.view, together=line, evening=self._together.evening)

    def _tell_of_reactions(self, room: RoomSnapshot, at: float) -> None:
        if (found := self._reaction_seconds.take(room.reactions, at)) is not None:
            second, counts = found
            self._recording.add_reactions(second, counts)
            self._tell(ReactionsUpdate(second, counts))

    def _keep_question(self, room: RoomSnapshot, at: float) -> None:
        question = (self.view.rules or NO_RULES).question
        kept = self._questions.due(question, room.answers, at) if self._recording.is_on else None
        if kept is not None:
            channel = self._plan.channel
            self._recording.keep(lambda store: keep_question(store, channel, kept))

    def _tell_of_room(self, at: float, now: float, *, is_new: bool = False) -> None:
        """Scripts count on one a second, also while there is no connection."""
        if is_new or now - self._room_told_at >= TELL_AT_LEAST_S:
            self._room_told_at = now
            view, room = self.view, self.view.room
            if not (self._has_facts or room.confirming):
                room = replace(room, is_counting=True)  # an unheard room is no empty one
            names = view.rules.teams if view.rules else ()
            question = (view.rules or NO_RULES).question
            self._tell(
                RoomUpdate(at, room, view.resonance, view.corrected, names, view.private, question)
            )

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
        epsilon = self._room.conduct.private_epsilon
        measures.take(room, at, self.view.engine.name, is_fact=is_fact, epsilon=epsilon)
        found = measures.resonance, measures.corrected, measures.private
        if found != (self.view.resonance, self.view.corrected, self.view.private):
            resonance, corrected, private = found
            self.view = replace(
                self.view, resonance=resonance, corrected=corrected, private=private
            )

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
        report = self._own.due(me, now)
        if report is not None:
            self._link.publish_report(report)
        if self._own.privacy != self.view.privacy:
            self.view = replace(self.view, privacy=self._own.privacy)
            self._is_budget_spent()

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


def _has_reacted(view: SessionView) -> bool:
    """Whether one says more than that one is there: by any key, an answer, or a face that is not
    calm."""
    me, choice = view.me, view.choice
    has_answered = choice is not None and choice.choice > 0
    is_moved = me.state == "ok" and me.code is not Emotion.NEUTRAL
    return me.is_manual or has_answered or is_moved


def _figures(room: RoomSnapshot) -> tuple[object, ...]:
    known = room.confirming, room.is_counting, room.is_uncounted, room.reads_totals
    hidden = room.viewers, room.least, room.missing, room.is_blind
    counts = room.counts, room.unsure, room.away, room.private, room.reactions
    return room.is_total, counts, room.teams, room.answers, known, hidden
