"""Announces rooms, and leaves those alone that another host has announced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from resonance_tui.errors import WireError
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.messaging.outbox import Outgoing
from resonance_tui.messaging.wire import (
    RoomEvent,
    RoomSettings,
    decode,
    encode_room,
    new_viewer_id,
    room_topic,
)

SETTLE_S = 0.2  # for announcements that crossed


class Hosting:
    """The rooms of one host, on one connection after the other.

    `say` is told, once each, which of them somebody else hosts. Where two announce a room at the
    same moment, both hear both, and the one that the broker heard last stays its host.
    """

    def __init__(self, channels: Sequence[str], say: Callable[[str], object]) -> None:
        self.id = new_viewer_id()
        self._channels = list(dict.fromkeys(channels))
        self._say = say
        self._hosts: dict[str, str] = {}  # channel: who announced it, "" for an old program
        self._ours: set[str] = set()  # announced by us on this connection
        self._told: set[str] = set()
        self._news = asyncio.Event()

    def hear(self, topic: str, payload: bytes) -> None:
        """Takes any message; what is no room of ours is passed over."""
        try:
            event = decode(topic, payload)
        except WireError:
            return
        if not isinstance(event, RoomEvent) or event.channel not in self._channels:
            return
        if event.settings is None:
            self._hosts.pop(event.channel, None)
            self._ours.discard(event.channel)
        else:
            self._hosts[event.channel] = event.host
            (self._ours.add if event.host == self.id else self._ours.discard)(event.channel)
        self._news.set()

    async def run(self, client: BrokerClient) -> None:
        """Announce what is free, and what becomes free, until the connection is lost.

        Raises MqttError, BrokerRefused.
        """
        self._hosts.clear()
        self._ours.clear()
        for _ in range(2):  # what a broker keeps comes before its second answer
            for channel in self._channels:
                await client.follow(room_topic(channel), 1)
        while True:
            self._news.clear()
            for channel in self._channels:
                await self._announce(client, channel)
            await self._news.wait()
            await asyncio.sleep(SETTLE_S)

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

    async def leave(self, client: BrokerClient) -> None:
        """Takes back what we announced. Raises MqttError."""
        ours, self._ours = self._ours, set()
        for channel in sorted(ours):
            if self._hosts.get(channel, self.id) == self.id:
                await client.send(Outgoing(room_topic(channel), b"", 1))
