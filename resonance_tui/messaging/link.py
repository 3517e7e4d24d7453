"""A viewer's connection to a room: events in, own report out, and its status."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import secrets
import time
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol

from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.client import WILL_DELAY_S, BrokerClient, follow_rules
from resonance_tui.messaging.connection import (
    LinkState,
    LinkStatus,
    ReconnectingConnection,
    checkpoint,
)
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.messaging.retention import HostsRules
from resonance_tui.messaging.roll_call import RollCallAnswers
from resonance_tui.protocol.events import (
    AsideTotalEvent,
    Event,
    RollCallEvent,
    RoomEvent,
    SweepEvent,
    TotalEvent,
)
from resonance_tui.protocol.frames import encode_roll_call
from resonance_tui.protocol.messages import (
    ANSWER,
    ASIDE_TOTAL,
    NICKNAME,
    REACTION,
    REPORT,
    ROLL_CALL,
    ROOM_SETTINGS,
    SWEEP,
    TOTAL,
)
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import SignedRules
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import ANSWERS_CALLS, Report, RoomSettings, report_lifetime_s
from resonance_tui.room.sweeping import COVERS_S

RESTORE_EVERY_S = 2.0
REPORTS_WITHIN_S = 1.0  # who shares reports as soon as connected


class Link(Protocol):
    """What the session needs of a connection to the room, whatever carries it."""

    status: LinkStatus
    traits: BrokerTraits | None  # of the broker that it was last connected to
    wake: asyncio.Event  # set when something arrived or the status changed; the reader clears it
    refused: frozenset[str]  # kinds of messages that the broker has not taken on this connection

    @property
    def asked_at(self) -> float | None:
        """When the broker was asked the oldest question that it has not answered; monotonic
        seconds."""
        ...

    @property
    def viewer_id(self) -> str:
        """Changes when another program uses the same one."""
        ...

    @property
    def place(self) -> str:
        """The broker that it is connected to, or tries next: scheme, host and port."""
        ...

    async def run(self) -> None:
        """Connects, stays connected and reads until it is cancelled.

        Cancelling clears its own retained topics, within two seconds.
        Raises BrokerRefused when the first login is refused.
        """
        ...

    def publish_report(self, report: Report) -> None:
        """Makes this the state that others see. Latest wins; never blocks. The link numbers
        reports itself: `seq` is ignored."""
        ...

    def publish_nickname(self, nickname: str) -> None:
        """Shows this name to others; "" takes it back."""
        ...

    def publish_answer(self, answer: Answer) -> None:
        """Answers the host's question. Latest wins; kept until sharing stops."""
        ...

    def publish_rules(self, signed: SignedRules) -> None:
        """Shows these rules to everybody, under the own id; they stay after leaving."""
        ...

    def withdraw(self) -> None:
        """Stops sharing: clears report and nickname. A later publish_report resumes."""
        ...

    def tidy(self, messages: Sequence[Outgoing]) -> None:
        """Sends what a `Sweeper` says."""
        ...

    def send_once(self, message: Outgoing) -> None:
        """Sends a message of the moment; while there is no connection it is dropped."""
        ...

    def follow_reactions(self, wanted: bool) -> None:
        """Whether to subscribe to viewers' reactions, too, where all reports are subscribed to."""
        ...

    def subscribe_all(self, wanted: bool) -> None:
        """Whether to subscribe to every viewer's reports and nickname. Settings, total, the room's
        key and its rules are always subscribed to."""
        ...

    def check_line(self, wanted: bool) -> None:
        """Whether the broker is asked once a second if it is there; see `asked_at`."""
        ...

    def set_heartbeat(self, seconds: float) -> None:
        """How often the own report is repeated."""
        ...

    def call_roll(self) -> None:
        """Asks everybody for their report. Where that may be done, a RollCallEvent follows once
        they have heard it."""
        ...

    def hurry(self) -> None:
        """Where the connection is lost, the next attempt is made now."""
        ...

    def turn_to(self, url: BrokerUrl) -> None:
        """Once the connection is lost, that broker is tried first."""
        ...

    def drain(self) -> list[Event]:
        """What arrived since the last call, newest per topic."""
        ...


