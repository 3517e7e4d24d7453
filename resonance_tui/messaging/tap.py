"""Every MQTT packet that this process sends and receives, for who asks to see it; logins are left
out before anybody does.

Works on paho's reading and writing of its socket, below which there is TLS or a WebSocket alone: it
has no public way to see packets.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from resonance_tui.messaging.packet_guard import PUBLISH
from resonance_tui.secret import MASK

CONNECT = 1
KEPT = 65_000  # bytes of a longer packet: nothing that is sent is longer
_LENGTH_BYTES = 4  # of a packet's length, at most
_WILL, _PASSWORD, _USERNAME = 0x04, 0x40, 0x80  # flags of a CONNECT


@dataclass(frozen=True, slots=True)
class Caught:
    """One packet. In a CONNECT user and password are masked; so is the payload of a message that
    may hold a secret, at its length."""

    at: float  # epoch seconds
    is_sent: bool  # else received
    place: str  # of the broker: scheme, host and port
    connection: int  # counted in this process, from 1
    is_v5: bool
    packet: bytes = field(repr=False)  # whole; of one longer than KEPT the beginning
    size: int = 0  # bytes on the wire


class Taps:
    """Who listens. Connections that are made while nobody does are never seen."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Caught], object]] = []
        self._numbers = itertools.count(1)

    @contextlib.contextmanager
    def listening(self, *listeners: Callable[[Caught], object]) -> Generator[None]:
        """For the length of the block. A listener raises nothing and is quick."""
        self._listeners.extend(listeners)
        try:
            yield
        finally:
            for each in listeners:
                self._listeners.remove(each)

    def open(self, place: str, *, is_v5: bool) -> ConnectionTap | None:
        """For one connection; None where nobody listens."""
        if not self._listeners:
            return None
        return ConnectionTap(self._tell, place, next(self._numbers), is_v5=is_v5)

    def attach(self, paho: Any, place: str, *, is_v5: bool) -> None:
        """To a client of paho, before anything else wraps its reading and writing."""
        tap = self.open(place, is_v5=is_v5)
        if tap is None:
            return
        read, write = paho._sock_recv, paho._sock_send

        def reading(size: int) -> bytes:
            data: bytes = read(size)
            tap.received(data)
            return data

        def writing(data: bytes) -> int:
            count: int = write(data)
            tap.sent(bytes(data[:count]))
            return count

        paho._sock_recv, paho._sock_send = reading, writing

    def _tell(self, caught: Caught) -> None:
        for listener in tuple(self._listeners):
            listener(caught)


class ConnectionTap:
    """What one connection sends and receives, as it is written to its socket and read from it."""

    def __init__(
        self, tell: Callable[[Caught], object], place: str, number: int, *, is_v5: bool
    ) -> None:
        self._tell, self._place, self._number, self._is_v5 = tell, place, number, is_v5
        self._sent, self._received = Framer(), Framer()

    def sent(self, data: bytes) -> None:
        self._hand_on(self._sent.feed(data), is_sent=True)

    def received(self, data: bytes) -> None:
        self._hand_on(self._received.feed(data), is_sent=False)

    def _hand_on(self, found: list[tuple[bytes, int]], *, is_sent: bool) -> None:
        for packet, size in found:
            clean = scrubbed(packet, self._is_v5)
            where = self._place, self._number, self._is_v5
            self._tell(Caught(time.time(), is_sent, *where, clean, size))


TAPS = Taps()


class Framer:
    """Cuts a stream into packets. Pure; holds KEPT bytes of an unfinished one at most."""

    def __init__(self) -> None:
        self._head = bytearray()  # type and length, while they are not complete
        self._body = bytearray()
        self._left = -1  # bytes of the body that have not come; below 0 while the head has not
        self._size = 0
        self._is_lost = False  # what comes is not MQTT

    def feed(self, data: bytes) -> list[tuple[bytes, int]]:
        """The packets that are complete now, and of how many bytes they were."""
        found: list[tuple[bytes, int]] = []
        at = 0
        while at < len(data) and not self._is_lost:
            at += self._take_head(data[at]) if self._left < 0 else self._take_body(data[at:])
            if self._left == 0:
                found.append((bytes(self._head + self._body), self._size))
                self._head.clear()
                self._body.clear()
                self._left = -1
        return found

    def _take_head(self, byte: int) -> int:
        self._head.append(byte)
        if len(self._head) > 1 and byte < 0x80:
            self._left, _ = _varint(self._head, 1)
            self._size = len(self._head) + self._left
        elif len(self._head) > _LENGTH_BYTES:
            self._is_lost = True
        return 1

    def _take_body(self, data: bytes) -> int:
        taken = min(self._left, len(data))
        self._body += data[: min(taken, max(KEPT - len(self._body), 0))]
        self._left -= taken
        return taken


def scrubbed(packet: bytes, is_v5: bool) -> bytes:
    """The packet without what nobody else may know. Of a CONNECT that cannot be read only its type
    is left."""
    kind = packet[0] >> 4
    if kind == CONNECT:
        try:
            return _without_login(packet)
        except (IndexError, ValueError):
            return bytes((packet[0], 0))
    if kind == PUBLISH:
        topic, start = publication(packet, is_v5)
        if may_be_secret(topic):
            return packet[:start] + b"*" * (len(packet) - start)
    return packet


def may_be_secret(topic: str) -> bool:
    """Whether messages there are not ours, or hold the hash of a password."""
    # The first picture of `join` does not wait for the table.
    from resonance_tui.protocol.messages import ENROLLMENT_REQUEST, TABLE

    message = TABLE.find(topic)
    return message is None or message is ENROLLMENT_REQUEST


def body_of(packet: bytes) -> int:
    """Where what follows the packet's length begins."""
    return _varint(packet, 1)[1]


def publication(packet: bytes, is_v5: bool) -> tuple[str, int]:
    """Of a PUBLISH its topic, "" where it cannot be read, and where its payload begins."""
    try:
        topic, at = _field(packet, body_of(packet))
        at += 2 if packet[0] & 0x06 else 0  # the packet id of QoS 1 and 2
        return topic.decode(), _skipped(packet, at) if is_v5 else at
    except (IndexError, ValueError):
        return "", min(2, len(packet))


def _without_login(packet: bytes) -> bytes:
    body = packet[body_of(packet) :]
    _, at = _field(body, 0)
    version, flags = body[at], body[at + 1]
    at = _skipped(body, at + 4) if version >= 5 else at + 4
    _, at = _field(body, at)  # the client id
    if flags & _WILL:
        at = _skipped(body, at) if version >= 5 else at
        _, at = _field(body, at)
        _, at = _field(body, at)
    mask = len(MASK).to_bytes(2, "big") + MASK.encode()
    logins = sum(bool(flags & each) for each in (_USERNAME, _PASSWORD))
    kept = body[:at] + mask * logins
    return packet[:1] + _as_varint(len(kept)) + kept


def _field(data: bytes, at: int) -> tuple[bytes, int]:
    """A text or bytes with their length before them, and where what follows begins."""
    end = at + 2 + (data[at] << 8 | data[at + 1])
    if end > len(data):
        raise ValueError("it ends beyond the packet")
    return bytes(data[at + 2 : end]), end


def _skipped(data: bytes, at: int) -> int:
    """Where what follows the properties begins."""
    length, start = _varint(data, at)
    if start + length > len(data):
        raise ValueError("it ends beyond the packet")
    return start + length


def _varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """MQTT's variable length, and where what follows it begins. Raises IndexError."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def _as_varint(value: int) -> bytes:
    found = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        found.append(low | (0x80 if value else 0))
        if not value:
            return bytes(found)
