"""Those who listen to the stream. Nobody is waited for: who falls behind is cut off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass

from resonance_tui.serving.feed import Feed, Message

BEHIND_LIMIT = 64 * 1024  # bytes that wait for a reader; some three minutes of a busy room
SYSTEM_BUFFER = 64 * 1024  # bytes that the system holds for each of them besides
MOST = 200
RETRY_MS = 1000
COMMENT = b":\n\n"  # nothing to read; finds out who is gone


@dataclass(frozen=True, slots=True)
class _Reader:
    writer: asyncio.StreamWriter
    names: bool


class Subscribers:
    """Writes each message of a feed to all of them."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._readers: dict[asyncio.StreamWriter, _Reader] = {}
        feed.add_listener(self._publish)

    def __len__(self) -> int:
        return len(self._readers)

    def add(self, writer: asyncio.StreamWriter, last_id: str, *, names: bool) -> None:
        """From now on it hears everything, first of all what it has missed."""
        with contextlib.suppress(OSError):  # it has gone already
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_BUFFER)
        missed = [message.frame(names=names) for message in self._feed.missed(last_id)]
        writer.write(b"".join([b"retry: %d\n\n" % RETRY_MS, *missed]))
        self._readers[writer] = _Reader(writer, names)

    def discard(self, writer: asyncio.StreamWriter) -> None:
        self._readers.pop(writer, None)

    def comment(self) -> None:
        """Something to everybody, so that nothing between takes the silence for an end."""
        for reader in tuple(self._readers.values()):
            self._write(reader, COMMENT)

    def _publish(self, message: Message) -> None:
        for reader in tuple(self._readers.values()):
            self._write(reader, message.frame(names=reader.names))

    def _write(self, reader: _Reader, data: bytes) -> None:
        transport = reader.writer.transport
        if transport.get_write_buffer_size() > BEHIND_LIMIT:
            transport.abort()
            self.discard(reader.writer)
        else:
            transport.write(data)
