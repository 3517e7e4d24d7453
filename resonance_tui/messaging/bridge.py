"""A socket whose bytes travel in WebSocket frames, for a library that wants a socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl

from resonance_tui.messaging.websocket import LINGER_S, open_websocket
from resonance_tui.protocol.urls import BrokerUrl


class _End(asyncio.Protocol):
    """One side of the bridge: hands on what arrives, and its end."""

    def __init__(self) -> None:
        self.other: asyncio.Transport | None = None
        self.is_lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost.set()
        if self.other is not None:
            self.other.close()


class Bridge:
    """A WebSocket on one side and a `socket` on the other. Closing that one closes the other."""

    def __init__(self, sock: socket.socket, far: _End) -> None:
        self.socket = sock  # blocking, until its owner changes that
        self._far = far

    async def wait_closed(self) -> None:
        """Until everything written to the socket is out, and the WebSocket is closed; at most
        somewhat longer than `LINGER_S`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * LINGER_S):
                await self._far.is_lost.wait()


async def open_bridge(
    url: BrokerUrl, sock: socket.socket, context: ssl.SSLContext | None
) -> Bridge:
    """Over the connected `sock`. Raises OSError as `open_websocket`, with `sock` closed; the
    caller limits the time."""
    near, inner = socket.socketpair()
    near_end, far_end = _End(), _End()
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_connection(lambda: near_end, sock=inner)
        far_end.other = transport
        near_end.other = await open_websocket(far_end, url, context, sock=sock)
    except BaseException:
        near.close()
        if far_end.other is not None:
            far_end.other.abort()
        else:
            inner.close()
        sock.close()
        raise
    return Bridge(near, far_end)
