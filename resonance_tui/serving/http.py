"""One connection of a browser: requests in, answers out. Framing is h11's, limits are ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import h11

from resonance_tui.serving.gate import ANY_BYTE

HEAD_LIMIT = 16 * 1024  # bytes of a request line and its headers
BODY_LIMIT = 64 * 1024  # nothing here reads a body; a longer one ends the connection
IDLE_S = 30.0  # between two requests, and for one of them to arrive
WRITE_S = 10.0  # for a reader to take what it asked for
HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),  # an address may hold a token
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case


@dataclass(frozen=True, slots=True)
class Response:
    """`parts` stream an answer whose length nobody knows; without them it is `body`."""

    status: int = 200
    type: str = JSON
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    parts: AsyncGenerator[bytes] | None = field(default=None, compare=False)


class HttpConnection:
    """Reads and answers one request after another. Raises OSError, TimeoutError and
    h11.ProtocolError, after all of which the connection is of no more use."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)

    async def request(self) -> Request | None:
        """The next one; None where the other side has no more."""
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        if self._h11.our_state is not h11.IDLE:
            return None
        async with asyncio.timeout(IDLE_S):
            return await self._read()

    async def _read(self) -> Request | None:
        head: h11.Request | None = None
        length = 0
        while True:
            match event := self._h11.next_event():
                case h11.Request():
                    head = event
                case h11.Data():
                    length += len(event.data)
                    if length > BODY_LIMIT:
                        raise h11.RemoteProtocolError("too long", error_status_hint=413)
                case h11.EndOfMessage() if head is not None:
                    return _request(head)
                case h11.NEED_DATA:
                    self._h11.receive_data(await self._reader.read(8192))
                case _:
                    return None

    async def refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say what was wrong with the bytes, where an answer is still possible."""
        if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self.respond(
                Response(error.error_status_hint, headers=(("Connection", "close"),))
            )

    async def respond(self, response: Response, *, is_head: bool = False) -> None:
        length = () if response.parts else (("Content-Length", str(len(response.body))),)
        status = response.status
        given = [*_head(response), *length]
        self._send(h11.Response(status_code=status, headers=given, reason=_reason(status)))
        if response.parts is not None and not is_head:
            async with aclosing(response.parts) as parts:
                async for part in parts:
                    self._send(h11.Data(data=part))
                    await self._drain()
        elif not is_head:
            self._send(h11.Data(data=response.body))
        self._send(h11.EndOfMessage())
        await self._drain()

    def open_stream(self, type: str) -> None:
        """Begin an answer that ends with the connection; its bytes are written as they are."""
        lines = [f"{name}: {value}" for name, value in _head(Response(type=type))]
        text = "\r\n".join(["HTTP/1.1 200 OK", *lines, "Connection: close", "\r\n"])
        self.writer.write(text.encode("ascii"))

    async def close(self) -> None:
        """Hang up once the other side has what was written, or takes too long to read it."""
        self.writer.close()
        try:
            async with asyncio.timeout(WRITE_S):
                await self.writer.wait_closed()
        except (OSError, TimeoutError):
            self.writer.transport.abort()

    async def gone(self) -> None:
        """Until the other side hangs up; what it sends is read and dropped."""
        while await self._reader.read(8192):
            pass

    def _send(self, event: h11.Event) -> None:
        self.writer.write(self._h11.send(event) or b"")

    async def _drain(self) -> None:
        async with asyncio.timeout(WRITE_S):
            await self.writer.drain()


def _request(head: h11.Request) -> Request:
    """Raises h11.RemoteProtocolError for an address that is none."""
    try:
        target = urlsplit(head.target.decode("ascii"))
        query = dict(parse_qsl(target.query, True, errors=ANY_BYTE, max_num_fields=50))
    except ValueError as error:
        raise h11.RemoteProtocolError(f"no address: {error}", error_status_hint=400) from error
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode("ascii"), target.path, query, headers)


def _head(response: Response) -> list[tuple[str, str]]:
    date = ("Date", formatdate(usegmt=True))
    return [date, ("Content-Type", response.type), *HEADERS, *response.headers]


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase
