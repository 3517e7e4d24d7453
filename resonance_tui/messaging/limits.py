"""What a broker announces in its CONNACK, and what of ours fits into it; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paho.mqtt.properties import Properties

from resonance_tui.errors import BrokerUnfit
from resonance_tui.messaging.reasons import NEEDS
from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.texts import mark

_EXPIRY_SIZE = 5  # bytes of a message expiry among the properties


@dataclass(frozen=True, slots=True)
class WillLimits:
    """What of a will is not refused with the whole connection; learned by trying."""

    retains: bool = True
    max_qos: int = 2


def traits_of(properties: Properties | None, learned: WillLimits, *, is_v5: bool) -> BrokerTraits:
    """From the properties of a CONNACK; below MQTT 5 nothing is announced."""
    if not is_v5:
        return BrokerTraits(expires=False)

    def announced(name: str, default: Any) -> Any:
        return getattr(properties, name, default)

    retains = bool(announced("RetainAvailable", 1)) and learned.retains
    return BrokerTraits(
        expires=True,
        brings_retained=None if retains else False,
        retains=retains,
        max_qos=min(announced("MaximumQoS", 2), learned.max_qos),
        has_wildcards=bool(announced("WildcardSubscriptionAvailable", 1)),
        max_packet=announced("MaximumPacketSize", None),
        receive_max=max(1, announced("ReceiveMaximum", 65_535)),
        keepalive_s=announced("ServerKeepAlive", None),
        client_id=announced("AssignedClientIdentifier", None),
    )


def check_fit(traits: BrokerTraits, broker: str) -> None:
    """Raises BrokerUnfit where no room can be held. `broker`: its host and port."""
    if not traits.has_wildcards:
        raise BrokerUnfit(
            mark(
                "{broker} allows no subscription with a wildcard, and without one no room can "
                "be heard",
                broker=broker,
            ),
            NEEDS,
        )


def publish_size(message: Outgoing, *, is_v5: bool, qos: int) -> int:
    """Bytes of the whole packet."""
    properties = 1 + _EXPIRY_SIZE * (message.expiry_s is not None) if is_v5 else 0
    body = 2 + len(message.topic.encode()) + 2 * (qos > 0) + properties + len(message.payload)
    return _with_head(body)


def check_subscription(topic: str, traits: BrokerTraits, broker: str) -> None:
    """Raises BrokerUnfit for a broker that does not take as long a request."""
    size = _with_head(2 + traits.expires + 2 + len(topic.encode()) + 1)
    if traits.max_packet is not None and size > traits.max_packet:
        raise BrokerUnfit(
            mark(
                "{broker} takes packets of {max_packet} bytes at most, and asking for a room's "
                "messages takes {size}",
                broker=broker,
                max_packet=traits.max_packet,
                size=size,
            ),
            mark("Use a broker that takes longer ones, or a shorter name for the room"),
        )


def _with_head(body: int) -> int:
    return 1 + max(1, (body.bit_length() + 6) // 7) + body


def left_out(message: Outgoing, traits: BrokerTraits) -> str:
    """One line for a person."""
    row = TABLE.find(message.topic)
    what = row.kind if row is not None else mark("a message")
    return mark(
        "this broker takes packets of {max_packet} bytes at most: no {what} is sent",
        max_packet=traits.max_packet,
        what=what,
    )
