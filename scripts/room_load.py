"""A room's load for bench_room: lines that report and hear each other, and when each was heard.

One process, one connection a viewer, MQTT 5 over bare asyncio, as `messaging/crowd.py` does it for
crowds that only speak. Who is heard by whom is told by numbers in the messages themselves, so both
ends of every latency are read from one clock.
"""

from __future__ import annotations

import asyncio
import random
import struct
import time
from array import array
from dataclasses import dataclass, field

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.events import TotalEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT, decode
from resonance_tui.protocol.packets import connack_code, connect_packet, publish
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.values import SIMULATED, Report

FIRST_SERIAL = 1 << 16  # below that, MessagePack writes fewer bytes
DIALLING, TICK_S = 24, 0.005
_PUBLISH, _SUBACK, _EXPIRY_S = 3, 9, 30
_unpack_serial = struct.Struct("!I").unpack


def subscribe(topic: str) -> bytes:
    """At QoS 0, without properties; for filters of up to 100 bytes."""
    name = topic.encode()
    body = struct.pack("!HBH", 1, 0, len(name)) + name + b"\0"
    return bytes([0x82, len(body)]) + body


@dataclass(slots=True)
class Said:
    """One report, and who has heard of it so far."""

    at: float  # seconds
    heard: int = 0
    last_at: float = 0.0


@dataclass(slots=True)
class Ledger:
    """What was said and when it was heard; cleared when the measurement begins."""

    peers: int
    said: dict[int, Said] = field(default_factory=dict)
    delays: array[float] = field(default_factory=lambda: array("d"))  # seconds, one a delivery
    deliveries: int = 0

    def clear(self) -> None:
        self.said.clear()
        self.delays = array("d")
        self.deliveries = 0

    def hear(self, serial: int, now: float) -> None:
        if (said := self.said.get(serial)) is not None:
            said.heard += 1
            said.last_at = now
            self.delays.append(now - said.at)

    @property
    def to_all(self) -> list[float]:
        """Seconds until every peer had it, of those reports that every peer has."""
        return [each.last_at - each.at for each in self.said.values() if each.heard >= self.peers]


class Viewer(asyncio.Protocol):
    """One line: greets, listens to one filter (or to nothing), counts what comes."""

    def __init__(self, ledger: Ledger, channel: str, follows: str, seen: dict[bytes, int]) -> None:
        self.topic = REPORT.topic.of(channel, viewer_id := new_viewer_id())
        self.is_lost = False
        self._id = viewer_id
        self._ledger = ledger
        self._follows = follows
        self._seen = seen  # totals: payload to how many probes are in it; the same for all lines
        self._level = 0
        self._rest = b""
        self._is_greeted = False
        self._transport: asyncio.Transport | None = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(30):
            await loop.create_connection(lambda: self, "127.0.0.1", port)
            await self._ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.write(connect_packet(5, f"rsn-{self._id}", keepalive_s=120))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if not self._ready.done():
            self._ready.set_exception(exc or ConnectionError("the broker hung up"))

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def begin_again(self) -> None:
        self._level = 0

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while at + 2 <= size:
            length, body = data[at + 1], at + 2
            if length & 0x80:
                if body >= size:
                    break
                length, body = (length & 0x7F) | data[body] << 7, body + 1
            if body + length > size:
                break
            self._packet(data, at, body, body + length, now)
            at = body + length
        self._rest = data[at:]

    def _packet(self, data: bytes, at: int, start: int, end: int, now: float) -> None:
        kind = data[at] >> 4
        if kind == _PUBLISH:
            self._ledger.deliveries += 1
            (self._report if self._follows.endswith("+") else self._total)(data, start, end, now)
        elif kind == _SUBACK or not self._follows:
            if not self._ready.done():
                self._ready.set_result(None)
        elif connack_code(data[at:end]) == 0:
            self.write(subscribe(self._follows))
        else:
            raise ConnectionError("the broker turned a line away")

    def _report(self, data: bytes, start: int, end: int, now: float) -> None:
        if end - start > 8:
            # The last bytes of a report: boot, then seq, code, confidence and flags, one each.
            self._ledger.hear(_unpack_serial(data[end - 8 : end - 4])[0], now)

    def _total(self, data: bytes, start: int, end: int, now: float) -> None:
        """A total in which the first n probes are heard tells of all n."""
        name = (data[start] << 8) + data[start + 1] + start + 2
        payload = data[name + 1 + data[name] : end]
        if (level := self._seen.get(payload)) is None:
            event = decode(data[start + 2 : name].decode(), payload)
            level = event.counts[Emotion.UNSURE] if isinstance(event, TotalEvent) else 0
            self._seen[payload] = level
        for probe in range(self._level + 1, level + 1):
            self._ledger.hear(probe, now)
        self._level = max(self._level, level)


class Load:
    """`viewers` lines in one channel; each follows `follows`, if that names anything."""

    def __init__(self, channel: str, viewers: int, follows: str) -> None:
        self.ledger = Ledger(viewers if follows else 0)
        seen: dict[bytes, int] = {}
        self.lines = [Viewer(self.ledger, channel, follows, seen) for _ in range(viewers)]
        self.reports = 0
        self._hears_reports = follows.endswith("+")
        self._serial = FIRST_SERIAL
        self._dice = random.Random(viewers)

    async def enter(self, port: int) -> None:
        """Everybody connects, a few at a time: Mosquitto's listen backlog holds 100."""
        waiting = list(self.lines)

        async def connect() -> None:
            while waiting:
                await waiting.pop().open(port)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(DIALLING):
                tasks.create_task(connect())
        for line in self.lines:
            self.report(line, Emotion.NEUTRAL)

    def report(self, line: Viewer, code: Emotion, probe: int | None = None) -> None:
        """`probe`: the number under which aggregators' totals will tell of it."""
        self._serial += 1
        report = Report(self._serial, 1, code, 50, SIMULATED)
        if probe is not None or self._hears_reports:
            self.ledger.said[self._serial if probe is None else probe] = Said(time.perf_counter())
        line.write(publish(5, line.topic, encode_report(report), _EXPIRY_S))
        self.reports += 1

    async def talk(self, seconds: float, every_s: float, *, without: int = 0) -> None:
        """Everybody but the first `without` reports once in `every_s`, each in its own rhythm."""
        lines = self.lines[without:]
        due = [(self._dice.uniform(0, every_s), line) for line in lines]
        due.sort(key=lambda pair: pair[0])
        began = time.perf_counter()
        position = lap = 0
        while (now := time.perf_counter() - began) < seconds and lines:
            while lap * every_s + due[position][0] <= now:
                self.report(due[position][1], Emotion(self._dice.randrange(7)))
                position += 1
                if position == len(due):
                    position, lap = 0, lap + 1
            await asyncio.sleep(TICK_S)

    async def probe(self, seconds: float, probes: int) -> None:
        """The first lines become unsure, one after the other and at odd moments: nobody else is,
        so a total says of how many of them it knows."""
        for line in self.lines[:probes]:
            self.report(line, Emotion.AWAY)
        await asyncio.sleep(1.5)
        self.ledger.clear()
        for line in self.lines:
            line.begin_again()
        for number, line in enumerate(self.lines[:probes], 1):
            await asyncio.sleep(self._dice.uniform(0.2, 1.8) * (seconds - 1.5) / probes)
            self.report(line, Emotion.UNSURE, number)

    def leave(self) -> None:
        for line in self.lines:
            line.close()
