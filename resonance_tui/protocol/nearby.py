"""What a host tells its own network of a room (DNS-SD, RFC 6763), and what a guest makes of it.

Anybody on the network may say anything there: what comes in is read or dropped as a whole.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.topics import VERSION, is_channel
from resonance_tui.protocol.urls import BrokerUrl, InviteToken

SERVICE = "_resonance-tui._tcp.local."
TITLE_LIMIT = 60  # characters and cells
HOST_LIMIT = 32
MOST_ADDRESSES = 4
_MOST_BYTES = 1024  # of all records of a room; ours have some 300
_PRINT = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_HOST_PRINT = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?")
_TICKET = re.compile(r"([a-z2-7]{8})-([a-z2-7]{16,64})")


@dataclass(frozen=True, slots=True)
class NearbyRoom:
    """A room on this network, as its host, or somebody in its name, describes it."""

    channel: str
    title: str  # "" for none
    url: BrokerUrl  # with the certificate's print as its pin; other addresses as alternates
    host: str  # the machine's name, for a person; "" where it does not say
    host_print: str | None = None  # of the room's host key, where no pin covers it
    ticket: InviteToken | None = None  # lets everybody on this network in
    needs_link: bool = False  # there are accounts, and no ticket for everybody

    @property
    def fingerprint(self) -> str:
        """What one trusts by joining: 32 or 64 hexadecimal digits; "" where there is nothing."""
        return self.url.pin or self.host_print or ""


# --- the host's side ---------------------------------------------------------------------------


def records(room: NearbyRoom) -> dict[str, str]:
    """The TXT records of a room; its addresses and its port travel beside them."""
    told = {
        "v": str(VERSION),
        "channel": room.channel,
        "title": room.title,
        "host": room.host,
        "tls": "1" if room.url.is_tls else "",
        "print": room.url.pin or "",
        "key": room.host_print or "",
        "name": "" if room.url.pin or not room.url.is_tls else room.url.host,
        "ticket": f"{room.ticket.id}-{room.ticket.secret}" if room.ticket else "",
        "link": "1" if room.needs_link else "",
    }
    return {key: value for key, value in told.items() if value}


# --- the guest's side --------------------------------------------------------------------------


def read_room(
    txt: Mapping[bytes, bytes | None], addresses: Sequence[str], port: int | None
) -> NearbyRoom | None:
    """The room of a service with these TXT records; None for what is no room that one can reach.

    `addresses`: as `192.168.1.5`, `fd00::1` or `fe80::1%2`. Text is made safe to show.
    """
    told = _texts(txt)
    channel = told.get("channel", "")
    url = _broker(told, addresses, port or 0)
    if told.get("v") != str(VERSION) or not is_channel(channel) or url is None:
        return None
    found = _TICKET.fullmatch(told.get("ticket", ""))
    key = told.get("key", "")
    return NearbyRoom(
        channel,
        safe_text(told.get("title", ""), TITLE_LIMIT),
        url,
        safe_text(told.get("host", ""), HOST_LIMIT),
        key if _HOST_PRINT.fullmatch(key) else None,
        InviteToken(found[1], found[2]) if found else None,
        needs_link=told.get("link") == "1" and found is None,
    )


def _texts(txt: Mapping[bytes, bytes | None]) -> dict[str, str]:
    """Nothing at all where it is too much, or no text."""
    if sum(len(key) + len(value or b"") for key, value in txt.items()) > _MOST_BYTES:
        return {}
    try:
        return {key.decode("ascii").lower(): (value or b"").decode() for key, value in txt.items()}
    except UnicodeDecodeError:
        return {}


def _broker(told: Mapping[str, str], addresses: Sequence[str], port: int) -> BrokerUrl | None:
    pin, is_tls = told.get("print", ""), told.get("tls") == "1"
    if not 0 < port < 65536 or (pin and not (is_tls and _PRINT.fullmatch(pin))):
        return None
    hosts = _in_order(addresses)
    if is_tls and not pin:  # an authority vouches for it, under a name
        hosts = [told["name"]] if _NAME.fullmatch(told.get("name", "")) else []
    scheme = "mqtts" if is_tls else "mqtt"
    urls = [BrokerUrl(scheme, host, port, pin=pin or None) for host in hosts[:MOST_ADDRESSES]]
    return replace(urls[0], alternates=tuple(urls[1:])) if urls else None


def _in_order(addresses: Sequence[str]) -> list[str]:
    """Those that another machine may have, the likeliest to be reached first."""
    ranked = {each: rank for each in addresses if (rank := _rank(each)) is not None}
    return sorted(ranked, key=lambda each: ranked[each])


def _rank(address: str) -> int | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_reserved:
        return None
    if ip.version == 6 and ip.is_link_local:
        return 3 if "%" in address else None  # without the interface it leads nowhere
    return 2 if ip.is_link_local else ip.version == 6
