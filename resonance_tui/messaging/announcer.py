"""Announces rooms, and leaves those alone that another host has announced."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from resonance_tui.errors import BrokerRefused, WireError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.messaging.connection import ReconnectingConnection, checkpoint
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.retained import Outgoing
from resonance_tui.protocol.messages import RoomEvent, RoomSettings, decode, encode_room
from resonance_tui.protocol.topics import new_viewer_id, room_topic
from resonance_tui.protocol.urls import BrokerUrl

SETTLE_S = 0.2  # for announcements that crossed
ASK_EVERY_S = 10.0


class RoomAnnouncement:
    """The rooms of one host, on one connection after the other.

    `say` is told, once each, which of them somebody else hosts. Where two announce a room at the
    same moment, both hear both, and the one that the broker heard last stays its host.
    """

    def __init__(
        self, channels: Sequence[str], say: Callable[[str], object], host_id: str = ""
    ) -> None:
        """`host_id`: by which a host that comes back knows its own rooms; else a new one."""
        self.id = host_id or new_viewer_id()
        self.channels = list(dict.fromkeys(channels))
        self._say = Listeners(say)
        self._hosts: dict[str, str] = {}  # channel: who announced it, "" for an old program
        self._ours: set[str] = set()  # announced by us on this connection
        self._told: set[str] = set()
        self._news = asyncio.Event()

    def observe(self, topic: str, payload: bytes) -> None:
        """Takes any message; what is no room of ours is passed over."""
        try:
            event = decode(topic, payload)
        except WireError:
            return
        if not isinstance(event, RoomEvent) or event.channel not in self.channels:
            return
        if event.settings is None:
            self._hosts.pop(event.channel, None)
            self._ours.discard(event.channel)
        else:
            self._hosts[event.channel] = event.host
            (self._ours.add if event.host == self.id else self._ours.discard)(event.channel)
        self._news.set()

    async def begin(self, client: BrokerClient) -> None:
        """On a new connection: announce what is free. Raises MqttError, BrokerRefused."""
        self._hosts.clear()
        self._ours.clear()
        for _ in range(2):  # what a broker keeps comes before its second answer
            for channel in self.channels:
                await client.follow(room_topic(channel), 1)
        await self._announce_all(client)

    async def run(self, client: BrokerClient) -> None:
        """Announce what becomes free, until the connection is lost. Raises as `begin` does."""
        while True:
            await self._news.wait()
            await asyncio.sleep(SETTLE_S)
            self._news.clear()
            await self._announce_all(client)

    async def _announce_all(self, client: BrokerClient) -> None:
        for channel in self.channels:
            await self._announce(client, channel)

    async def _announce(self, client: BrokerClient, channel: str) -> None:
        host = self._hosts.get(channel)
        if host is not None and host != self.id:
            if channel not in self._told:
                self._told.add(channel)
                self._say(f"{channel} has another host already; what that one set stays.")
        elif channel not in self._ours:
            self._ours.add(channel)
            self._told.discard(channel)
            payload = encode_room(RoomSettings(), self.id)
            await client.send(Outgoing(room_topic(channel), payload, 1))
            if client.was_refused:
                raise BrokerRefused(
                    f"The broker does not let this user announce {channel}",
                    "Ask for an account with the role host",
                )

    def farewell(self) -> list[Outgoing]:
        """Takes back what we announced."""
        ours, self._ours = self._ours, set()
        held = [channel for channel in sorted(ours) if self._hosts.get(channel, self.id) == self.id]
        return [Outgoing(room_topic(channel), b"", 1) for channel in held]


class RoomAnnouncer(ReconnectingConnection):
    """A host's line to a broker that somebody else runs.

    It has no will: the broker would clear the room for whoever hosts it by then.
    """

    def __init__(self, url: BrokerUrl, hosting: RoomAnnouncement) -> None:
        super().__init__(url, Inbox(), answer_timeout_s=5.0, will_delay_s=0)
        self._hosting = hosting
        self._name = f"rsn-host-{hosting.id}-{secrets.token_hex(3)}"

    def _identifier(self) -> str:
        return self._name

    def _will_topic(self) -> str | None:
        return None

    def _leave_duplicate_id(self) -> None:
        """Nobody else has that name."""

    def _on_arrival(self, topic: str, payload: bytes) -> None:
        self._hosting.observe(topic, payload)

    async def _enter(self, client: BrokerClient) -> None:
        await self._hosting.begin(client)
        checkpoint()
        self._is_connected()

    def _duties(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {"host": self._hosting.run(client), "alive": self._keep_alive(client)}

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Asks for an answer: a dead line shows here."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            await client.follow(room_topic(self._hosting.channels[0]), 1)
            checkpoint()

    def _farewell(self) -> list[Outgoing]:
        return self._hosting.farewell()
