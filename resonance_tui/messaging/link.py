"""A viewer's line to a room: events in, own report out, and how the connection is."""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from resonance_tui.messaging.client import BrokerClient
from resonance_tui.messaging.connection import (
    LinkState,
    LinkStatus,
    ReconnectingConnection,
    checkpoint,
)
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.retained import (
    NICKNAME_EXPIRY_S,
    REPORT_EXPIRY_S,
    Outgoing,
    RetainedState,
)
from resonance_tui.protocol.messages import Event, RoomEvent, RoomSettings, TotalEvent
from resonance_tui.protocol.topics import (
    channel_filter,
    new_viewer_id,
    report_topic,
    room_topic,
    total_topic,
)
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room.state import Report

__all__ = ["Link", "LinkState", "LinkStatus", "MqttLink"]


class Link(Protocol):
    """What the session asks of a line to the room, whatever carries it."""

    status: LinkStatus
    wake: asyncio.Event  # set when something arrived or the status changed; the reader clears it

    @property
    def viewer_id(self) -> str:
        """Changes when a twin holds the same one."""
        ...

    async def run(self) -> None:
        """Connects, stays connected and reads until it is cancelled.

        Cancelling leaves in good order: own retained topics are cleared, within two seconds.
        Raises BrokerRefused when the first login is refused.
        """
        ...

    def publish_report(self, report: Report) -> None:
        """Makes this the state that others see. Latest wins; never blocks."""
        ...

    def publish_nickname(self, nickname: str) -> None:
        """Shows this name to others; "" takes it back."""
        ...

    def withdraw(self) -> None:
        """Stops sharing: report and nickname vanish. A later publish_report resumes."""
        ...

    def subscribe_all(self, wanted: bool) -> None:
        """Whether to hear each viewer's reports and name. Settings and total are always heard."""
        ...

    def set_heartbeat(self, seconds: float) -> None:
        """How often the own report is repeated."""
        ...

    def drain(self) -> list[Event]:
        """What arrived since the last call, newest per topic."""
        ...


class MqttLink(ReconnectingConnection):
    """A line to a room over an MQTT broker: version 5 where it can, 3.1.1 where it must.

    `publish_report` sends at once: how often one reports is the caller's choice. A watcher only
    (`observe_only`) hears the room and leaves no trace in it.
    """

    def __init__(
        self,
        url: BrokerUrl,
        channel: str,
        viewer_id: str,
        *,
        observe_only: bool = False,
        heartbeat_s: float = 10.0,
        connect_timeout: float = 5.0,
        will_delay_s: int = 5,
    ) -> None:
        super().__init__(url, Inbox(), answer_timeout_s=connect_timeout, will_delay_s=will_delay_s)
        self._channel = channel
        self._is_observer = observe_only
        self._is_personal = url.username == viewer_id  # the broker knows us by this id only
        self._line_id = f"-{secrets.token_hex(3)}"
        self._heartbeat_s = heartbeat_s
        self._outbox = RetainedState(channel, viewer_id)
        self._due = asyncio.Event()  # the outbox holds something
        self._wants_all = True
        self._subscribed_to_all = False  # on the connection of now
        self._retune = asyncio.Event()  # the two may differ
        self._repace = asyncio.Event()  # another heartbeat than the one that is waited for

    @property
    def viewer_id(self) -> str:
        return self._outbox.viewer_id

    def publish_report(self, report: Report) -> None:
        self._outbox.set_report(report)
        self._due.set()

    def publish_nickname(self, nickname: str) -> None:
        self._outbox.set_nickname(nickname)
        self._due.set()

    def withdraw(self) -> None:
        self._outbox.withdraw()
        self._due.set()

    def subscribe_all(self, wanted: bool) -> None:
        if wanted != self._wants_all:
            self._wants_all = wanted
            self._retune.set()

    def set_heartbeat(self, seconds: float) -> None:
        if seconds != self._heartbeat_s:
            self._heartbeat_s = seconds
            self._outbox.report_expiry_s = max(REPORT_EXPIRY_S, round(3 * seconds))
            self._repace.set()

    def drain(self) -> list[Event]:
        return self._inbox.drain()

    def _identifier(self) -> str:
        if self._is_observer:
            return f"rsn-{new_viewer_id()}"
        # An account may be in several rooms, and sit at two machines: one seat, several lines.
        return f"rsn-{self.viewer_id}{self._line_id if self._is_personal else ''}"

    def _will_topic(self) -> str | None:
        return None if self._is_observer else report_topic(self._channel, self.viewer_id)

    def _leave_duplicate_id(self) -> None:
        if not (self._is_observer or self._is_personal):
            self._outbox.move_to(new_viewer_id())
            self._notice = "another program uses your id in this room: you joined under a new one"

    async def _enter(self, client: BrokerClient) -> None:
        """The total comes first: in a large room one does not ask for everybody's report."""
        self._subscribed_to_all = False
        await client.follow(total_topic(self._channel), 0)
        await client.follow(room_topic(self._channel), 1)
        if not self._is_large():
            await self._tune(client)
        checkpoint()
        self._outbox.repeat_all()
        self._due.set()
        self._retune.set()
        self._is_connected()

    def _is_large(self) -> bool:
        """By what is kept at the broker. The session decides; this only spares the flood."""
        total = self._inbox.waits(total_topic(self._channel))
        room = self._inbox.waits(room_topic(self._channel))
        settings = room.settings if isinstance(room, RoomEvent) else None
        limit = (settings or RoomSettings()).mesh_max
        if not isinstance(total, TotalEvent) or (total.viewers <= limit and total.edges <= 1):
            return False
        self._wants_all = False
        return True

    async def _tune(self, client: BrokerClient) -> None:
        """Begins or ends to hear everybody."""
        topics = [channel_filter(self._channel, kind) for kind in ("r", "n")]
        if self._wants_all and not self._subscribed_to_all:
            for topic in topics:  # names at QoS 0, too: QoS 1 fills queues
                await client.follow(topic, 0)
            self._subscribed_to_all = True
        elif self._subscribed_to_all and not self._wants_all:
            await client.unsubscribe(topics)
            self._subscribed_to_all = False

    def _duties(self, client: BrokerClient) -> dict[str, Coroutine[Any, Any, None]]:
        return {
            "send": self._send(client),
            "alive": self._keep_alive(client),
            "tune": self._stay_tuned(client),
        }

    async def _send(self, client: BrokerClient) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            for message in self._outbox.take():
                await client.send(message)
                checkpoint()

    async def _stay_tuned(self, client: BrokerClient) -> None:
        while True:
            await self._retune.wait()
            self._retune.clear()
            await self._tune(client)
            checkpoint()

    async def _keep_alive(self, client: BrokerClient) -> None:
        """Repeats the report, and asks for an answer: a dead line shows in one heartbeat."""
        nickname_at = time.monotonic()
        while True:
            await self._until_beat()
            self._outbox.repeat()
            if time.monotonic() - nickname_at > NICKNAME_EXPIRY_S / 3:
                nickname_at = time.monotonic()
                self._outbox.repeat_all()
            self._due.set()
            # Subscribing again to a topic with one message is the cheapest question there is.
            await client.follow(room_topic(self._channel), 1)
            checkpoint()

    async def _until_beat(self) -> None:
        self._repace.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(0.8, 1.0) * self._heartbeat_s):
                await self._repace.wait()

    def _farewell(self) -> list[Outgoing]:
        return self._outbox.farewell()