class MqttLink(ReconnectingConnection):
    """A connection to a room over an MQTT broker, version 5 or else 3.1.1.

    `publish_report` sends at once: the caller limits the rate. `observe_only`: receives without
    publishing anything.
    """

    resumes = True

    def __init__(
        self,
        url: BrokerUrl,
        channel: str,
        viewer_id: str,
        *,
        observe_only: bool = False,
        heartbeat_s: float = 10.0,
        connect_timeout: float = 5.0,
        will_delay_s: int = WILL_DELAY_S,
    ) -> None:
        inbox = Inbox()
        super().__init__(
            *(url, inbox),
            answer_timeout_s=connect_timeout,
            will_delay_s=will_delay_s,
            room=channel,
        )
        self._channel = channel
        self._is_observer = observe_only
        self._is_personal = url.username == viewer_id  # the account may publish under this id only
        self._connection_id = f"-{secrets.token_hex(3)}"
        self._heartbeat_s = heartbeat_s
        self._retained = RetainedState(channel, viewer_id)
        self._tidying: list[Outgoing] = []
        self._moments: list[Outgoing] = []  # worth nothing on a later connection
        self._wants_reactions = False
        self._hears_reactions: bool | None = False  # as `_subscribed_to_all`
        self._answered_at = -math.inf  # the last sweep that named us; monotonic seconds
        self._inbox.on_sweep.add(self._answer_sweep)
        self._due = asyncio.Event()  # there is something to send
        self.refused = frozenset[str]()
        self._is_heard = False  # a reaction, on the current connection
        self._hosts_rules = HostsRules(channel)
        self._has_reported = asyncio.Event()  # on the current connection
        self._wants_all = True
        # What the current connection is subscribed to; None: a session that was kept, perhaps is.
        self._subscribed_to_all: bool | None = False
        self._hears_own: bool | None = False
        self._own_topic = REPORT.topic.of(channel, viewer_id)
        self._restored_at = -math.inf  # monotonic seconds
        self._subscriptions_due = asyncio.Event()  # the two may differ
        self._repeats_now = asyncio.Event()  # the report is repeated without waiting any longer
        self._answers = RollCallAnswers()
        self._hears_calls = False  # on the current connection
        self._calls = False  # a roll call is to be sent
        # Whoever only looks on has no id in the room; an account may not publish under another's.
        self._caller_id = new_viewer_id() if observe_only else None
        self._denied_at = ""  # the broker that refused a subscription to reports

    @property
    def viewer_id(self) -> str:
        return self._retained.viewer_id

    def publish_report(self, report: Report) -> None:
        self._retained.set_report(report)
        self._due.set()

    def publish_nickname(self, nickname: str) -> None:
        self._retained.set_nickname(nickname)
        self._due.set()

    def publish_answer(self, answer: Answer) -> None:
        self._retained.set_answer(answer)
        self._due.set()

    def publish_rules(self, signed: SignedRules) -> None:
        self._retained.set_rules(signed)
        self._due.set()

    def withdraw(self) -> None:
        self._retained.withdraw()
        self._due.set()

    def tidy(self, messages: Sequence[Outgoing]) -> None:
        self._tidying.extend(messages)
        self._due.set()

    def send_once(self, message: Outgoing) -> None:
        if self.status.state is LinkState.CONNECTED:
            self._moments.append(message)
            self._due.set()

    def follow_reactions(self, wanted: bool) -> None:
        if wanted != self._wants_reactions:
            self._wants_reactions = wanted
            self._subscriptions_due.set()

    def subscribe_all(self, wanted: bool) -> None:
        if wanted != self._wants_all:
            self._wants_all = wanted
            self._subscriptions_due.set()

    def set_heartbeat(self, seconds: float) -> None:
        if seconds != self._heartbeat_s:
            self._heartbeat_s = seconds
            self._retained.report_expiry_s = report_lifetime_s(seconds)
            self._answer()  # not everybody at once, nor at each of many changes

    def call_roll(self) -> None:
        may_call = self._caller_id is None or self._url.username is None
        if self._hears_calls and may_call:
            self._calls = True
            self._due.set()

    def drain(self) -> list[Event]:
        """Answers roll calls; of them the own one alone is handed on, as everybody heard it."""
        events = self._inbox.drain(time.monotonic())
        if any(isinstance(each, RollCallEvent) for each in events):
            self._answer()
        return [each for each in events if not self._is_anothers_call(each)]

    def _is_anothers_call(self, event: Event) -> bool:
        return isinstance(event, RollCallEvent) and event.viewer_id != self._own_caller_id

    @property
    def _own_caller_id(self) -> str:
        return self._caller_id or self.viewer_id

    def _answer(self) -> None:
        delay_s = self._answers.called(time.monotonic())
        if delay_s is not None:
            asyncio.get_running_loop().call_later(delay_s, self._repeats_now.set)

    def _identifier(self) -> str:
        if self._is_observer:
            return f"rsn-{new_viewer_id()}"
        # An account may be in several rooms and on two machines: one id, several connections.
        return f"rsn-{self.viewer_id}{self._connection_id if self._is_personal else ''}"

    def _will_topic(self) -> str | None:
        return None if self._is_observer else self._own_topic

    def _on_duplicate_id(self) -> None:
        if not (self._is_observer or self._is_personal):
            self._retained.move_to(new_viewer_id())
            self._notice = "another program uses your id in this room: you joined under a new one"

    async def _subscribe(self, client: BrokerClient) -> None:
        """The total comes first: in a large room not every report is subscribed to. Rules come
        before the viewers that they are about."""
        self._subscribed_to_all = self._hears_own = None if client.is_resumed else False
        self._own_topic = self._retention.own_topic = REPORT.topic.of(self._channel, self.viewer_id)
        self._has_reported.clear()
        self.refused, self._is_heard = frozenset(), False
        self._hosts_rules.begin()
        await self._follow_calls(client)
        await client.follow(TOTAL.topic.of(self._channel), 0)
        with contextlib.suppress(BrokerRefused):  # rules made before there were asides
            await client.follow(ASIDE_TOTAL.topic.of(self._channel), 0)
        await client.follow(ROOM_SETTINGS.topic.of(self._channel), 1)
        await follow_rules(client, self._channel)
        self._tidying.clear()
        self._moments.clear()
        self._hears_reactions = None if client.is_resumed else False
        if not client.is_v5:
            with contextlib.suppress(BrokerRefused):  # rules made before there were sweeps
                await client.follow(SWEEP.topic.of(self._channel, "+"), 1)
        if not self._is_large():
            await self._update_subscriptions(client)
        checkpoint()
        self._retained.repeat_all()
        self._due.set()
        self._subscriptions_due.set()
        self._set_connected()

    def _answer_sweep(self, sweep: SweepEvent) -> None:
        """Somebody did not hear us, and is about to clear what is ours."""
        is_meant = any(each.viewer_id == self.viewer_id for each in sweep.unrenewed)
        now = time.monotonic()
        if is_meant and not self._is_observer and now - self._answered_at >= COVERS_S:
            self._answered_at = now
            self._retained.repeat_all()
            self._due.set()

    async def _follow_calls(self, client: BrokerClient) -> None:
        """Reports say that their sender answers calls only where it hears them."""
        self._hears_calls = self._calls = False
        with contextlib.suppress(BrokerRefused):  # by access rules that know no calls
            await client.follow(ROLL_CALL.topic.filter(channel=self._channel), 0)
            self._hears_calls = True
        self._retained.flags = ANSWERS_CALLS if self._hears_calls else 0

    def _is_large(self) -> bool:
        """By the retained messages. The session decides; this only avoids a flood on joining."""
        total = self._inbox.peek(TOTAL.topic.of(self._channel))
        room = self._inbox.peek(ROOM_SETTINGS.topic.of(self._channel))
        settings = room.settings if isinstance(room, RoomEvent) else None
        limit = (settings or RoomSettings()).mesh_max
        if settings is not None and settings.totals:
            self._wants_all = False
            return True
        if not isinstance(total, TotalEvent):
            return False
        aside = self._inbox.peek(ASIDE_TOTAL.topic.of(self._channel))
        private = sum(aside.aside.private) if isinstance(aside, AsideTotalEvent) else 0
        if total.viewers + private <= limit and total.edges <= 1:
            return False
        self._wants_all = False
        return True

    async def _update_subscriptions(self, client: BrokerClient) -> None:
        """Subscribes to all reports or unsubscribes, as wanted."""
        topics = [each.topic.filter(channel=self._channel) for each in (REPORT, NICKNAME, ANSWER)]
        if self._wants_all and not self._subscribed_to_all:  # again brings what is retained
            self._subscribed_to_all = await self._follow_all(client, topics)
        elif self._subscribed_to_all is not False and not self._wants_all:
            await client.unsubscribe(topics)
            self._subscribed_to_all = False
        await self._update_reactions(client)
        await self._update_own(client)

    async def _follow_all(self, client: BrokerClient, topics: Sequence[str]) -> bool:
        """Whether single reports may be read. A broker that lets viewers read totals alone says so
        here, or grants this and delivers nothing."""
        try:
            for topic in topics[:-1]:  # names at QoS 0, too: QoS 1 fills queues
                await client.follow(topic, 0)
        except BrokerRefused as error:
            if type(error) is not BrokerRefused:  # it is not about rights
                raise
            self._denied_at = self._url.place
            self._learn_denial()
            self._wants_all = False
            return False
        with contextlib.suppress(BrokerRefused):  # rules made before there were answers
            await client.follow(topics[-1], 0)
        return True

    def _learn_denial(self) -> None:
        if self.traits is not None and self._denied_at == self._url.place:
            self.traits: BrokerTraits | None = replace(self.traits, denies_reports=True)
            self.wake.set()

    def _learn(self, traits: BrokerTraits) -> None:
        super()._learn(traits)
        self._learn_denial()

    async def _update_reactions(self, client: BrokerClient) -> None:
        wanted = self._wants_all and self._wants_reactions
        topic = REACTION.topic.filter(channel=self._channel)
        if wanted and not self._hears_reactions:
            with contextlib.suppress(BrokerRefused):  # rules made before there were reactions
                await client.follow(topic, 0)
        elif self._hears_reactions is not False and not wanted:
            await client.unsubscribe(topic)
        self._hears_reactions = wanted

    async def _update_own(self, client: BrokerClient) -> None:
        """Who does not hear everybody hears at least when somebody clears its report."""
        wants_own = not (self._wants_all or self._is_observer)
        if wants_own and not self._hears_own:
            await client.follow_others(self._own_topic)
        elif self._hears_own is not False and not wants_own:
            await client.unsubscribe(self._own_topic)
        self._hears_own = wants_own

    def _tasks(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "send": self._send(client),
            "alive": self._keep_alive(client),
            "check": self._check_line(client),
            "subscribe": self._follow_subscriptions(client),
            "retention": self._find_retention(client),
        }

    async def _send(self, client: BrokerClient) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            others, self._tidying, self._moments = [*self._tidying, *self._moments], [], []
            for message in (*self._retained.take(up_s=1 + int(self._up_s())), *others):
                await self._send_one(client, message)
                checkpoint()
                if message.topic == self._own_topic and message.payload:
                    self._has_reported.set()
            if self._calls:
                self._calls = False
                call = ROLL_CALL.outgoing(encode_roll_call(), self._channel, self._own_caller_id)
                await client.send(call)

    async def _send_one(self, client: BrokerClient, message: Outgoing) -> None:
        """Of what access rules made before may not know, it is found out whether it is taken: the
        first reaction of a connection waits for the broker's word, too."""
        kind = self._doubtful.get(message.topic)
        if kind == REACTION.kind and not self._is_heard and client.tells_refusals:
            self._is_heard, message = True, replace(message, qos=1)
        await client.send(message)
        if kind is not None and message.qos and client.tells_refusals and client.was_denied:
            self.refused |= {kind}
            self.wake.set()

    @property
    def _doubtful(self) -> dict[str, str]:
        own = {"channel": self._channel, "viewer_id": self.viewer_id}
        return {each.topic.of(*own.values()): each.kind for each in (ANSWER, REACTION)}

    async def _find_retention(self, client: BrokerClient) -> None:
        """With the own report, where one is shared; an account may publish nothing else. Under
        another id only at first: everybody in the room would hear it at every reconnection."""
        if self._retention.is_open and not self._is_observer:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REPORTS_WITHIN_S):
                    await self._has_reported.wait()
        if self._retention.is_open and self._has_reported.is_set():
            await self._retention.ask(client, self._own_topic)
            self._hears_own = False  # the question's subscription took the place of ours
            self._subscriptions_due.set()
        elif self._retention.brings is None and not self._is_personal:
            await self._retention.ask_under_another_id(client, self._channel)
        checkpoint()
        self._retention.done()

    def _on_retention_found(self) -> None:
        super()._on_retention_found()
        self._retained.repeats_name = self._retention.is_lacking
        self._subscriptions_due.set()

    async def _follow_subscriptions(self, client: BrokerClient) -> None:
        while True:
            await self._subscriptions_due.wait()
            self._subscriptions_due.clear()
            await self._update_subscriptions(client)
            if self._retention.is_lacking:
                await self._hosts_rules.fetch(client)
            checkpoint()

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Repeats the report, and waits for an answer: a dead connection is noticed within one
        heartbeat."""
        nickname_at = time.monotonic()
        while True:
            await self._until_heartbeat()
            self._retained.repeat()
            if time.monotonic() - nickname_at > NICKNAME.lifetime_s / 3:
                nickname_at = time.monotonic()
                self._retained.repeat_all()
            self._due.set()
            await self._ask(client)
            checkpoint()

    async def _until_heartbeat(self) -> None:
        """Or until the report is wanted sooner: a roll call begins a new heartbeat."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0.8, 1.0) * self._heartbeat_s):
                await self._repeats_now.wait()
        self._repeats_now.clear()

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        if self._hosts_rules.hear(topic, payload):
            self._subscriptions_due.set()
        super()._on_arrival(topic, payload, is_retained, left_s)
        if not payload and topic == self._own_topic:
            self._restore(time.monotonic())

    def _restore(self, now: float) -> None:
        """Somebody cleared the own report: an old will, or who takes us for gone. So soon after the
        time before it comes back a little later: two programs that clear and repeat one report do
        not do so at full speed."""
        if not self._retained.is_shared or self._restored_at > now:
            return
        self._restored_at = max(now, self._restored_at + RESTORE_EVERY_S)
        if self._restored_at > now:
            asyncio.get_running_loop().call_later(self._restored_at - now, self._repeat_all)
        else:
            self._repeat_all()

    def _repeat_all(self) -> None:
        self._retained.repeat_all()
        self._due.set()

    def _closing_messages(self) -> list[Outgoing]:
        return self._retained.closing_messages()
