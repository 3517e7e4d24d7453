"""A room as a third party counts it: from its reports, or from the total where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass

from aiomqtt import MqttError

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused, BrokerUnreachable
from resonance_tui.messaging.client import BrokerClient, broker_client, follow_rules
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.protocol.events import (
    Event,
    HostKeyEvent,
    LeaveEvent,
    ReportEvent,
    RulesEvent,
    TotalEvent,
    TotalOverEvent,
)
from resonance_tui.protocol.messages import REPORT, SWEEP, TOTAL
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.room.authority import Authority, certificate_print
from resonance_tui.room.conduct import conduct_of
from resonance_tui.room.state import RoomState

_LISTEN_FOR_A_TOTAL_S = 1.0  # a retained one comes at once, a live one within its tick
_LISTEN_FOR_A_LIVE_ONE_S = 3.0  # where the broker keeps totals for ever
_TOTAL_HOLDS_S = 10.0
_TICK_S = 0.2
_ALIVE_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class RoomView:
    """The room as the observer counts it."""

    source: str = "nobody"  # "mesh", "total", or "nobody" as long as nothing was heard
    viewers: int = 0
    counts: tuple[int, ...] = (0,) * len(Emotion)  # nine, in the order of `Emotion`
    heard: int = 0  # reports that came in, in a mesh; 0 where only totals are heard


class RoomObserver:
    """Follows a room without being in it, whatever its size: it remembers `most` viewers.

    `host_print`: the fingerprint of the room's key, whose rules it obeys.
    """

    def __init__(
        self, url: BrokerUrl, channel: str, most: int, *, host_print: str | None = None
    ) -> None:
        self._url = url
        self._channel = channel
        self._inbox = Inbox(max_topics=2 * most)
        self._room = RoomState(max_viewers=most)
        self._authority = Authority(
            channel, host_print=host_print, spki_print=certificate_print(url.pin)
        )
        self._total: TotalEvent | None = None
        self._has_old_total = False
        self._total_at = 0.0  # monotonic seconds
        self._heard = 0
        self._expires = True  # retained messages; where not, they are rumours
        self._in_mesh = False
        self.listens = asyncio.Event()  # from then on everything that is sent is heard

    def view(self) -> RoomView:
        """As of now."""
        now = time.monotonic()
        for event in self._inbox.drain():
            self._apply(event, now)
        self._room.obey(conduct_of(self._authority.look(now, time.time())))
        if self._total is not None and now - self._total_at < _TOTAL_HOLDS_S:
            return RoomView("total", self._total.viewers, tuple(self._total.counts), self._heard)
        if not self._in_mesh:
            return RoomView()
        room = self._room.tick(now)
        counts = RoomCounts(room.counts, room.unsure, room.away).nine
        return RoomView("mesh", room.viewers, counts, self._heard)

    async def run(self, version: int) -> None:
        """Until cancelled. Raises BrokerRefused and BrokerUnreachable, also when it is lost."""
        self._expires = version >= 5
        async with broker_client(
            self._url, self._on_arrival, identifier=f"rsn-{new_viewer_id()}", version=version
        ) as client:
            try:
                await self._follow(client)
                while True:
                    await asyncio.sleep(_ALIVE_EVERY_S)
                    await client.follow(
                        TOTAL.topic.of(self._channel), 0
                    )  # raises on a dead connection
            except MqttError as error:
                where = self._url.public
                raise BrokerUnreachable(f"The connection to {where} was lost: {error}") from error

    async def _follow(self, client: BrokerClient) -> None:
        """Reports are only subscribed to where there is no total: the room may be large."""
        await client.follow(TOTAL.topic.of(self._channel), 0)
        await follow_rules(client, self._channel)
        began = time.monotonic()
        while self.view().source != "total":
            wait = _LISTEN_FOR_A_LIVE_ONE_S if self._has_old_total else _LISTEN_FOR_A_TOTAL_S
            if time.monotonic() - began >= wait:
                break
            await asyncio.sleep(_TICK_S)
        if self.view().source != "total":
            if not client.is_v5:
                with contextlib.suppress(BrokerRefused):  # rules made before there were sweeps
                    await client.follow(SWEEP.topic.of(self._channel, "+"), 1)
            await client.follow(REPORT.topic.filter(channel=self._channel), 0)
            self._in_mesh = True
        self.listens.set()

    def _on_arrival(self, topic: str, payload: bytes, is_retained: bool) -> None:
        self._heard += bool(payload) and "/r/" in topic
        self._inbox.put(topic, payload, is_retained, time.monotonic())

    def _apply(self, event: Event, now: float) -> None:
        match event:
            case ReportEvent(is_retained=True) if not self._expires:
                self._room.rumour(event.viewer_id, event.report, now)
            case ReportEvent():
                self._room.report(event.viewer_id, event.report, now)
            case LeaveEvent():
                self._room.leave(event.viewer_id, now, is_swept=event.is_swept)
            case HostKeyEvent() | RulesEvent():
                self._authority.take(event, now)
            case TotalEvent(is_retained=True) if not self._expires:
                self._has_old_total = True
            case TotalEvent():
                self._total, self._total_at = event, now
            case TotalOverEvent():
                self._total = None
            case _:
                return
