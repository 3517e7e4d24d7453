"""Links as they were written before they carried a code: `resonance://host:1883/channel?...`.

They go on working, and are still written for what a code cannot hold: the fingerprint of a whole
certificate, or a token whose id does not follow from its secret.
"""

from __future__ import annotations

import re
import zlib
from urllib.parse import parse_qs

from resonance_tui.errors import InvalidChannel
from resonance_tui.protocol.link_code import base32
from resonance_tui.protocol.topics import is_channel
from resonance_tui.protocol.urls import (
    DEFAULT_PORTS,
    BrokerUrl,
    Invite,
    InviteToken,
    host_and_port,
    pin_in,
    refuse,
    split_url,
)
from resonance_tui.texts import mark

COPY = mark("Copy the whole link, from resonance:// to its end")
_KEYS = {"tls", "pin", "invite"}
EXAMPLE = mark("A link looks like resonance://host:1883/channel/code")


def former_link(url: BrokerUrl, channel: str, ticket: InviteToken | None = None) -> str:
    """A link to this room without a user name; only the token, where there is one, is a secret."""
    query = ["tls=1"] if url.is_tls else []
    query += [f"pin={url.pin}"] if url.pin else []
    if ticket is not None:
        query.append(f"invite={ticket.id}-{ticket.secret}{_check_sum(url, channel, ticket)}")
    link = f"resonance://{url.authority}/{channel}"
    return f"{link}?{'&'.join(query)}" if query else link


def parse_former(text: str) -> Invite:
    """Raises InvalidBrokerUrl or InvalidChannel."""
    parts = split_url(text)
    if parts.scheme != "resonance" or "@" in parts.netloc or parts.fragment:
        refuse(mark("That is no link to a room"), EXAMPLE)
    query = parse_qs(parts.query, keep_blank_values=True)
    if query.keys() - _KEYS:  # without a key that was mistyped, it would be another link
        refuse(mark("That link is mistyped"), COPY)
    scheme = _scheme(query)
    host, port = host_and_port(parts, DEFAULT_PORTS[scheme])
    channel = parts.path.removeprefix("/")
    if not is_channel(channel):
        raise InvalidChannel(mark("That link is cut short: it names no channel"), COPY)
    url = BrokerUrl(scheme, host, port, pin=pin_in(query, scheme == "mqtts"))
    return Invite(url, channel, _ticket(query, url, channel), is_checked=bool(query))


def _scheme(query: dict[str, list[str]]) -> str:
    if query.get("tls", ["1"]) != ["1"]:
        refuse(mark("That link is mistyped"), COPY)
    return "mqtts" if "tls" in query else "mqtt"


def _ticket(query: dict[str, list[str]], url: BrokerUrl, channel: str) -> InviteToken | None:
    if "invite" not in query:
        return None
    found = re.fullmatch(r"([a-z2-7]{8})-([a-z2-7]{16,64})([a-z2-7]{4})", query["invite"][-1])
    ticket = InviteToken(found[1], found[2]) if found else None
    if found is None or ticket is None or found[3] != _check_sum(url, channel, ticket):
        refuse(mark("That link is mistyped"), COPY)
    return ticket


def _check_sum(url: BrokerUrl, channel: str, ticket: InviteToken) -> str:
    text = f"{channel}/{ticket.id}/{ticket.secret}/{url.pin or ''}"
    return base32(zlib.crc32(text.encode()).to_bytes(4))[:4]
