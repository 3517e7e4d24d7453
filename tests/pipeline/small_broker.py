"""The least of a broker: lets everybody in, acknowledges, and says whatever a test wants."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

CONNECT, PUBLISH, PUBACK, PUBREC, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = (
    *(1, 3, 4, 5, 8, 10, 12),
    14,
)


@dataclass
class SmallBroker:
    """`connack`: what follows its flags, for each attempt the next one; the last one again and
    again. `suback`: the code for each filter."""

    connack: list[bytes] = field(default_factory=list)
    suback: Callable[[str], int] = lambda _topic: 0
    port: int = 0
    got: list[tuple[int, bytes]] = field(default_factory=list)  # first byte and body
    lines: list[asyncio.StreamWriter] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    serving: list[asyncio.Task[Any]] = field(default_factory=list)
    welcomed: int = 0  # connections, probes apart
    version: int = 5  # the newest that it speaks

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def is_v5(self) -> bool:
        return self.version == 5

    def say(self, data: bytes) -> None:
        """To everybody that is connected."""
        for line in self.lines:
            line.write(data)

    def packets(self, kind: int) -> list[tuple[int, bytes]]:
        return [(first, body) for first, body in self.got if first >> 4 == kind]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving.append(task)
        self.writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first, body = await read_packet(reader)
                self.got.append((first, body))
                if first >> 4 == DISCONNECT:
                    break
                if first >> 4 == CONNECT:
                    self._welcome(body, writer)
                elif answer := self._answer(first, body):
                    writer.write(answer)
                await writer.drain()
        if writer in self.lines:
            self.lines.remove(writer)
        writer.close()

    def _welcome(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        if body[6] > self.version:
            writer.write(packet(0x20, b"\0\1"))
            return
        is_probe = int.from_bytes(body[8:10]) == 5  # seconds: what negotiation asks with
        says = b"\0\0" if self.is_v5 else b"\0"
        if self.connack and not is_probe:
            says = self.connack.pop(0) if len(self.connack) > 1 else self.connack[0]
        writer.write(packet(0x20, b"\0" + says))
        if says[0] == 0 and not is_probe:
            self.lines.append(writer)
            self.welcomed += 1

    def _answer(self, first: int, body: bytes) -> bytes:
        no_properties = b"\0" if self.is_v5 else b""
        match first >> 4:
            case 8:
                codes = bytes(self.suback(topic) for topic in filters(body, self.is_v5))
                return packet(0x90, body[:2] + no_properties + codes)
            case 10:
                count = len(filters(body, self.is_v5, options=0)) if self.is_v5 else 0
                return packet(0xB0, body[:2] + no_properties + bytes(count))
            case 3 if first & 6:
                at = 2 + int.from_bytes(body[:2])
                return packet(0x40, body[at : at + 2])
            case 12:
                return packet(0xD0, b"")
            case _:
                return b""


@contextlib.asynccontextmanager
async def small_broker(broker: SmallBroker | None = None) -> AsyncGenerator[SmallBroker]:
    broker = broker or SmallBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    async with server:
        yield broker
        for writer in broker.writers:
            writer.transport.abort()  # closing would wait for who reads no more
        await asyncio.gather(*broker.serving, return_exceptions=True)


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            return first, await reader.readexactly(size)


def filters(body: bytes, is_v5: bool, options: int = 1) -> list[str]:
    """The topics of a SUBSCRIBE; of an UNSUBSCRIBE with `options=0`."""
    at, found = 3 if is_v5 else 2, list[str]()
    while at < len(body):
        size = int.from_bytes(body[at : at + 2])
        found.append(body[at + 2 : at + 2 + size].decode())
        at += 2 + size + options
    return found


def varint(number: int) -> bytes:
    data = bytearray()
    while True:
        number, digit = divmod(number, 128)
        data.append(digit | (128 if number else 0))
        if not number:
            return bytes(data)


def packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + varint(len(body)) + body


def text(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def publication(
    topic: bytes, payload: bytes, *, qos: int = 0, packet_id: int = 1, properties: bytes | None
) -> bytes:
    """`properties`: None for MQTT 3.1.1."""
    body = text(topic) + (packet_id.to_bytes(2) if qos else b"")
    if properties is not None:
        body += varint(len(properties)) + properties
    return packet(0x30 | qos << 1, body + payload)
