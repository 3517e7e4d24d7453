"""The line of `scripts/bench_silence`: it counts what goes through, and can go silent."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from silence_measure import Line


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[tuple[Line, int]]:
    """A line to a server that says everything again, and the port where it begins."""
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as far:
        line = Line("127.0.0.1", far.sockets[0].getsockname()[1])
        async with await asyncio.start_server(line.carry, "127.0.0.1", 0) as near:
            yield line, near.sockets[0].getsockname()[1]


async def _says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether five bytes come back."""
    writer.write(b"hello")
    try:
        async with asyncio.timeout(0.3):
            return await reader.readexactly(5) == b"hello"
    except TimeoutError:
        return False


async def test_bytes_are_counted_both_ways_until_the_line_goes_silent() -> None:
    async with echoing() as (line, port):
        old = await asyncio.open_connection("127.0.0.1", port)
        assert await _says(*old)
        line.go_silent()
        assert not await _says(*old)
        assert (line.carried, line.dials) == (10, 1)
        new = await asyncio.open_connection("127.0.0.1", port)
        assert await _says(*new), "who dials again is heard"
        line.is_unplugged = True
        last = await asyncio.open_connection("127.0.0.1", port)
        assert not await _says(*last)
        for _, writer in (old, new, last):
            writer.close()
