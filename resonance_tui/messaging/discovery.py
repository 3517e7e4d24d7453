"""Lists the rooms of a broker with their numbers of viewers."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from aiomqtt import MqttError

from resonance_tui.errors import BrokerRefused, BrokerUnreachable
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.inbox import Inbox
from resonance_tui.messaging.probe import first_alive, negotiate_version
from resonance_tui.protocol.events import Event, ReportEvent, RoomEvent, TotalEvent
from resonance_tui.protocol.messages import REPORT, ROOM_SETTINGS, TOTAL
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark

_MAX_TOPICS = 50_000


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """One room of a broker."""

    channel: str
    viewers: int
    is_hosted: bool  # a host has announced it
    # Else the broker may remember who has gone, or not have told of everybody.
    is_sure: bool = True


async def list_channels(
    url: BrokerUrl, *, wait: float = 0.6, answer_timeout_s: float = 3.0
) -> list[ChannelInfo]:
    """The rooms of which the broker retains a message, the fullest first.

    `wait`: seconds to collect. Raises BrokerUnreachable or BrokerRefused.
    """
    inbox, kept = Inbox(_MAX_TOPICS), list[str]()

    def receive(topic: str, payload: bytes, is_retained: bool, _left_s: int | None) -> None:
        inbox.put(topic, payload, is_retained)
        if is_retained and not kept:
            kept.append(topic)

    url = await first_alive((url, *url.alternates), within_s=answer_timeout_s)
    async with broker_client(
        url,
        receive,
        identifier=f"rsn-{new_viewer_id()}",
        version=await negotiate_version(url, within_s=answer_timeout_s),
        answer_timeout_s=answer_timeout_s,
    ) as client:
        try:
            for topic in (ROOM_SETTINGS.topic.of("+"), TOTAL.topic.of("+")):
                await client.follow(topic, 0)
            with contextlib.suppress(BrokerRefused):  # who may read totals alone goes by them
                await client.follow(REPORT.topic.filter(channel="+"), 0)
        except MqttError:
            raise BrokerUnreachable(
                mark("the connection to {authority} was lost", authority=url.authority)
            ) from None
        await asyncio.sleep(wait)
        expires = client.traits.expires
    return _summary(inbox.drain(), is_sure=expires and bool(kept))


def _summary(events: list[Event], *, is_sure: bool) -> list[ChannelInfo]:
    """`is_sure`: what the broker retains was among them and holds, so that the sums do."""
    viewers: dict[str, int] = {}
    totals: dict[str, int] = {}
    hosted: set[str] = set()
    for event in events:
        match event:
            case ReportEvent():
                viewers[event.channel] = viewers.get(event.channel, 0) + 1
            case TotalEvent():
                totals[event.channel] = event.viewers
            case RoomEvent(settings=settings) if settings is not None:
                hosted.add(event.channel)
            case _:
                pass  # says nothing of who is there
    rooms = [
        ChannelInfo(name, count, name in hosted, count == 0 or is_sure)
        for name in viewers.keys() | totals.keys() | hosted
        for count in [max(viewers.get(name, 0), totals.get(name, 0))]
    ]
    return sorted(rooms, key=lambda room: (-room.viewers, room.channel))
