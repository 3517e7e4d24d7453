"""A room that is served on loopback, and clients that speak HTTP byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from limits import patience, within
from machine import free_port

from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot
from resonance_tui.serving.feed import Feed
from resonance_tui.serving.server import Server, ServerOptions
from resonance_tui.serving.sockets import listen
from resonance_tui.session.events import HappeningUpdate, LinkUpdate, RoomUpdate, SessionEvent


def room_of(*counts: int) -> RoomSnapshot:
    from dataclasses import replace

    seven = (*counts, *(0,) * (7 - len(counts)))
    return replace(EMPTY_ROOM, viewers=sum(seven), counts=seven, is_counting=False)


@dataclass
class Served:
    """A feed, and the server that is running for it."""

    feed: Feed
    server: Server
    port: int
    at: float = field(default_factory=time.time)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, event: SessionEvent) -> None:
        self.feed.take(event, time.monotonic())

    def connect(self) -> None:
        self.take(LinkUpdate(self.at, LinkStatus(LinkState.CONNECTED)))

    def room(self, *counts: int, t: float | None = None) -> None:
        self.take(RoomUpdate(time.time() if t is None else t, room_of(*counts)))

    def laugh(self, people: int) -> None:
        self.take(HappeningUpdate(time.time(), "laugh", "the room laughs", (), people))


@contextlib.asynccontextmanager
async def served(
    options: ServerOptions | None = None, *, port: int = 0, boot: str = "boot"
) -> AsyncGenerator[Served]:
    """Until the block is left; then the server has stopped."""
    feed = Feed("cats", boot)
    listening: socket.socket = listen("127.0.0.1", port or free_port())
    number = listening.getsockname()[1]
    server = Server(feed, listening, options or ServerOptions())
    task = asyncio.get_running_loop().create_task(server.run())
    try:
        yield Served(feed, server, number)
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=patience(10))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def get(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own. A header's `_` stands for `-`."""
    given = {"Host": f"127.0.0.1:{port}", "Connection": "close"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return parsed(await raw(port, "\r\n".join([*lines, "", ""]).encode()))


async def raw(port: int, data: bytes) -> bytes:
    """What comes back for these bytes until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        async with within(10):
            return await reader.read()
    finally:
        writer.close()


def parsed(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = unchunked(body)
    return Answer(int(first.split()[1]), headers, body)


def unchunked(data: bytes) -> bytes:
    parts: list[bytes] = []
    while data:
        length, _, data = data.partition(b"\r\n")
        size = int(length, 16)
        parts.append(data[:size])
        data = data[size + 2 :]
    return b"".join(parts)


class Stream:
    """A client of the event stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.last_id = ""

    async def next(self) -> dict[str, Any]:
        """The next event. Raises EOFError at the end."""
        async with within(10):
            while line := await self.reader.readline():
                if line.startswith(b"id: "):
                    self.last_id = line[4:].decode().strip()
                if line.startswith(b"data: "):
                    return json.loads(line[6:])
        raise EOFError

    async def until(self, **wanted: object) -> dict[str, Any]:
        """The first event that has these values."""
        while True:
            event = await self.next()
            if all(event.get(key) == value for key, value in wanted.items()):
                return event


@contextlib.asynccontextmanager
async def stream(port: int, query: str = "", **headers: str) -> AsyncGenerator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        given = {"Host": f"localhost:{port}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"GET /events{query} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        yield Stream(reader, writer)
    finally:
        writer.transport.abort()
