"""Announces rooms to a broker, except for those that another host has announced."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

from resonance_tui.errors import WireError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.client import BrokerClient
from resonance_tui.messaging.connection import ReconnectingConnection, checkpoint
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.protocol.events import RoomEvent
from resonance_tui.protocol.frames import encode_room
from resonance_tui.protocol.messages import ROOM_SETTINGS, decode
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import ABILITIES, RoomSettings

SETTLE_S = 0.2  # for announcements that crossed on their way
PROBE_EVERY_S = 10.0


class RoomAnnouncement:
    """The rooms of one host, on one connection after the other.

    `notify` is called once for each of them that another program hosts. Where two announce a room
    at the same moment, both receive both; the one whose message came last stays its host.
    """

    def __init__(
        self, channels: Sequence[str], notify: Callable[[str], object], host_id: str = ""
    ) -> None:
        """`host_id`: by which a host that reconnects knows its own rooms; by default a new one."""
        self.id = host_id or new_viewer_id()
        self.channels = list(dict.fromkeys(channels))
        self._notify = Listeners(notify)
        self._hosts: dict[str, str] = {}  # channel: who announced it, "" for an old program
        self._ours: set[str] = set()  # announced by us on this connection
        self._said: set[str] = set()
        self._totals: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def tell_totals(self, channels: Collection[str]) -> None:
        """In these of the rooms the broker lets viewers read totals alone from now on."""
        totals = frozenset(channels)
        if totals != self._totals:
            self._ours -= totals ^ self._totals
            self._totals = totals
            self._changed.set()

    def _settings(self, channel: str) -> RoomSettings:
        """Programs of before know no `totals`, and follow a total of more than `mesh_max`."""
        if channel not in self._totals:
            return RoomSettings(abilities=ABILITIES)
        return RoomSettings(abilities=ABILITIES, mesh_max=1, totals=True)

    def observe(self, topic: str, payload: bytes) -> None:
        """Takes any message, and ignores all but the settings of these rooms."""
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
            is_ours = event.host == self.id and event.settings == self._settings(event.channel)
            (self._ours.add if is_ours else self._ours.discard)(event.channel)
        self._changed.set()

    async def begin(self, client: BrokerClient) -> None:
        """On a new connection: announces free rooms. Raises MqttError, BrokerError."""
        self._hosts.clear()
        self._ours.clear()
        for _ in range(2):  # retained messages arrive before the second SUBACK
            for channel in self.channels:
                await client.follow(ROOM_SETTINGS.topic.of(channel), 1)
        await self._announce_all(client)

    async def run(self, client: BrokerClient) -> None:
        """Announces rooms that become free, until the connection is lost. Raises as `begin`."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(SETTLE_S)
            self._changed.clear()
            await self._announce_all(client)

    async def _announce_all(self, client: BrokerClient) -> None:
        for channel in self.channels:
            await self._announce(client, channel)

    async def _announce(self, client: BrokerClient, channel: str) -> None:
        host = self._hosts.get(channel)
        if host is not None and host != self.id:
            if channel not in self._said:
                self._said.add(channel)
                self._notify(f"{channel} has another host already; what that one set stays.")
        elif channel not in self._ours:
            self._ours.add(channel)
            self._said.discard(channel)
            payload = encode_room(self._settings(channel), self.id)
            await client.send(ROOM_SETTINGS.outgoing(payload, channel))
            client.check_taken(
                f"The broker does not let this user announce {channel}",
                "Ask for an account with the role host",
            )

    def closing_messages(self) -> list[Outgoing]:
        """Clears the rooms that we announced."""
        ours, self._ours = self._ours, set()
        held = [channel for channel in sorted(ours) if self._hosts.get(channel, self.id) == self.id]
        return [ROOM_SETTINGS.clearing(channel) for channel in held]


class RoomAnnouncer(ReconnectingConnection):
    """A host's connection to a broker that another program runs.

    It has no will: the broker would clear the room of another program that hosts it meanwhile.
    """

    def __init__(self, url: BrokerUrl, announcement: RoomAnnouncement) -> None:
        super().__init__(url, Inbox(), answer_timeout_s=5.0, will_delay_s=0)
        self._announcement = announcement
        self._name = f"rsn-host-{announcement.id}-{secrets.token_hex(3)}"

    def _identifier(self) -> str:
        return self._name

    def _will_topic(self) -> str | None:
        return None

    def _on_duplicate_id(self) -> None:
        """Cannot happen: the id is random."""

    def _on_arrival(
        self, topic: str, payload: bytes, is_retained: bool, left_s: int | None
    ) -> None:
        self._announcement.observe(topic, payload)

    async def _subscribe(self, client: BrokerClient) -> None:
        await self._announcement.begin(client)
        checkpoint()
        self._set_connected()

    def _tasks(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {"announce": self._announcement.run(client), "alive": self._keep_alive(client)}

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Subscribes again for the answer: a dead connection is noticed here."""
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            await client.follow(ROOM_SETTINGS.topic.of(self._announcement.channels[0]), 1)
            checkpoint()

    def _closing_messages(self) -> list[Outgoing]:
        return self._announcement.closing_messages()
