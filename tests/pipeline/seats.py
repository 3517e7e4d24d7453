"""Viewers for tests: a link together with the room it sees, and a line one can cut."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from children import start_child
from limits import until
from loopback import LoopbackLink

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.events import LeaveEvent, NicknameEvent, ReportEvent
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Report
from resonance_tui.room.state import RoomSnapshot, RoomState

REPOSITORY = Path(__file__).resolve().parents[2]
CHANNEL = "cinema"
HAPPY = Report(boot=1_790_000_000, seq=1, code=Emotion.HAPPINESS, confidence=83)
SAD = replace(HAPPY, seq=2, code=Emotion.SADNESS)


class Seat:
    """A link with the room that it sees."""

    def __init__(
        self, broker: Any, viewer_id: str = "", *, channel: str = CHANNEL, **options: Any
    ) -> None:
        options = {"heartbeat_s": 0.5, "will_delay_s": 1} | options
        url = parse_broker_url(broker if isinstance(broker, str) else broker.url)
        self.link = MqttLink(url, channel, viewer_id or new_viewer_id(), **options)
        self.room = RoomState(ttl=30, stale_after=15)
        self.statuses: list[LinkState] = []

    def look(self) -> RoomSnapshot:
        now = time.monotonic()
        for event in self.link.drain():
            match event:
                case ReportEvent():
                    self.room.report(event.viewer_id, event.report, now)
                case NicknameEvent():
                    self.room.name(event.viewer_id, event.nickname, now)
                case LeaveEvent():
                    self.room.leave(event.viewer_id, now)
        if not self.statuses or self.statuses[-1] is not self.link.status.state:
            self.statuses.append(self.link.status.state)
        return self.room.tick(now)

    @property
    def is_connected(self) -> bool:
        return self.link.status.state is LinkState.CONNECTED


@contextlib.asynccontextmanager
async def seated(*seats: Seat | LoopbackLink, connect: bool = True) -> AsyncIterator[None]:
    links = [seat.link if isinstance(seat, Seat) else seat for seat in seats]
    runs = [asyncio.create_task(link.run()) for link in links]
    try:
        if connect:
            await until(lambda: all(each.status.state is LinkState.CONNECTED for each in links))
        yield
    finally:
        for run in runs:
            run.cancel()
        ends = await asyncio.gather(*runs, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
    assert all(link.status.state is LinkState.CLOSED for link in links)


def rows(seat: Seat) -> dict[str, tuple[str, Emotion]]:
    return {row.viewer_id: (row.nickname, row.code) for row in seat.look().rows}


def start_python(script: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Another process that runs this text, in the repository."""
    return start_child(
        [sys.executable, "-c", script, *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE
    )


def publish(broker: Any, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """Through the plainest client there is, so that ours is not its own witness."""
    import paho.mqtt.publish

    paho.mqtt.publish.single(
        topic, payload, qos=1, retain=retain, hostname=broker.host, port=broker.port
    )


class Cable:
    """A line to the broker that a test can cut, as when somebody trips over it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: list[asyncio.StreamWriter] = []
        self.url = ""
        self.dials = 0  # connections that were asked for
        self.is_cut = False  # who dials is hung up on
        self.is_blind = False  # connections stay open, and nothing comes through

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dials += 1
        if self.is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends += [writer, far_writer]
        with contextlib.suppress(OSError):
            await asyncio.gather(self._pour(reader, far_writer), self._pour(far_reader, writer))

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            if not self.is_blind:
                writer.write(data)
        if not self.is_blind:
            writer.close()

    def cut(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()


@contextlib.asynccontextmanager
async def cable(port: int) -> AsyncIterator[Cable]:
    line = Cable(port)
    server = await asyncio.start_server(line.carry, "127.0.0.1", 0)
    line.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield line
        line.cut()
