"""A broker whose wildcards bring nothing that is retained, as RabbitMQ's do: a line to a real one
that leaves such messages out."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

SUBSCRIBE, SUBACK, PUBLISH = 8, 9, 3
_RETAINED = 1


class _Line:
    """One client's. What is retained comes once for each request that names it in full, with the
    answer: before that to a later request."""

    def __init__(self) -> None:
        self._exact: dict[str, int] = {}  # topics that are still to come: the request's number
        self._requests = self._answers = 0
        self._is_v5 = False

    async def up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for head, body in _packets(reader):
            if head >> 4 == 1:
                self._is_v5 = body[6] == 5
            elif head >> 4 == SUBSCRIBE:
                full = [each for each in self._filters(body) if "+" not in each]
                self._exact |= dict.fromkeys(full, self._requests)
                self._requests += 1
            writer.write(_packet(head, body))

    async def down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for head, body in _packets(reader):
            if head >> 4 == SUBACK:
                known = self._exact.items()
                self._exact = {each: number for each, number in known if number >= self._answers}
                self._answers += 1
            is_kept = head >> 4 == PUBLISH and head & _RETAINED
            if not is_kept or self._exact.pop(_text(body, 0)[0], None) is not None:
                writer.write(_packet(head, body))

    def _filters(self, body: bytes) -> list[str]:
        at = 2 + (1 + body[2] if self._is_v5 else 0)  # properties shorter than 128 bytes
        found: list[str] = []
        while at < len(body):
            text, at = _text(body, at)
            found.append(text)
            at += 1
        return found


def _text(body: bytes, at: int) -> tuple[str, int]:
    ends = at + 2 + int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : ends].decode(), ends


async def _packets(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, bytes]]:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head, length, shift = (await reader.readexactly(1))[0], 0, 0
            while True:
                digit = (await reader.readexactly(1))[0]
                length |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    break
            yield head, await reader.readexactly(length)


def _packet(head: int, body: bytes) -> bytes:
    digits, left = bytearray(), len(body)
    while True:
        left, digit = left >> 7, left & 127
        digits.append(digit | (128 if left else 0))
        if not left:
            return bytes([head]) + bytes(digits) + body


@contextlib.asynccontextmanager
async def lacking(port: int) -> AsyncGenerator[str]:
    """The address of the line to the broker at that port of this machine."""
    lines: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        line = _Line()
        ways = [line.up(reader, back), line.down(there, writer)]
        for way in ways:
            task = asyncio.create_task(way)
            lines.add(task)
            task.add_done_callback(lambda _: (back.close(), writer.close()))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for line in list(lines):
            line.cancel()
        await asyncio.gather(*lines, return_exceptions=True)
