"""The MQTT packets that a client which only publishes needs, as bytes; versions 5 and 3.1.1."""

from __future__ import annotations

import struct

CONNACK = 0x20
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
PROBE_KEEPALIVE_S = 5
_CONNECT, _PUBLISH = 0x10, 0x30
_CLEAN, _WILL, _WILL_QOS_1, _WILL_RETAINED, _PASSWORD, _USER = 0x02, 0x04, 0x08, 0x20, 0x40, 0x80
_SESSION_EXPIRY, _WILL_DELAY, _MESSAGE_EXPIRY = 0x11, 0x18, 0x02
_LONGEST = 268_435_455  # bytes after the first two fields of any packet


def connect_packet(
    version: int,
    client_id: str,
    *,
    keepalive_s: int,
    username: str | None = None,
    password: str | None = None,
    will_topic: str | None = None,
    will_delay_s: int = 2,
    retains: bool = True,
    max_qos: int = 1,
) -> bytes:
    """A clean start. The will, if any, clears `will_topic`: empty, retained, QoS 1.

    `version`: 5, or 4 for MQTT 3.1.1. `keepalive_s`: 0-65535. `retains`, `max_qos`: what the
    broker takes of a will.
    """
    is_v5 = version == 5
    flags = _CLEAN
    if will_topic is not None:
        flags |= _WILL | _WILL_RETAINED * retains | _WILL_QOS_1 * (max_qos > 0)
    flags |= (_USER if username is not None else 0) | (_PASSWORD if password is not None else 0)
    body = _protocol(version, flags, keepalive_s)
    if is_v5:
        body += _properties(_SESSION_EXPIRY, will_delay_s + 8)
    body += _text(client_id)
    if will_topic is not None:
        body += _properties(_WILL_DELAY, will_delay_s) if is_v5 else b""
        body += _text(will_topic) + _text("")
    body += b"".join(_text(each) for each in (username, password) if each is not None)
    return _packet(_CONNECT, body)


def probe_packet(version: int) -> bytes:
    """The shortest CONNECT: a clean start without a client id and without properties. An old
    broker that reads on into properties it does not know waits for ever for the rest of them."""
    properties = b"\x00" if version == 5 else b""
    body = _protocol(version, _CLEAN, PROBE_KEEPALIVE_S) + properties + _text("")
    return _packet(_CONNECT, body)


def publish(
    version: int,
    topic: str,
    payload: bytes,
    expiry_s: int | None = None,
    *,
    is_retained: bool = True,
) -> bytes:
    """A message at QoS 0; if it is retained, an empty payload clears the topic."""
    properties = b""
    if version == 5:
        properties = b"\x00" if expiry_s is None else _properties(_MESSAGE_EXPIRY, expiry_s)
    return _packet(_PUBLISH | is_retained, _text(topic) + properties + payload)


def connack_code(data: bytes) -> int | None:
    """The return code of a CONNACK from its first bytes: 0 accepts, -1 is no CONNACK at all;
    None until enough of it has come."""
    if data[:1] not in (b"", bytes([CONNACK])):
        return -1
    at = 4 if data[1:2] >= b"\x80" else 3  # so many properties that their length takes two bytes
    return data[at] if len(data) > at else None


def _protocol(version: int, flags: int, keepalive_s: int) -> bytes:
    return _text("MQTT") + struct.pack("!BBH", version, flags, keepalive_s)


def _properties(identifier: int, value: int) -> bytes:
    """A list of one property that holds a u32."""
    return struct.pack("!BBI", 5, identifier, value)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


def _packet(first: int, body: bytes) -> bytes:
    """Raises ValueError for a body that no MQTT packet can hold."""
    if len(body) > _LONGEST:
        raise ValueError(f"a packet of {len(body)} bytes")
    length, size = len(body), bytearray()
    while True:
        length, digit = length >> 7, length & 0x7F
        size.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([first]) + bytes(size) + body
