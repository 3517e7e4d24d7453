"""What a packet says, in words: decoded by the table of messages, as far as it can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from enum import IntEnum, StrEnum

from resonance_tui.emotions import Emotion
from resonance_tui.errors import WireError
from resonance_tui.messaging.packet_guard import MAX_PACKET, PUBLISH
from resonance_tui.messaging.tap import Caught, body_of, may_be_secret, publication
from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.texts import tr

_WORDS = 400  # characters of what one says
_SUBSCRIBE, _UNSUBSCRIBE = 8, 10
_IN_TOPIC = ("channel", "viewer_id", "agent_id", "invite_id")
_NOT_SENT = ("is_retained", "left_s", "is_swept")  # what the receiver knows of its arrival
_KINDS = (
    *("", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE"),
    *("SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"),
)


@dataclass(frozen=True, slots=True)
class WireWords:
    """What a packet says, safe to draw."""

    kind: str  # of the protocol's table, or MQTT's own word
    topic: str  # "" where it has none
    says: str


def words_of(caught: Caught) -> WireWords:
    """Decoded, as far as it can be."""
    code = caught.packet[0] >> 4
    if code != PUBLISH:
        topics = ", ".join(_topics(caught)) if code in (_SUBSCRIBE, _UNSUBSCRIBE) else ""
        return WireWords(_KINDS[code], safe_text(topics, _WORDS), "")
    topic, start = publication(caught.packet, caught.is_v5)
    message = TABLE.find(topic)
    kind = message.kind if message is not None else _KINDS[code]
    says = _said(topic, caught.packet[start:])
    if may_be_secret(topic):
        says = tr("not shown: it may hold a secret")
    elif caught.packet[0] & 1:
        says = f"{says}  {tr('(retained)')}"
    return WireWords(kind, safe_text(topic, _WORDS), safe_text(says, _WORDS))


def _topics(caught: Caught) -> Iterator[str]:
    """Of SUBSCRIBE and UNSUBSCRIBE."""
    packet, at = caught.packet, body_of(caught.packet) + 2
    if caught.is_v5:
        at += 1 + packet[at]  # their properties are short
    has_options = packet[0] >> 4 == _SUBSCRIBE
    while at + 2 < len(packet):
        end = at + 2 + int.from_bytes(packet[at : at + 2], "big")
        yield packet[at + 2 : end].decode("utf-8", "replace")
        at = end + has_options


def _said(topic: str, payload: bytes) -> str:
    if not payload:
        return tr("nothing: taken back")
    if len(payload) > MAX_PACKET:
        return tr("too long to be one of ours")
    try:
        event = TABLE.decode(topic, payload)
    except WireError as error:
        return str(error)
    return " ".join(_pairs(event))


def _pairs(value: object) -> Iterator[str]:
    """Names and values of an event, of what is in it too; without what its topic says."""
    if not is_dataclass(value):
        return
    for each in fields(value):
        held = getattr(value, each.name)
        if is_dataclass(held):
            yield from _pairs(held)
        elif each.name not in (*_IN_TOPIC, *_NOT_SENT):
            yield f"{each.name}={_value(each.name, held)}"


def _value(name: str, held: object) -> str:
    if name == "code" and isinstance(held, int):
        return Emotion(held).word
    if isinstance(held, bytes):
        return tr("{count} bytes", count=len(held))
    if isinstance(held, IntEnum | StrEnum):
        return str(held.value)
    return str(held)
