"""Whether a subscription with a wildcard brings what the broker retains: asked once a broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from aiomqtt import MqttError

from resonance_tui.errors import BrokerRefused, BrokerUnreachable, WireError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.events import HostKeyEvent
from resonance_tui.protocol.frames import encode_nickname
from resonance_tui.protocol.messages import (
    AGENT,
    HOST_KEY,
    NICKNAME,
    REPORT,
    RULES,
    TABLE,
    decode,
)
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import ANY, host_rules_id, new_viewer_id
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl

WILDCARD_WITHIN_S = 0.3  # after its SUBACK; brokers send what is retained with it
EXACT_WITHIN_S = 1.0
MOST_KEYS = 8  # in one connection; anybody can show keys on an open broker
_LENT_EXPIRY_S = 60  # of what is published for the question alone
_BY_WILDCARD = (REPORT, NICKNAME, AGENT)  # to these nobody subscribes by their exact topic

found: dict[str, bool] = {}  # by place, as long as this process runs


class Retention:
    """One connection's view of it. What one finds out is believed by all later ones to that
    address, until they find out otherwise: another broker may have taken its place.

    `take` looks at all that arrives: a retained message that only a wildcard can have brought is
    an answer at once. Otherwise `ask` publishes, and subscribes to it in both ways. `own_topic`:
    one that is subscribed to by its full name, too, and so tells nothing.
    """

    own_topic = ""

    def __init__(
        self, place: str, traits: BrokerTraits, on_found: Callable[[], object] = lambda: None
    ) -> None:
        self._place = place
        self._on_found = Listeners(on_found)
        self._asked = ""  # the topic that the question is, or was, about
        self._is_asking = False
        self._is_done = False  # as much is known as can be found out
        self._has_seen = False  # what a wildcard brought on this connection
        self._answers = 0
        self._changed = asyncio.Event()
        self.lent: Outgoing | None = None  # what clears a message that is there for the question
        self._retains = traits.retains

    def take(self, topic: str, is_retained: bool) -> bool:
        """Whether the message is one for the room; what answers our question is none."""
        if not is_retained:
            return True
        if topic == self._asked:
            self._answers += self._is_asking
            self._changed.set()
            return not self._is_asking
        is_news = not (self.brings and self._has_seen) and topic != self.own_topic
        if is_news and TABLE.find(topic) in _BY_WILDCARD:
            self._find(True)
        return True

    @property
    def brings(self) -> bool | None:
        """None: not known yet. A broker that retains nothing brings nothing."""
        return found.get(self._place) if self._retains else False

    @property
    def known(self) -> bool | None:
        """As `brings`, and None where the answer may be another broker's."""
        return None if self.is_open else self.brings

    @property
    def is_open(self) -> bool:
        """Whether it is to be asked on this connection. Who wrongly takes a broker for one that
        brings something would take part of a room for all of it; the other error ends by itself."""
        return self.brings is None or (self.brings and not self._has_seen)

    @property
    def is_lacking(self) -> bool:
        """Whether newcomers have to be told what a wildcard would bring elsewhere."""
        return self.brings is False or (self._is_done and not self.brings)

    def done(self) -> None:
        """Nothing more can be asked. What arrives may still answer."""
        self._is_done = True
        self._on_found()

    def _find(self, brings: bool) -> None:
        found[self._place], self._has_seen = brings, brings
        self._changed.set()
        self._on_found()

    async def ask(self, client: BrokerClient, topic: str) -> None:
        """About `topic`, under which the broker has just been given something to retain, and which
        nobody else's message matches but for its last level but one. Where nothing is brought
        either way, nothing is known. Raises MqttError."""
        self._asked, self._answers, self._is_asking = topic, 0, True
        try:
            with contextlib.suppress(BrokerRefused):
                await self._subscribe_in_both_ways(client, topic)
        finally:
            self._is_asking = False

    async def _subscribe_in_both_ways(self, client: BrokerClient, topic: str) -> None:
        wildcard = _wildcard_for(topic)
        await client.follow(wildcard, 0)
        answers = await self._answered(1, WILDCARD_WITHIN_S)
        if self.is_open and not answers:
            await client.follow(topic, 0)
            answers = await self._answered(1, EXACT_WITHIN_S)
            if answers == 1:  # a slow broker's to the wildcard may still be on its way
                answers = await self._answered(2, WILDCARD_WITHIN_S)
            if self.is_open and answers == 1:
                self._find(False)
            await client.unsubscribe([topic])
        if self.is_open and answers:
            self._find(True)
        await client.unsubscribe([wildcard])

    async def ask_under_another_id(self, client: BrokerClient, channel: str) -> None:
        """With a nickname of nobody: without a report nobody shows it. Raises MqttError."""
        stranger = new_viewer_id()
        self.lent = NICKNAME.clearing(channel, stranger)
        payload = encode_nickname("?")
        await client.send(NICKNAME.outgoing(payload, channel, stranger, expiry_s=_LENT_EXPIRY_S))
        if not client.was_refused:
            topic = NICKNAME.topic.of(channel, stranger)
            await self.ask(client, topic)
        await client.send(self.lent)
        self.lent = None

    async def _answered(self, times: int, within_s: float) -> int:
        """How often it was answered, once it was so often, or is known by other means."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.is_open and self._answers < times:
                    self._changed.clear()
                    await self._changed.wait()
        return self._answers


async def fetch(client: BrokerClient, topic: str) -> None:
    """What is retained there, and nothing twice of what follows: a wildcard brings that. Raises
    MqttError; where access rules deny it, nothing comes."""
    with contextlib.suppress(BrokerRefused):
        await client.follow(topic, 1)
        await client.unsubscribe([topic])


class HostsRules:
    """The topic where a room's host shows its rules to newcomers whom a wildcard brings nothing:
    it follows from the room's key."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._key_topic = HOST_KEY.topic.of(channel)
        self._wanted = self._fetched = ""
        self._turns = 0

    def begin(self) -> None:
        """On a new connection."""
        self._fetched, self._turns = "", 0

    def hear(self, topic: str, payload: bytes) -> bool:
        """Looks at any message; whether it names a topic that was not fetched yet."""
        if topic != self._key_topic or not payload:
            return False
        with contextlib.suppress(WireError):
            event = decode(topic, payload)
            if isinstance(event, HostKeyEvent) and event.key is not None:
                self._wanted = RULES.topic.of(self._channel, host_rules_id(event.key))
        return self._wanted != self._fetched

    async def fetch(self, client: BrokerClient) -> None:
        """Raises MqttError."""
        if self._wanted != self._fetched and self._turns < MOST_KEYS:
            self._fetched = self._wanted
            self._turns += 1
            await fetch(client, self._fetched)


async def find_traits(url: BrokerUrl, *, within_s: float = 5.0) -> BrokerTraits:
    """Those of a broker, found out by a connection of its own. Raises BrokerError."""
    arrived: list[Retention] = []

    def receive(topic: str, _: bytes, is_retained: bool, _left_s: int | None) -> None:
        for each in arrived:
            each.take(topic, is_retained)

    version = await negotiate_version(url, within_s=within_s)
    name = f"rsn-{new_viewer_id()}"
    async with broker_client(
        url, receive, identifier=name, version=version, answer_timeout_s=within_s
    ) as client:
        arrived.append(retention := Retention(url.place, client.traits))
        try:
            if retention.is_open:
                await retention.ask_under_another_id(client, new_viewer_id())
        except MqttError:
            raise BrokerUnreachable(f"the connection to {url.authority} was lost") from None
        return replace(client.traits, brings_retained=retention.brings)


def _wildcard_for(topic: str) -> str:
    *levels, _, name = topic.split("/")
    return "/".join((*levels, ANY, name))
