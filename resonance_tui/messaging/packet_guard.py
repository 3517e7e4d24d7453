"""What is wrong with a packet that a broker sent, before the library sees it; pure.

The library ends a connection over one topic that no broker may deliver. Framing goes by length,
so any packet can be left out; a broker still gets the acknowledgement that it waits for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_PACKET = 4096  # bytes; every message of the table fits
KEPT = 65_540  # bytes of a longer packet that are looked at: a topic of any length and a packet id

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL = 2, 3, 4, 5, 6
SUBACK, UNSUBACK, _PINGRESP, _DISCONNECT = 9, 11, 13, 14
_TOPIC_ALIAS, _RESPONSE_TOPIC, _SUBSCRIPTION, _USER_PROPERTY = 0x23, 0x08, 0x0B, 0x26
_FIXED = {0x01: 1, 0x02: 4}  # payload format, message expiry: bytes of the value
_STRINGS = {0x03: 1, _RESPONSE_TOPIC: 1, 0x09: 1, _USER_PROPERTY: 2}  # how many strings
_MAY_REPEAT = (_SUBSCRIPTION, _USER_PROPERTY)


class _Malformed(ValueError):
    """Says what is wrong."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a broker. `first`: its first byte; `body`: what follows its length, of a longer
    packet than `MAX_PACKET` the beginning; `size`: bytes of the whole packet."""

    first: int
    body: bytes
    size: int

    @property
    def type(self) -> int:
        return self.first >> 4

    @property
    def qos(self) -> int:
        """Of a publication; 3 in one that is broken."""
        return self.first >> 1 & 3

    @property
    def topic(self) -> str:
        """Of a publication, as far as it can be read; "" for everything else."""
        if self.type != PUBLISH:
            return ""
        return self.body[2 : 2 + _u16(self.body, 0)].decode("utf-8", "replace")

    @property
    def packet_id(self) -> int:
        """0 where there is none."""
        at = 0
        if self.type == PUBLISH:
            if self.qos not in (1, 2):
                return 0
            at = 2 + _u16(self.body, 0)
        return _u16(self.body, at)


def fault(packet: Packet, *, is_v5: bool, is_connected: bool) -> str:
    """What is wrong with it, in a few words for the log; "" for nothing.

    `is_connected`: the CONNACK has come. Most of an answer is looked at by the library.
    """
    expected = (PUBLISH, PUBACK, PUBREL, SUBACK, UNSUBACK, _PINGRESP)
    if not is_connected:
        expected = (CONNACK,)
    elif is_v5:
        expected = (*expected, _DISCONNECT)
    if packet.type not in expected:
        return f"unexpected packet of type {packet.type}"
    if packet.size > MAX_PACKET:
        return f"packet of {packet.size} bytes"
    if packet.type == SUBACK and len(packet.body) <= 2 + is_v5:
        return "answer without a reason code"
    return _publication_fault(packet, is_v5) if packet.type == PUBLISH else ""


def repaired(packet: Packet, *, is_v5: bool) -> bytes | None:
    """The least that a broken answer says: that it is one, and whether it is a refusal. None for
    what is no answer. Whoever waits for it would else take the connection for dead."""
    body, no_properties = packet.body, b"\0" if is_v5 else b""
    if packet.type == CONNACK and len(body) >= 2:
        return body[:1] + (_code(body[1]) + no_properties if is_v5 else body[1:2])
    if len(body) < 2:
        return None
    if packet.type == PUBACK:
        return body[:2] + (_code(body[2]) + no_properties if is_v5 and len(body) > 2 else b"")
    if packet.type == SUBACK:
        return body[:2] + no_properties + _code(body[-1] if len(body) > 2 + is_v5 else 0)
    if packet.type == UNSUBACK:
        return body[:2] + (b"\0\0" if is_v5 else b"")
    return None


def _code(code: int) -> bytes:
    """A reason code that every library knows: a refusal of no stated reason, or success."""
    return b"\x80" if code >= 0x80 else b"\0"


def _publication_fault(packet: Packet, is_v5: bool) -> str:
    try:
        at = _check_topic(packet.body, 0)
        if packet.qos > 1:
            return f"publication at QoS {packet.qos}"
        if packet.qos:
            if not _u16(packet.body, at):
                return "publication without a packet id"
            at += 2
        if is_v5:
            _check_properties(packet.body, at)
    except _Malformed as error:
        return str(error)
    return ""


def _check_topic(body: bytes, at: int) -> int:
    """Where it ends. Raises _Malformed for what is no name of a topic."""
    size = _u16(body, at)
    raw = body[at + 2 : at + 2 + size]
    if not raw or len(raw) < size:
        raise _Malformed("no topic")
    try:
        topic = raw.decode()
    except UnicodeDecodeError:
        raise _Malformed("topic is not UTF-8") from None
    if "+" in topic or "#" in topic or "\0" in topic:
        raise _Malformed("topic with a wildcard or NUL")
    return at + 2 + size


def _check_properties(body: bytes, at: int) -> None:
    """Raises _Malformed for properties that no publication to us may have. We allow no topic
    alias."""
    size, at = _varint(body, at)
    end = at + size
    if end > len(body):
        raise _Malformed("properties longer than the packet")
    seen: set[int] = set()
    while at < end:
        kind = body[at]
        if kind in seen and kind not in _MAY_REPEAT:
            raise _Malformed(f"property {kind} twice")
        seen.add(kind)
        at = _end_of_property(body, at + 1, kind)
    if at != end:
        raise _Malformed("property cut short")


def _end_of_property(body: bytes, at: int, kind: int) -> int:
    if kind in _FIXED:
        return at + _FIXED[kind]
    if kind == _SUBSCRIPTION:
        return _varint(body, at)[1]
    if kind not in _STRINGS:
        raise _Malformed("topic alias" if kind == _TOPIC_ALIAS else f"unknown property {kind}")
    for _ in range(_STRINGS[kind]):
        at += 2 + _u16(body, at)
    return at


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """The number, and where it ends. Raises _Malformed."""
    number = 0
    for place, digit in enumerate(body[at : at + 4]):
        number |= (digit & 0x7F) << 7 * place
        if digit < 0x80:
            return number, at + place + 1
    raise _Malformed("impossible length")


def _u16(body: bytes, at: int) -> int:
    """0 beyond the end."""
    return struct.unpack_from("!H", body, at)[0] if at + 2 <= len(body) else 0
