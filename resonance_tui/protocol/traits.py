"""What a broker can do, as far as a connection to it has shown; pure values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.values import LATE_S, RoomSettings

MOVES_S = 16.0  # that a report may be late in a cluster: see `settings_at`

_AROUND = 90  # bytes of a packet beside its payload: the topic with its names, properties
_FEW_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class BrokerTraits:
    """One connection's view of its broker: what it announced, and what was found out."""

    expires: bool  # retained messages end by themselves: MQTT 5
    # Whether a subscription with a wildcard brings what is retained; None: not known yet.
    brings_retained: bool | None = None
    has_others: bool = False  # of the same rooms that we know: other addresses, or brokers
    retains: bool = True  # keeps retained messages at all
    max_qos: int = 2  # of what we publish
    has_wildcards: bool = True  # in subscriptions
    max_packet: int | None = None  # bytes of a packet that it takes; None: any
    receive_max: int = 65_535  # publications at QoS 1 that it takes at once
    keepalive_s: int | None = None  # that it set in place of ours
    denies_reports: bool = False  # it refused a subscription to viewers' reports
    client_id: str | None = None  # that it gave in place of ours


def settings_at(traits: BrokerTraits | None, settings: RoomSettings) -> RoomSettings:
    """A room's settings, with the patience that such a broker asks for.

    Of a cluster without expiry (NATS), nobody from a dead node comes in at another one until that
    leads the sessions: 5 to 12 s, after a heartbeat that was lost with the node.
    """
    is_cluster = traits is not None and traits.has_others and not traits.expires
    return replace(settings, late_s=MOVES_S if is_cluster else LATE_S)


def told(traits: BrokerTraits) -> str:
    """What they mean for a room, in one line."""
    parts = ["MQTT 5" if traits.expires else "MQTT 3.1.1"]
    if not traits.retains:
        parts.append("it retains nothing: newcomers count for a heartbeat")
    elif traits.brings_retained is False:
        lacks = "wildcards bring nothing that is retained"
        parts.append(f"{lacks}: newcomers count for a heartbeat")
    elif traits.brings_retained is None:
        parts.append("whether newcomers see the room at once is not known")
    elif not traits.expires:
        parts.append("nothing expires: newcomers confirm who is there")
    else:
        parts.append("newcomers see the room at once")
    parts += ["QoS 0 only"] * (traits.max_qos == 0)
    parts += ["no wildcards"] * (not traits.has_wildcards)
    parts += _limits_told(traits)
    return ", ".join(parts)


def _limits_told(traits: BrokerTraits) -> list[str]:
    """Nothing where they do not show in a room."""
    told_of: list[str] = []
    long = [] if traits.max_packet is None else _may_be_too_long(traits.max_packet)
    if long:
        most = f"packets of {traits.max_packet} bytes at most"
        told_of.append(f"{most}: long messages are left out ({', '.join(long)})")
    if traits.receive_max < _FEW_AT_ONCE:
        at_once = f"{traits.receive_max} unconfirmed at a time"
        told_of.append(f"{at_once}: enough for a viewer, slow for a host of many rooms")
    return told_of


def _may_be_too_long(max_packet: int) -> list[str]:
    """Kinds of a room's messages whose longest does not fit."""
    rows = (row for row in TABLE if row.topic.is_in_room)
    return [row.kind for row in rows if row.max_bytes + _AROUND > max_packet]
