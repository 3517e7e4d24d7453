"""An aggregator's connection to a room: counts the viewers of its shards, sums all counts."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.client import BrokerClient, follow_rules
from resonance_tui.messaging.connection import ReconnectingConnection, checkpoint
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.retention import HostsRules
from resonance_tui.protocol.aside_frames import encode_aside_partials, encode_aside_total
from resonance_tui.protocol.asides import Aside, AsidePartial, total_of
from resonance_tui.protocol.events import (
    AgentEvent,
    AnswerEvent,
    AsidePartialEvent,
    EdgeEvent,
    Event,
    HostKeyEvent,
    LeaveEvent,
    PartialEvent,
    ReactionEvent,
    ReportEvent,
    RoomEvent,
    RulesEvent,
)
from resonance_tui.protocol.frames import encode_agent, encode_partial, encode_total
from resonance_tui.protocol.messages import (
    AGENT,
    ANSWER,
    ASIDE_PARTIAL,
    ASIDE_TOTAL,
    EDGE,
    HOST_KEY,
    PARTIAL,
    REACTION,
    REPORT,
    ROOM_SETTINGS,
    SWEEP,
    TOTAL,
)
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import ROOT as ROOT_TOPIC
from resonance_tui.protocol.topics import new_viewer_id, shard_of
from resonance_tui.protocol.traits import settings_at
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import REACTIONS, Counts, Partial, RoomSettings
from resonance_tui.room.authority import Authority, certificate_print
from resonance_tui.room.ballot import Ballot, age_of
from resonance_tui.room.conduct import FREE, conduct_of
from resonance_tui.room.doubts import CONFIRM_S, RETURN_S
from resonance_tui.room.federation import Edges, Sum
from resonance_tui.room.reaction_counts import ShardReactions
from resonance_tui.room.room_clock import ASLEEP_S, RoomClock
from resonance_tui.room.small_rooms import SmallRoom, Table
from resonance_tui.room.sweeping import JITTER_S, Sweeper
from resonance_tui.room.tally import ROOT, Tally, owner, shards_owned
from resonance_tui.room.teams import TEAM_LEAST, visible

_MAY_NOT_COUNT = (
    "The broker does not let this user count the room",
    "Ask the host for an account whose name begins with agg-",
)
PRESENCE_EVERY_S = 10.0
SETTLE_S = 0.5  # after its SUBACK, for the retained reports of a shard
UNSUBSCRIBE_AT_ONCE = 16  # topics; a packet has its limit
MAX_TOPICS = 200_000  # of viewers; bounds the memory of a room
MAX_AGENTS = 64
REPEATS = 4  # of unchanged counts within a viewer's heartbeat
ASIDE_EVERY_S = 0.2  # at most, however short the ticks are
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


@dataclass(frozen=True, slots=True)
class _Peer:
    edge: str
    heard_at: float  # monotonic seconds


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
        self._settings = RoomSettings()
        self._tally = Tally()
        self._ballot = Ballot()
        self._clock = RoomClock()
        self._authority = authority or Authority(channel, spki_print=certificate_print(url.pin))
        self._has_tried_first_use = url.username is None  # nobody protects the room's key
        self._edge = edge
        self._edges = Edges(edge)
        self._agents: dict[str, _Peer] = {}  # the others
        self._is_confirmed = asyncio.Event()  # our own presence was received: we may count here
        self._subscribed: dict[int, float] = {}  # shard: when, monotonic s
        self._answering: frozenset[int] = frozenset()  # shards whose answers are subscribed to
        self._seq = 0
        self._total_seq = 0
        self._sent_partial: tuple[dict[int, Counts], float] | None = None
        self._sent_total: tuple[Sum | tuple[Table, int], float] | None = None
        self._small_room = SmallRoom()
        # What is counted in a shard beside its nine counts: one function for each kind.
        self._counters: tuple[Callable[[int], Aside], ...] = (
            self._reactions_of,
            self._teams_of,
            self._tally.aside,
            self._ballot.of_shard,
        )
        self._reactions = ShardReactions(MAX_TOPICS)
        self._hears_reactions: set[int] = set()  # shards, on the current connection
        self._conduct = FREE
        self._sent_aside: tuple[dict[int, Aside], float] | None = None
        self._sent_aside_total: tuple[Aside, float] | None = None
        self._heard = self._told = self._reports = 0
        self._report_prefix = f"{ROOT_TOPIC}/{channel}/r/"
        self._hosts_rules = HostsRules(channel)
        self._is_presence_due = asyncio.Event()  # somebody new may not know of us
        self._brings_retained = False  # seen on this connection, through a wildcard
        self._rumoured: dict[str, _Peer] = {}  # known from a retained presence alone
        self._is_taken_away = False  # our presence
        self._ghosts: dict[str, float] = {}  # whose presence is cleared, and when
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
        self._subscribed.clear()
        self._hears_reactions.clear()
        self._answering = frozenset()
        self._sent_partial = self._sent_total = None
        self._sent_aside = self._sent_aside_total = None
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

    def _fill_s(self) -> float:
        """How long after its SUBACK a shard's count is complete, at most: everybody has reported
        once."""
        return self._settings.heartbeat_s + CONFIRM_S

    def _begin_anew(self) -> None:
        self._brings_retained = False
        self._rumoured.clear()
        self._ghosts.clear()
        self._sweeper.lost()
        self._sweeper.agent_id = self.agent_id

    def _doubt_viewers(self, now: float) -> None:
        """Some may have left while we were disconnected. Viewers of a single broker reconnect to
        it, so they are kept for a while; those of an edge may be counted at another by now."""
        if self._edge:
            self._tally.watch(frozenset())
            self._edges.start_over(now)
            return
        self._clock.begin(now)
        at = self._clock.at(now, asked_at=None)
        if self._expires:
            self._tally.doubt(at, within=self._settings.heartbeat_s + RETURN_S)
        else:  # what was counted before may not be told as a fact
            self._edges.start_over(now)
            self._tally.doubt(at, within=self._fill_s())

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
        if not self._agents:
            messages.append(TOTAL.clearing(self._channel))
            if self._sent_aside_total:
                messages.append(ASIDE_TOTAL.clearing(self._channel))
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
            await asyncio.sleep(self._settings.tick_ms / 1000)

    async def _sweep(self, client: BrokerClient, now: float) -> None:
        """Clears what nobody renews, where the broker keeps it for ever."""
        if self._expires:
            return
        for message in self._sweeper.step(now):
            await self._send(client, message)
        for agent_id in [each for each, at in self._ghosts.items() if now >= at]:
            del self._ghosts[agent_id]
            await self._send(client, AGENT.clearing(self._channel, agent_id))

    async def _try_first_use(self, client: BrokerClient) -> None:
        """Believes the first key where the host alone can show one."""
        if self._has_tried_first_use or not self._authority.asks_for_first_use:
            return
        self._has_tried_first_use = True
        if not await client.may_write(HOST_KEY.topic.of(self._channel)):
            self._authority.trust_first()

    def _read(self, now: float) -> None:
        at = self._clock.at(now, asked_at=self.asked_at)
        for event in self._inbox.drain(time.monotonic()):
            self._take(event, now, at)
        self._conduct = conduct_of(self._authority.look(now, time.time()))
        self._tally.obey(self._conduct)
        self._ballot.obey(self._conduct)
        self._tally.expire(at)
        self.check_line(self._tally.has_silent(at, self._settings.stale_after_s))
        oldest = now - AGENT.lifetime_s
        for peers in (self._agents, self._rumoured):
            for agent_id in [each for each, peer in peers.items() if peer.heard_at < oldest]:
                del peers[agent_id]
                if not self._expires:
                    self._ghosts[agent_id] = now + random.uniform(0.0, JITTER_S)

    def _take(self, event: Event, now: float, at: float) -> None:
        """`at`: by the room's clock."""
        if not self._expires:
            self._sweeper.take(event, now)
        match event:
            case ReportEvent(viewer_id=viewer_id, report=report, is_retained=True):
                age_s, until = self._settings.age_s(report, event.left_s), at + self._fill_s()
                self._tally.recall(viewer_id, report, at, age_s, until=until)
            case ReportEvent():
                self._tally.report(event.viewer_id, event.report, at)
            case ReactionEvent():
                self._take_reaction(event, now)
            case LeaveEvent():
                self._tally.leave(event.viewer_id, at, is_swept=event.is_swept)
            case AnswerEvent(answer=answer) if answer is not None:
                age_s = age_of(event.left_s) if event.is_retained else 0.0
                self._ballot.take(event.viewer_id, answer, time.time(), age_s=age_s)
            case PartialEvent() if event.agent_id != self.agent_id:
                self._confirm(event.agent_id, now)
                self._edges.post(event.edge, event.agent_id, event.partial, now)
            case AsidePartialEvent() if event.agent_id != self.agent_id:
                self._edges.post_aside(event.edge, event.agent_id, event.partial, now)
            case AgentEvent():
                self._take_presence(event, now)
            case EdgeEvent(is_up=False):
                self._edges.down(event.edge)
            case HostKeyEvent() | RulesEvent():
                self._authority.take(event, now)
            case RoomEvent():
                self._settings = event.settings or RoomSettings()
                self._be_patient()
                self._edges.ttl = self._settings.counts_hold_s
                self._clock.asleep_s = ASLEEP_S + 2 * self._settings.tick_ms / 1000
                self._edges.silent_after = SILENT_REPEATS * self._repeat_s
            case _:  # nicknames and totals are for viewers
                return

    def _take_reaction(self, event: ReactionEvent, now: float) -> None:
        if self._conduct.counts(event.viewer_id):
            said = event.boot, event.counts, now, event.newest
            self._reactions.take(shard_of(event.viewer_id), event.viewer_id, *said)

    def _reactions_of(self, shard: int) -> Aside:
        return Aside(reactions=self._reactions.of(shard))

    def _teams_of(self, shard: int) -> Aside:
        return Aside(teams=self._tally.teams(shard))

    def _be_patient(self) -> None:
        at_this_broker = settings_at(self.traits, self._settings)
        stale_after = at_this_broker.stale_after_s
        self._tally.be_patient(ttl=at_this_broker.patience_s, stale_after=stale_after)

    def _on_retention_found(self) -> None:
        super()._on_retention_found()
        self._be_patient()

    def _take_presence(self, presence: AgentEvent, now: float) -> None:
        agent_id, boot = presence.agent_id, presence.boot
        if agent_id == self.agent_id:
            if (boot, presence.edge) == (self._boot, self._edge):
                self._is_confirmed.set()
            self._is_taken_away = boot is None and self._is_confirmed.is_set()
        elif boot is None:
            for known in (self._agents, self._rumoured, self._ghosts):
                known.pop(agent_id, None)
        elif presence.is_retained and not self._expires and agent_id not in self._agents:
            if len(self._rumoured) < MAX_AGENTS:
                self._rumoured[agent_id] = _Peer(presence.edge, now)
        elif agent_id in self._agents or len(self._agents) < MAX_AGENTS:
            if agent_id not in self._agents and self._retention.is_lacking:
                self._is_presence_due.set()
            self._rumoured.pop(agent_id, None)
            self._ghosts.pop(agent_id, None)
            self._agents[agent_id] = _Peer(presence.edge, now)
            self._edges.begin(presence.edge, agent_id, boot, now)

    def _confirm(self, agent_id: str, now: float) -> None:
        """Who counts is there, whatever is known of its presence."""
        rumoured = self._rumoured.pop(agent_id, None)
        if rumoured is not None and len(self._agents) < MAX_AGENTS:
            self._agents[agent_id] = _Peer(rumoured.edge, now)

    @property
    def _live(self) -> dict[str, list[str]]:
        """The aggregators that count, by edge; this one among them."""
        live = {self._edge: [self.agent_id]}
        for agent_id, peer in self._agents.items():
            live.setdefault(peer.edge, []).append(agent_id)
        return live

    @property
    def _repeat_s(self) -> float:
        return self._settings.heartbeat_s / REPEATS

    async def _update_subscriptions(self, client: BrokerClient, now: float) -> None:
        """Subscribes to our own shards, and keeps those that no other aggregator counts yet."""
        live = self._live[self._edge]
        owned = shards_owned(self.agent_id, live)
        kept = owned | frozenset(
            shard for shard in self._subscribed if not self._is_taken_over(shard, live, now)
        )
        self._tally.watch(kept)
        self._ballot.watch(kept)
        if kept != self._subscribed.keys():
            self._sweeper.watch(kept)
        ended = [self._filter(shard) for shard in self._subscribed.keys() - kept]
        for first in range(0, len(ended), UNSUBSCRIBE_AT_ONCE):
            await client.unsubscribe(ended[first : first + UNSUBSCRIBE_AT_ONCE])
        self._subscribed = {shard: at for shard, at in self._subscribed.items() if shard in kept}
        for shard in sorted(kept - self._subscribed.keys()):
            # One at a time: a broker drops retained messages of too many at once.
            await client.follow(self._filter(shard), 0)
            self._subscribed[shard] = time.monotonic()
        await self._follow_reactions(client)
        await self._follow_answers(client, kept)

    async def _follow_reactions(self, client: BrokerClient) -> None:
        """Of our shards, where the host lets people send them."""
        is_wanted = REACTIONS in self._settings.abilities
        wanted = set(self._subscribed) if is_wanted else set[int]()
        topics = [
            REACTION.topic.filter(channel=self._channel, shard=str(shard))
            for shard in self._hears_reactions - wanted
        ]
        for first in range(0, len(topics), UNSUBSCRIBE_AT_ONCE):
            await client.unsubscribe(topics[first : first + UNSUBSCRIBE_AT_ONCE])
        with contextlib.suppress(BrokerRefused):  # rules made before there were reactions
            for shard in sorted(wanted - self._hears_reactions):
                topic = REACTION.topic.filter(channel=self._channel, shard=str(shard))
                await client.follow(topic, 0)
        if wanted != self._hears_reactions:
            self._reactions.watch(wanted)
        self._hears_reactions = wanted

    async def _follow_answers(self, client: BrokerClient, shards: frozenset[int]) -> None:
        """Answers of our shards, for as long as a question is open."""
        question = self._ballot.question
        is_open = question is not None and question.takes(time.time())
        wanted = shards if is_open else frozenset[int]()
        ended = [self._answers_in(shard) for shard in self._answering - wanted]
        for first in range(0, len(ended), UNSUBSCRIBE_AT_ONCE):
            await client.unsubscribe(ended[first : first + UNSUBSCRIBE_AT_ONCE])
        for shard in sorted(wanted - self._answering):
            with contextlib.suppress(BrokerRefused):  # rules made before there were answers
                await client.follow(self._answers_in(shard), 0)
        self._answering = wanted

    def _answers_in(self, shard: int) -> str:
        return ANSWER.topic.filter(channel=self._channel, shard=str(shard))

    def _filter(self, shard: int) -> str:
        return REPORT.topic.filter(channel=self._channel, shard=str(shard))

    def _is_taken_over(self, shard: int, live: list[str], now: float) -> bool:
        return self._edges.holder(shard, live, now) not in (None, self.agent_id)

    def _settled(self, now: float) -> dict[int, Counts]:
        """The counts of the shards that are complete: all of their reports have arrived."""
        confirming, fill_s = self._tally.confirming(), self._fill_s()
        return {
            shard: self._tally.counts(shard)
            for shard, since in self._subscribed.items()
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
        shards = self._settled(now)
        has_counts = bool(shards or self._sent_partial)  # a new one has none yet
        if has_counts and self._is_due(shards, self._sent_partial, now):
            self._sent_partial = (shards, now)
            await self._publish_partial(client, shards, now)
        await self._publish_aside(client, shards, now)
        agents = [self.agent_id]
        agents += [a for a, peer in self._agents.items() if not self._edges.is_out(peer.edge, now)]
        is_root = owner(ROOT, agents) == self.agent_id
        room = self._edges.total(self._live, now)
        if is_root and room.is_whole:
            await self._publish_due_total(client, room, now)
            await self._publish_aside_total(client, room, now)
        self.figures = AggregatorStatus(
            agents=len(agents),
            shards=len(shards),
            viewers=self._tally.viewers,
            is_root=is_root,
            room=sum(room.counts) + sum(self._edges.aside(self._live, now).private),
            edges=room.edges,
            heard=self._heard,
            reports=self._reports,
            told=self._told,
            is_whole=room.is_whole,
        )

    def _is_due(self, value: object, sent: tuple[object, float] | None, now: float) -> bool:
        return sent is None or value != sent[0] or now - sent[1] >= self._repeat_s

    async def _publish_partial(
        self, client: BrokerClient, shards: dict[int, Counts], now: float
    ) -> None:
        self._seq += 1
        partial = Partial(self._boot, self._seq, shards)
        self._edges.post(self._edge, self.agent_id, partial, now)
        payload = encode_partial(partial, _epoch_ms(), self._edge)
        await self._send(client, PARTIAL.outgoing(payload, self._channel, self.agent_id))

    async def _publish_due_total(self, client: BrokerClient, room: Sum, now: float) -> None:
        table, least = self._table(room, now), self._least
        told = (table, room.edges) if least else room
        if self._is_due(told, self._sent_total, now):
            self._sent_total = (told, now)
            await self._publish_total(client, table, least, max(1, room.edges))

    def _table(self, room: Sum, now: float) -> Table:
        """What may be told of the room."""
        if not self._least:
            self._small_room = SmallRoom()
            return Table(sum(room.counts), room.counts)
        private = sum(self._edges.aside(self._live, now).private)
        return self._small_room.table(room.counts, self._least, private)

    @property
    def _least(self) -> int:
        """By the host's rules: how many viewers there must be for counts; 0: none."""
        return self._authority.rules.least if self._authority.rules else 0

    async def _publish_total(
        self, client: BrokerClient, table: Table, least: int, edges: int
    ) -> None:
        self._total_seq += 1
        numbers = self._boot, self._total_seq, _epoch_ms()
        present = table.viewers if least else 0
        payload = encode_total(*numbers, table.counts, edges, least=least, present=present)
        await self._send(client, TOTAL.outgoing(payload, self._channel))

    async def _publish_aside(
        self, client: BrokerClient, shards: Collection[int], now: float
    ) -> None:
        """Nothing where nothing is counted beside; once more when that ends."""
        asides = {
            shard: total_of(count(shard) for count in self._counters)
            for shard in (shards if self._counters else ())
        }
        before = self._sent_aside
        is_used = any(asides.values()) or (before is not None and any(before[0].values()))
        is_soon = before is not None and now - before[1] < ASIDE_EVERY_S
        if not is_used or is_soon or not self._is_due(asides, before, now):
            return
        self._sent_aside = (asides, now)
        self._seq += 1
        partial = AsidePartial(self._boot, self._seq, asides)
        self._edges.post_aside(self._edge, self.agent_id, partial, now)
        for part, payload in enumerate(encode_aside_partials(partial, _epoch_ms(), self._edge)):
            names = (self._channel, self.agent_id, str(part))
            await self._send(client, ASIDE_PARTIAL.outgoing(payload, *names))

    async def _publish_aside_total(self, client: BrokerClient, room: Sum, now: float) -> None:
        aside = self._edges.aside(self._live, now, self._ballot.asked)
        before = self._sent_aside_total
        if self._least:
            table, question = self._table(room, now), self._ballot.question
            aside = self._small_room.aside(aside, table, self._least, question)
        if aside.teams:
            teams = visible(aside.teams, room.counts, self._least or TEAM_LEAST)
            aside = replace(aside, teams=teams)
        is_used = aside or (before is not None and before[0])
        is_soon = before is not None and now - before[1] < ASIDE_EVERY_S
        if not is_used or is_soon or not self._is_due(aside, before, now):
            return
        self._sent_aside_total = (aside, now)
        self._total_seq += 1
        payload = encode_aside_total(self._boot, self._total_seq, _epoch_ms(), aside)
        await self._send(client, ASIDE_TOTAL.outgoing(payload, self._channel))

    async def _send(self, client: BrokerClient, message: Outgoing) -> None:
        self._told += 1
        await client.send(message)


def _epoch_ms() -> int:
    return int(time.time() * 1000)
