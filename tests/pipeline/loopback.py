"""A room inside one process: the link without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.messaging.retained import RetainedState
from resonance_tui.protocol.events import Event
from resonance_tui.protocol.questions import Answer
from resonance_tui.protocol.rules import SignedRules
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import ROOT
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import Report


class LoopbackHub:
    """Stands in for the broker: keeps what is retained and passes every message to every link."""

    def __init__(self) -> None:
        self._retained: dict[str, bytes] = {}
        self._links: list[LoopbackLink] = []
        self._is_up = True

    def attach(self, link: LoopbackLink) -> None:
        self._links.append(link)
        if self._is_up:
            self._welcome(link)

    def detach(self, link: LoopbackLink) -> None:
        self._links.remove(link)
        link.is_attached = False

    def _welcome(self, link: LoopbackLink) -> None:
        link.is_attached = True
        link.set_status(LinkState.CONNECTED)
        for topic, payload in self._retained.items():
            link.receive(topic, payload)

    def cut(self) -> None:
        """As if the broker had died: everybody is lost, and what was retained with it."""
        self._is_up = False
        self._retained.clear()
        for link in self._links:
            link.is_attached = False
            link.set_status(LinkState.LOST, "the loopback was cut")

    def restore(self) -> None:
        self._is_up = True
        for link in self._links:
            self._welcome(link)
        for link in self._links:
            link.resend()

    def carry(self, message: Outgoing) -> None:
        """Keeps a retained message and hands it to every link, the sender's own included."""
        self._retained.pop(message.topic, None)
        if message.retain and message.payload:
            self._retained[message.topic] = message.payload
        for link in self._links:
            link.receive(message.topic, message.payload)


class LoopbackLink:
    """Speaks the same frames as the real one, so nothing passes here that MQTT would not carry."""

    def __init__(self, hub: LoopbackHub, channel: str, viewer_id: str) -> None:
        self.status = LinkStatus(LinkState.CONNECTING)
        self.traits = BrokerTraits(expires=True, brings_retained=True)
        self.wake = asyncio.Event()
        self.is_attached = False
        self.refused = frozenset[str]()
        self._hub = hub
        self._channel = channel
        self._inbox = Inbox()
        self._outbox = RetainedState(channel, viewer_id)

    @property
    def asked_at(self) -> float | None:
        """The hub answers at once."""
        return None

    def check_line(self, wanted: bool) -> None:
        """It is always there."""

    @property
    def viewer_id(self) -> str:
        return self._outbox.viewer_id

    async def run(self) -> None:
        self._hub.attach(self)
        self._flush()
        try:
            await asyncio.Event().wait()
        finally:
            self.withdraw()
            self._hub.detach(self)
            self.set_status(LinkState.CLOSED)

    def set_status(self, state: LinkState, detail: str = "") -> None:
        self.status = LinkStatus(state, detail)
        self.wake.set()

    def receive(self, topic: str, payload: bytes) -> None:
        if self.is_attached and topic.startswith(f"{ROOT}/{self._channel}/"):
            self._inbox.put(topic, payload)
            self.wake.set()

    def publish_report(self, report: Report) -> None:
        self._outbox.set_report(report)
        self._flush()

    def publish_nickname(self, nickname: str) -> None:
        self._outbox.set_nickname(nickname)
        self._flush()

    def publish_answer(self, answer: Answer) -> None:
        self._outbox.set_answer(answer)
        self._flush()

    def publish_rules(self, signed: SignedRules) -> None:
        self._outbox.set_rules(signed)
        self._flush()

    def withdraw(self) -> None:
        self._outbox.withdraw()
        self._flush()

    def tidy(self, messages: Sequence[Outgoing]) -> None:
        """Nothing is left behind here."""

    def send_once(self, message: Outgoing) -> None:
        if self.is_attached:
            self._hub.carry(message)

    def follow_reactions(self, wanted: bool) -> None:
        """Within one process there is nothing to spare: all is heard."""

    def subscribe_all(self, wanted: bool) -> None:
        """Within one process there is nothing to spare: all is heard."""

    def set_heartbeat(self, seconds: float) -> None:
        """Nothing gets lost here, so nothing is repeated."""

    def call_roll(self) -> None:
        """Nobody is remembered here who is gone."""

    def hurry(self) -> None:
        """The hub restores every link by itself."""

    def turn_to(self, url: BrokerUrl) -> None:
        """There is one hub."""

    @property
    def place(self) -> str:
        return "loopback"

    def resend(self) -> None:
        self._outbox.repeat_all()
        self._flush()

    def drain(self) -> list[Event]:
        return self._inbox.drain()

    def _flush(self) -> None:
        if self.is_attached:
            for message in self._outbox.take():
                self._hub.carry(message)
