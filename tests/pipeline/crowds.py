"""For tests of large rooms: many viewers on one connection, aggregators, what was told."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from seats import publish, start_python

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.connection import checkpoint
from resonance_tui.protocol.frames import encode_report, encode_room
from resonance_tui.protocol.messages import REPORT, ROOM_SETTINGS, TOTAL
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Report, RoomSettings

CHANNEL = "arena"
QUICK = RoomSettings(tick_ms=50, heartbeat_s=2, ttl_s=5, mesh_max=20)


def settle(broker: Any, settings: RoomSettings = QUICK) -> None:
    """As the host does it: retained."""
    publish(broker, ROOM_SETTINGS.topic.of(CHANNEL), encode_room(settings), retain=True)


@dataclass
class Crowd:
    """Viewers who all speak through one connection and repeat themselves every second."""

    size: int
    ids: list[str] = field(default_factory=list)
    codes: list[Emotion] = field(default_factory=list)
    seq: int = 0
    client: BrokerClient | None = None

    def __post_init__(self) -> None:
        self.ids = [new_viewer_id() for _ in range(self.size)]
        self.codes = [Emotion(number % 9) for number in range(self.size)]

    @property
    def counts(self) -> tuple[int, ...]:
        """What a room of nobody else has to show."""
        return tuple(self.codes.count(code) for code in Emotion)

    async def tell(self) -> None:
        """Everybody once."""
        assert self.client is not None
        self.seq += 1
        for viewer_id, code in zip(self.ids, self.codes, strict=True):
            payload = encode_report(Report(1, self.seq, code, 50))
            await self.client.send(Outgoing(REPORT.topic.of(CHANNEL, viewer_id), payload, 0, 30))

    async def _repeat(self) -> None:
        while True:
            await self.tell()
            checkpoint()
            await asyncio.sleep(1.0)


@contextlib.asynccontextmanager
async def crowd(broker: Any, size: int) -> AsyncIterator[Crowd]:
    """`size` viewers for the length of the block; at its end they just fall silent."""
    people = Crowd(size)
    url = parse_broker_url(broker.url)
    async with broker_client(url, lambda *_: None, identifier="crowd", version=5) as people.client:
        repeating = asyncio.create_task(people._repeat())
        try:
            yield people
        finally:
            repeating.cancel()
            await asyncio.wait([repeating])


@contextlib.asynccontextmanager
async def aggregating(*aggregators: Aggregator) -> AsyncIterator[None]:
    runs = [asyncio.create_task(each.run()) for each in aggregators]
    try:
        yield
    finally:
        for run in runs:
            run.cancel()
        await asyncio.gather(*runs, return_exceptions=True)


def aggregator(broker: Any, agent_id: str = "", **options: Any) -> Aggregator:
    return Aggregator(parse_broker_url(broker.url), CHANNEL, agent_id, **options)


AGGREGATOR = f"""
import asyncio, sys
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.protocol.urls import parse_broker_url
Aggregator.keepalive_s = 2  # the broker misses a frozen one sooner
asyncio.run(Aggregator(parse_broker_url(sys.argv[1]), "{CHANNEL}", sys.argv[2]).run())
"""


def start_aggregator(broker: Any, agent_id: str) -> subprocess.Popen[bytes]:
    """One that can be killed."""
    return start_python(AGGREGATOR, broker.url, agent_id)


class Ledger:
    """Every total that was told, with the time."""

    def __init__(self) -> None:
        self.totals: list[tuple[float, tuple[int, ...]]] = []

    def put(self, topic: str, payload: bytes, *_: object) -> None:
        from resonance_tui.protocol.events import TotalEvent
        from resonance_tui.protocol.messages import decode

        event = decode(topic, payload)
        if isinstance(event, TotalEvent):
            self.totals.append((time.monotonic(), event.counts))

    @property
    def last(self) -> tuple[int, ...]:
        return self.totals[-1][1] if self.totals else ()

    def since(self, at: float) -> list[tuple[int, ...]]:
        return [counts for told_at, counts in self.totals if told_at >= at]


@contextlib.asynccontextmanager
async def ledger(broker: Any) -> AsyncIterator[Ledger]:

    book = Ledger()
    url = parse_broker_url(broker.url)
    async with broker_client(url, book.put, identifier="book", version=5) as client:
        await client.follow(TOTAL.topic.of(CHANNEL), 0)
        yield book
