"""What a broker can do, asked by a blocking client of our own that needs none of this program.

Every client here is a socket and a few packets, so that a connection can fall silent, break, or be
taken over exactly when it is meant to.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from brokers.errors import NotHere

MANY = 1500  # retained messages that one wildcard should bring
QUIET_S = 1.5  # without a message: that was all
KEEPALIVE_S = 2
WILL_DELAY_S = 2
WAIT_S = 12.0  # for what may never come
CONNACK, PUBLISH, SUBACK = 0x20, 0x30, 0x90


@dataclass(frozen=True, slots=True)
class Access:
    """How to connect to one broker."""

    port: int
    version: int = 4  # of the protocol: 4 is MQTT 3.1.1, 5 is MQTT 5
    name: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    topic: str
    payload: bytes
    is_retained: bool


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def _packet(kind: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        size, part = divmod(size, 128)
        length += bytes([part | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


class Wire:
    """One connection. Raises OSError as sockets do, NotHere where it is refused."""

    def __init__(
        self, access: Access, *, identifier: str = "", keepalive: int = 60, will: str = ""
    ) -> None:
        self._access = access
        self._data = b""
        self._line = socket.create_connection(("127.0.0.1", access.port), timeout=WAIT_S)
        self._line.sendall(_packet(0x10, self._connect(identifier, keepalive, will)))
        kind, body = self._read(WAIT_S) or (0, b"\0\xff")
        if kind != CONNACK or body[1]:
            self.cut()
            raise NotHere(f"refused, with code {body[1]}")

    def _connect(self, identifier: str, keepalive: int, will: str) -> bytes:
        is_5, access = self._access.version == 5, self._access
        flags = 0x02 | (0x2C if will else 0) | (0xC0 if access.name else 0)  # clean, QoS 1 retained
        body = _text("MQTT") + bytes([access.version, flags]) + struct.pack(">H", keepalive)
        # A session that outlives its connection: else a will is due at once, whatever its delay.
        body += b"\x05\x11" + struct.pack(">I", 30) if is_5 else b""
        body += _text(identifier or f"probe{uuid4().hex[:12]}")
        if will:
            body += b"\x05\x18" + struct.pack(">I", WILL_DELAY_S) if is_5 else b""
            body += _text(will) + _text("will")
        if access.name:
            body += _text(access.name) + _text(access.password)
        return body

    def subscribe(self, topic: str) -> None:
        """At QoS 0."""
        nothing = b"\0" if self._access.version == 5 else b""
        self._line.sendall(_packet(0x82, b"\0\1" + nothing + _text(topic) + b"\0"))

    def retain(self, topic: str, payload: bytes, expiry_s: int = 0) -> None:
        """At QoS 0."""
        properties = b"\x05\x02" + struct.pack(">I", expiry_s) if expiry_s else b"\0"
        head = _text(topic) + (properties if self._access.version == 5 else b"")
        self._line.sendall(_packet(0x31, head + payload))

    def heard(self, quiet_s: float = QUIET_S, at_most_s: float = 30.0) -> Iterator[Heard]:
        """Messages as they come, until none comes for so long."""
        deadline = time.monotonic() + at_most_s
        while time.monotonic() < deadline and (packet := self._read(quiet_s)):
            if packet[0] & 0xF0 == PUBLISH:
                yield self._message(*packet)

    def _message(self, kind: int, body: bytes) -> Heard:
        size = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        if self._access.version == 5:
            rest = rest[1 + rest[0] :]  # our own messages have few properties
        return Heard(topic, rest, bool(kind & 1))

    def _read(self, within: float) -> tuple[int, bytes] | None:
        """One packet: its first byte and its body; None: none came, or the line is closed."""
        deadline = time.monotonic() + within
        while True:
            if packet := self._whole():
                return packet
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._line.settimeout(left)
            try:
                more = self._line.recv(65536)
            except (TimeoutError, ConnectionError):
                return None
            if not more:
                return None
            self._data += more

    def _whole(self) -> tuple[int, bytes] | None:
        size, shift = 0, 0
        for at, byte in enumerate(self._data[1:5], 2):
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                if len(self._data) < at + size:
                    return None
                kind, body = self._data[0], self._data[at : at + size]
                self._data = self._data[at + size :]
                return kind, body
        return None

    def closed_after(self, within: float) -> float | None:
        """Seconds until the broker closes it, while nothing is said; None: it does not."""
        started = time.monotonic()
        self._line.settimeout(within)
        try:
            while self._line.recv(4096):
                pass
        except TimeoutError:
            return None
        except ConnectionError:
            pass
        return round(time.monotonic() - started, 1)

    def cut(self) -> None:
        """Without a word."""
        self._line.close()


def speaks(port: int, login: str = "") -> Access:
    """The newest version of MQTT that the broker speaks. Raises NotHere where it speaks none."""
    name, _, password = login.partition(":")
    for version in (5, 4):
        access = Access(port, version, name, password)
        with contextlib.suppress(NotHere, OSError):
            Wire(access).cut()
            return access
    raise NotHere("answers neither MQTT 5 nor MQTT 3.1.1")


def probe(port: int, login: str = "", many: int = MANY) -> dict[str, Any]:
    """All of it, as figures; it takes half a minute."""
    access = speaks(port, login)
    base = f"resonance/probe/{uuid4().hex[:8]}"
    asked: dict[str, Callable[[Access, str], Any]] = {
        "expires": expires,
        "will_cut_s": will_of_a_cut,
        "will_taken_over": will_of_a_takeover,
        "keepalive_s": keepalive,
    }
    found = {"mqtt": "5" if access.version == 5 else "3.1.1", "many": many}
    found |= {"wildcard_brings": wildcard(access, f"{base}/many", many)}
    found |= {"exact_brings": exact(access, f"{base}/one")}
    return found | {name: ask(access, f"{base}/{name}") for name, ask in asked.items()}


def wildcard(access: Access, base: str, many: int) -> int:
    """How many of so many retained messages a wildcard brings; each counts once."""
    writer = Wire(access)
    for number in range(many):
        writer.retain(f"{base}/{number}", b"x")
    reader = Wire(access)
    _settle(reader, writer, base)
    newcomer = Wire(access)
    newcomer.subscribe(f"{base}/+")
    found = {each.topic for each in newcomer.heard() if each.is_retained}
    for each in (writer, reader, newcomer):
        each.cut()
    return len(found - {f"{base}/last"})


def _settle(reader: Wire, writer: Wire, base: str) -> None:
    """Return once the broker has worked through all that the writer said."""
    reader.subscribe(f"{base}/last")
    for _ in range(20):
        writer.retain(f"{base}/last", b"x")
        if next(reader.heard(1.0), None) is not None:
            return


def exact(access: Access, topic: str) -> bool:
    """Whether a subscription to one topic brings what is retained there."""
    writer = Wire(access)
    writer.retain(topic, b"x")
    time.sleep(0.3)
    reader = Wire(access)
    reader.subscribe(topic)
    found = any(each.is_retained for each in reader.heard())
    for each in (writer, reader):
        each.cut()
    return found


def expires(access: Access, topic: str) -> bool:
    """Whether a retained message is gone after the second that it was given."""
    writer = Wire(access)
    writer.retain(topic, b"x", expiry_s=1)
    time.sleep(2.5)
    reader = Wire(access)
    reader.subscribe(topic)
    found = next(reader.heard(), None)
    for each in (writer, reader):
        each.cut()
    return found is None


def will_of_a_cut(access: Access, topic: str) -> float | None:
    """Seconds until a broken connection's will comes, which asks for a delay of 2 s in MQTT 5."""
    watcher, victim = Wire(access), Wire(access, will=topic)
    watcher.subscribe(topic)
    time.sleep(0.3)
    started = time.monotonic()
    victim.cut()
    came = _first(watcher)
    watcher.cut()
    return None if came is None else round(came - started, 1)


def will_of_a_takeover(access: Access, topic: str) -> str:
    """What becomes of the will of a connection that another one with its id takes over, after the
    newcomer has spoken: `none`, or `sent` and after how many seconds."""
    watcher = Wire(access)
    watcher.subscribe(topic)
    name = f"probe{uuid4().hex[:12]}"
    first = Wire(access, identifier=name, will=topic)
    time.sleep(1.0)  # at once, RabbitMQ forgets the will
    started = time.monotonic()
    second = Wire(access, identifier=name, will=topic)
    came = _first(watcher)
    for each in (first, second, watcher):
        each.cut()
    return "none" if came is None else f"sent after {came - started:.1f} s"


def keepalive(access: Access, _topic: str) -> float | None:
    """Seconds until a client who promised a sign of life in every 2 s, and is silent, is cut."""
    silent = Wire(access, keepalive=KEEPALIVE_S)
    took = silent.closed_after(WAIT_S)
    silent.cut()
    return took


def _first(watcher: Wire) -> float | None:
    """When the first message comes; monotonic seconds."""
    for _ in watcher.heard(WILL_DELAY_S + 4.0):
        return time.monotonic()
    return None
