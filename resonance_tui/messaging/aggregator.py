"""An aggregator's connection to a room: counts the viewers of its shards, sums all counts.

| part | module |
|---|---|
| what is counted of the viewers in a shard | `room.shard_counts` |
| which topics of shards are followed | `messaging.shard_subscriptions` |
| the other aggregators of the room | `room.peers` |
| their counts, and the sum over brokers | `room.federation` |
| what is told of the counts, and when | `room.count_messages` |
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.client import BrokerClient, follow_rules
from resonance_tui.messaging.connection import ReconnectingConnection, checkpoint
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.retention import HostsRules
from resonance_tui.messaging.shard_subscriptions import ShardSubscriptions
from resonance_tui.protocol.events import (
    AgentEvent,
    AsidePartialEvent,
    EdgeEvent,
    Event,
    HostKeyEvent,
    PartialEvent,
    RoomEvent,
    RulesEvent,
)
from resonance_tui.protocol.frames import encode_agent
from resonance_tui.protocol.messages import (
    AGENT,
    ANSWER,
    ASIDE_PARTIAL,
    EDGE,
    HOST_KEY,
    PARTIAL,
    REACTION,
    ROOM_SETTINGS,
    SWEEP,
)
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import ROOT as ROOT_TOPIC
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.traits import settings_at
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import REACTIONS, Counts, RoomSettings
from resonance_tui.room.authority import Authority, certificate_print
from resonance_tui.room.conduct import conduct_of
from resonance_tui.room.count_messages import CountMessages, repeat_s
from resonance_tui.room.doubts import RETURN_S
from resonance_tui.room.federation import Edges
from resonance_tui.room.peers import Peers
from resonance_tui.room.room_clock import ASLEEP_S, RoomClock
from resonance_tui.room.shard_counts import ShardCounts
from resonance_tui.room.sweeping import Sweeper
from resonance_tui.room.tally import ROOT, owner, shards_owned

_MAY_NOT_COUNT = (
    "The broker does not let this user count the room",
    "Ask the host for an account whose name begins with agg-",
)
PRESENCE_EVERY_S = 10.0
SETTLE_S = 0.5  # after its SUBACK, for the retained reports of a shard
MAX_TOPICS = 200_000  # of viewers; bounds the memory of a room
SILENT_REPEATS = 3  # missed in a row, an edge has gone


@dataclass(frozen=True, slots=True)
class AggregatorStatus:
    """What an aggregator is doing."""

    agents: int = 1
    shards: int = 0  # that it counts
    viewers: int = 0  # in them
    is_root: bool = False
    room: int = 0  # viewers in the whole room, as far as it knows
    edges: int = 1  # brokers over which they are spread
    heard: int = 0  # messages received since its start
    reports: int = 0  # of them, reports as they were made: without those kept from before
    told: int = 0  # messages sent
    is_whole: bool = False  # every shard is counted


class Aggregator(ReconnectingConnection):
    """Counts until cancelled; `run` raises BrokerRefused where the login may not count.

    While a shard changes its owner it is counted by both, and by the new one alone only once it has
    received the shard's reports: see `PartialTable`. `edge` names the broker where it counts, in a
    room that is spread over several: see `Edges`. Who is not counted by the room's rules is not
    counted here; `authority`: what is known of the room's key beforehand, by itself the broker's
    pin.
    """

    keepalive_s = 5  # after 1.5 times this the broker drops a dead one, and others take over

    def __init__(
        self,
        url: BrokerUrl,
        channel: str,
        agent_id: str = "",
        *,
        edge: str = "",
        connect_timeout: float = 5.0,
        version: int | None = None,
        authority: Authority | None = None,
    ) -> None:
        inbox = Inbox(MAX_TOPICS)
        super().__init__(
            *(url, inbox),
            answer_timeout_s=connect_timeout,
            will_delay_s=0,
            version=version,
            room=channel,
        )
        self.agent_id = agent_id or new_viewer_id()
        self._is_named = bool(agent_id)
        self._channel = channel
        self._boot = int(time.time())
        self._counts = ShardCounts(MAX_TOPICS)
        self._clock = RoomClock()
        self._authority = authority or Authority(channel, spki_print=certificate_print(url.pin))
        self._has_login = url.username is not None  # else nobody protects the room's key
        self._may_show_keys: bool | None = None  # as a host may; None: not tried yet
        self._edge = edge
        self._edges = Edges(edge)
        self._peers = Peers()
        self._is_confirmed = asyncio.Event()  # our own presence was received: we may count here
        self._subscriptions = ShardSubscriptions(channel)
        self._messages = CountMessages(channel, self.agent_id, self._boot, self._edges)
        self._heard = self._told = self._reports = 0
        self._report_prefix = f"{ROOT_TOPIC}/{channel}/r/"
        self._hosts_rules = HostsRules(channel)
        self._is_presence_due = asyncio.Event()  # somebody new may not know of us
        self._brings_retained = False  # seen on this connection, through a wildcard
        self._is_taken_away = False  # our presence
        self._sweeper = Sweeper(channel, self.agent_id)
        self.figures = AggregatorStatus()

    @property
    def channel(self) -> str:
        return self._channel

    # The connection

    def _identifier(self) -> str:
        return f"rsn-agg-{self.agent_id}"

    def _will_topic(self) -> str | None:
        return AGENT.topic.of(self._channel, self.agent_id)

    def _on_duplicate_id(self) -> None:
        if self._is_named:  # the access rules allow this name only
            self._notice = f"another aggregator runs under the name {self.agent_id}"
        else:
            self.agent_id = new_viewer_id()

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        self._heard += 1
        if is_retained and topic.startswith(self._report_prefix):
            self._brings_retained = True
        elif payload and topic.startswith(self._report_prefix):
            self._reports += 1
        self._hosts_rules.hear(topic, payload)
        super()._on_arrival(topic, payload, is_retained, left_s)

    async def _subscribe(self, client: BrokerClient) -> None:
        self._doubt_viewers(time.monotonic())
        self._subscriptions.begin()
        self._messages.begin()
        self._is_confirmed.clear()
        self._hosts_rules.begin()
        self._begin_anew()
        await client.follow(AGENT.topic.of(self._channel, "+"), 1)
        await client.follow(PARTIAL.topic.of(self._channel, "+"), 0)
        with contextlib.suppress(BrokerRefused):  # rules made before there were asides
            await client.follow(ASIDE_PARTIAL.topic.filter(channel=self._channel), 0)
        await client.follow(ROOM_SETTINGS.topic.of(self._channel), 1)
        await follow_rules(client, self._channel)
        if self._edge:
            await client.follow(EDGE.topic.of("+"), 1)
        if not self._expires:
            await client.follow(SWEEP.topic.of(self._channel, "+"), 1)
        await client.send(self._presence())
        await self._wait_for_own_presence(client)
        checkpoint()
        self._set_connected()

    @property
    def _expires(self) -> bool:
        """Whether what the broker retains ends by itself."""
        return self.traits is None or self.traits.expires

    def _begin_anew(self) -> None:
        self._brings_retained = False
        self._peers.begin()
        self._sweeper.lost()
        self._sweeper.agent_id = self._messages.agent_id = self.agent_id

    def _doubt_viewers(self, now: float) -> None:
        """Some may have left while we were disconnected. Viewers of a single broker reconnect to
        it, so they are kept for a while; those of an edge may be counted at another by now."""
        if self._edge:
            self._counts.tally.watch(frozenset())
            self._edges.start_over(now)
            return
        self._clock.begin(now)
        at = self._clock.at(now, asked_at=None)
        if self._expires:
            self._counts.tally.doubt(at, within=self._counts.settings.heartbeat_s + RETURN_S)
        else:  # what was counted before may not be told as a fact
            self._edges.start_over(now)
            self._counts.tally.doubt(at, within=self._counts.fill_s)

    async def _wait_for_own_presence(self, client: BrokerClient) -> None:
        """Raises BrokerRefused where access rules drop our messages: below MQTT 5 they do so
        without an answer, so our own presence must come back."""
        ends = time.monotonic() + self._answer_timeout_s
        while not self._is_confirmed.is_set():
            client.check_taken(*_MAY_NOT_COUNT)
            if time.monotonic() >= ends:
                raise BrokerRefused(*_MAY_NOT_COUNT)
            self._read(time.monotonic())
            await asyncio.sleep(0.02)

    def _presence(self) -> Outgoing:
        payload = encode_agent(self._boot, self._edge)
        return AGENT.outgoing(payload, self._channel, self.agent_id)

    def _tasks(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "count": self._count(client),
            "alive": self._keep_alive(client),
            "check": self._check_line(client),
            "retention": self._find_retention(client),
        }

    async def _find_retention(self, client: BrokerClient) -> None:
        if self._retention.is_open:
            await self._retention.ask(client, AGENT.topic.of(self._channel, self.agent_id))
        checkpoint()
        self._retention.done()

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Renews the presence; at QoS 1, so a dead connection is noticed here. Where the broker
        takes QoS 0 only, by asking for something with an answer."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PRESENCE_EVERY_S):
                    await self._is_presence_due.wait()
            self._is_presence_due.clear()
            await client.send(self._presence())
            if client.traits.max_qos == 0:
                await client.follow(ROOM_SETTINGS.topic.of(self._channel), 1)
            checkpoint()

    def _closing_messages(self) -> list[Outgoing]:
        messages = [AGENT.clearing(self._channel, self.agent_id)]
        if not self._peers:
            messages += self._messages.clearings()
        return messages

    # Counting

    async def _count(self, client: BrokerClient) -> None:
        while True:
            now = time.monotonic()
            self._read(now)
            await self._try_first_use(client)
            await self._update_subscriptions(client, now)
            if self._retention.is_lacking:
                await self._hosts_rules.fetch(client)
            await self._publish(client, time.monotonic())
            if self._is_taken_away:  # somebody thought that we had gone
                self._is_taken_away = False
                await client.send(self._presence())
            await self._sweep(client, time.monotonic())
            checkpoint()
            await asyncio.sleep(self._counts.settings.tick_ms / 1000)

    async def _sweep(self, client: BrokerClient, now: float) -> None:
        """Clears what nobody renews, where the broker keeps it for ever."""
        if self._expires:
            return
        for message in self._sweeper.step(now):
            await self._send(client, message)
        for agent_id in self._peers.ghosts(now):
            await self._send(client, AGENT.clearing(self._channel, agent_id))

    async def _try_first_use(self, client: BrokerClient) -> None:
        """Believes the first key where the host alone can show one: where this login may not, or
        where viewers read totals alone. A host's login may, and those are not to be exact."""
        if not (self._has_login and self._authority.asks_for_first_use):
            return
        if self._may_show_keys is None:
            self._may_show_keys = await client.may_write(HOST_KEY.topic.of(self._channel))
        if self._counts.settings.totals or not self._may_show_keys:
            self._authority.trust_first()

    def _read(self, now: float) -> None:
        at = self._clock.at(now, asked_at=self.asked_at)
        for event in self._inbox.drain(time.monotonic()):
            self._take(event, now, at)
        self._counts.obey(conduct_of(self._authority.look(now, time.time())))
        self._counts.tally.expire(at)
        self.check_line(self._counts.tally.has_silent(at, self._counts.settings.stale_after_s))
        self._peers.expire(now, leaves_ghosts=not self._expires)

    def _take(self, event: Event, now: float, at: float) -> None:
        """`at`: by the room's clock."""
        if not self._expires:
            self._sweeper.take(event, now)
        match event:
            case PartialEvent() if event.agent_id != self.agent_id:
                self._peers.confirm(event.agent_id, now)
                self._edges.post(event.edge, event.agent_id, event.partial, now)
            case AsidePartialEvent() if event.agent_id != self.agent_id:
                self._edges.post_aside(event.edge, event.agent_id, event.partial, now)
            case AgentEvent() if event.agent_id == self.agent_id:
                self._take_own_presence(event)
            case AgentEvent():
                self._take_presence(event, now)
            case EdgeEvent(is_up=False):
                self._edges.down(event.edge)
            case HostKeyEvent() | RulesEvent():
                self._authority.take(event, now)
            case RoomEvent():
                self._take_settings(event.settings or RoomSettings())
            case _:  # totals are for viewers
                self._counts.take(event, at=at, now=now, epoch_s=time.time())

    def _take_settings(self, settings: RoomSettings) -> None:
        self._counts.settings = settings
        self._be_patient()
        self._edges.ttl = settings.counts_hold_s
        self._clock.asleep_s = ASLEEP_S + 2 * settings.tick_ms / 1000
        self._messages.repeat_s = repeat_s(settings)
        self._edges.silent_after = SILENT_REPEATS * self._messages.repeat_s

    def _be_patient(self) -> None:
        at_this_broker = settings_at(self.traits, self._counts.settings)
        stale_after = at_this_broker.stale_after_s
        self._counts.tally.be_patient(ttl=at_this_broker.patience_s, stale_after=stale_after)

    def _on_retention_found(self) -> None:
        super()._on_retention_found()
        self._be_patient()

    def _take_own_presence(self, presence: AgentEvent) -> None:
        if (presence.boot, presence.edge) == (self._boot, self._edge):
            self._is_confirmed.set()
        self._is_taken_away = presence.boot is None and self._is_confirmed.is_set()

    def _take_presence(self, presence: AgentEvent, now: float) -> None:
        is_new = presence.agent_id not in self._peers
        is_doubtful = presence.is_retained and not self._expires
        counts = self._peers.take(presence, now, is_doubtful=is_doubtful)
        if presence.boot is None or not counts:
            return
        if is_new and self._retention.is_lacking:
            self._is_presence_due.set()
        self._edges.begin(presence.edge, presence.agent_id, presence.boot, now)

    @property
    def _live(self) -> dict[str, list[str]]:
        """The aggregators that count, by edge; this one among them."""
        live = {self._edge: [self.agent_id]}
        for agent_id, edge in self._peers.edges().items():
            live.setdefault(edge, []).append(agent_id)
        return live

    async def _update_subscriptions(self, client: BrokerClient, now: float) -> None:
        """Subscribes to our own shards, and keeps those that no other aggregator counts yet."""
        live = self._live[self._edge]
        owned = shards_owned(self.agent_id, live)
        subscribed = self._subscriptions.shards
        kept = owned | {shard for shard in subscribed if not self._is_taken_over(shard, live, now)}
        self._counts.watch(kept)
        if kept != subscribed:
            self._sweeper.watch(kept)
        await self._subscriptions.follow(client, kept)
        await self._follow_beside(client, kept)

    async def _follow_beside(self, client: BrokerClient, shards: frozenset[int]) -> None:
        """Reactions where the host lets people send them, answers while a question is open."""
        takes_reactions = REACTIONS in self._counts.settings.abilities
        reacting = shards if takes_reactions else frozenset[int]()
        if await self._subscriptions.follow_beside(client, REACTION, reacting):
            self._counts.reactions.watch(reacting)
        question = self._counts.ballot.question
        is_open = question is not None and question.takes(time.time())
        answering = shards if is_open else frozenset[int]()
        await self._subscriptions.follow_beside(client, ANSWER, answering)

    def _is_taken_over(self, shard: int, live: list[str], now: float) -> bool:
        return self._edges.holder(shard, live, now) not in (None, self.agent_id)

    def _settled(self, now: float) -> dict[int, Counts]:
        """The counts of the shards that are complete: all of their reports have arrived."""
        confirming, fill_s = self._counts.tally.confirming(), self._counts.fill_s
        return {
            shard: self._counts.tally.counts(shard)
            for shard, since in self._subscriptions.since.items()
            if now - since >= fill_s
            or (now - since >= SETTLE_S and self._knows_all and shard not in confirming)
        }

    @property
    def _knows_all(self) -> bool:
        """Whether who is there is in the broker's retained reports, confirmed or not."""
        return bool(self._retention.known) or self._brings_retained

    # Publishing

    async def _publish(self, client: BrokerClient, now: float) -> None:
        self._read(now)  # messages that arrived while subscribing
        shards, tell = self._settled(now), self._messages
        asides = {shard: self._counts.aside(shard) for shard in shards}
        messages = tell.partials(shards, now, _epoch_ms())
        messages += tell.aside_partials(asides, now, _epoch_ms())
        agents = self._counting_agents(now)
        is_root = owner(ROOT, agents) == self.agent_id
        ballot = self._counts.ballot
        room = self._edges.total(self._live, now)
        aside = self._edges.aside(self._live, now, ballot.asked)
        if is_root and room.is_whole:
            beside = aside, ballot.question
            messages += tell.totals(room, *beside, self._least, now, _epoch_ms())
        for message in messages:
            await self._send(client, message)
        self.figures = AggregatorStatus(
            agents=len(agents),
            shards=len(shards),
            viewers=self._counts.tally.viewers,
            is_root=is_root,
            room=sum(room.counts) + sum(aside.private),
            edges=room.edges,
            heard=self._heard,
            reports=self._reports,
            told=self._told,
            is_whole=room.is_whole,
        )

    def _counting_agents(self, now: float) -> list[str]:
        """Among whom the root is: all but those of edges that are down."""
        edges = self._peers.edges()
        others = [each for each, edge in edges.items() if not self._edges.is_out(edge, now)]
        return [self.agent_id, *others]

    @property
    def _least(self) -> int:
        """By the host's rules: how many viewers there must be for counts; 0: none."""
        return self._authority.rules.least if self._authority.rules else 0

    async def _send(self, client: BrokerClient, message: Outgoing) -> None:
        self._told += 1
        await client.send(message)


def _epoch_ms() -> int:
    return int(time.time() * 1000)
