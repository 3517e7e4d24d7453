"""Broker URLs, and invite URLs that a host hands out."""

from __future__ import annotations

import re
import zlib
from base64 import b32encode
from dataclasses import dataclass, field, replace
from typing import NoReturn
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from resonance_tui.errors import InvalidBrokerUrl, InvalidChannel
from resonance_tui.protocol.topics import is_channel

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_HINT = "Write mqtt://host, mqtt://host:1883 or mqtts://user:password@host:8883"
_WAYS_OUT = (
    "Write %23 for #, %2F for / and %3F for ?, or keep the password in RESONANCE_BROKER_PASSWORD"
)
_HOST = re.compile(
    r"[^\s/@?#\[\]\\%:,\x00-\x1f\x7f]{1,253}|[0-9a-f:.]{2,45}(%[A-Za-z0-9._~-]{1,32})?"
)
_LOOPBACK = re.compile(r"localhost\.?|127(\.[0-9]{1,3}){3}|::1|::ffff:127(\.[0-9]{1,3}){3}")
_NEXT = re.compile(r",(?=\s*mqtts?://)", re.IGNORECASE)  # a password may hold a comma
MOST_BROKERS = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """A broker's address. Neither `str()` nor `repr()` shows the password."""

    scheme: str = "mqtt"  # mqtt or mqtts
    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    pin: str | None = None  # SHA-256 of the only certificate to accept, 64 hexadecimal digits
    alternates: tuple[BrokerUrl, ...] = ()  # of the same rooms, in turn, when this one fails

    @property
    def is_tls(self) -> bool:
        return self.scheme == "mqtts"

    @property
    def authority(self) -> str:
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether everybody who is given this address comes to their own computer."""
        return bool(_LOOPBACK.fullmatch(self.host))

    @property
    def place(self) -> str:
        """Scheme, host and port, without a login."""
        return f"{self.scheme}://{self.authority}"

    @property
    def public(self) -> str:
        """The URL without the password, for screens and logs."""
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        return f"{self.scheme}://{user}{self.authority}"

    @property
    def spelled_out(self) -> str:
        """All of it but the password, to be parsed again."""
        return self.public + (f"?pin={self.pin}" if self.pin else "")

    def __str__(self) -> str:
        return self.public


def parse_broker_url(text: str) -> BrokerUrl:
    """`mqtt://` or `mqtts://` with host, optional port, user and password; or just `host:port`.

    `mqtts://host?pin=FINGERPRINT` accepts that certificate alone. Several with commas between
    them are the nodes of a cluster, to be tried in turn. Raises InvalidBrokerUrl.
    """
    texts = _NEXT.split(text)
    if len(texts) > MOST_BROKERS:
        _refuse(f"Those are {len(texts)} brokers; at most {MOST_BROKERS} are tried")
    first, *others = map(_parse_one, texts)
    return replace(first, alternates=tuple(others))


def _parse_one(text: str) -> BrokerUrl:
    text = text.strip()
    text = text if "://" in text else f"mqtt://{text}"
    _check_login_is_whole(text)
    parts = _split(text)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        _refuse("A broker's address starts with mqtt:// or mqtts://")
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.path not in ("", "/") or query.keys() - {"pin"} or parts.fragment:
        _refuse("A broker's address ends after the port")
    host, port = _host_and_port(parts, DEFAULT_PORTS[scheme])
    user, password = _secret(parts.username), _secret(parts.password)
    return BrokerUrl(scheme, host, port, user, password, _pin(query, scheme == "mqtts"))


def _check_login_is_whole(text: str) -> None:
    """A URL's host ends at the first "/", "?" or "#", also where that stands in a password."""
    rest = text.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        _refuse("The password in the broker's address holds a #, / or ?, which ends it", _WAYS_OUT)


def _refuse(why: str, hint: str = _HINT) -> NoReturn:
    raise InvalidBrokerUrl(why, hint)


def _split(text: str) -> SplitResult:
    try:
        if _CONTROL.search(text):  # urlsplit would drop some of them in silence
            _refuse("A broker's address holds no control characters")
        return urlsplit(text)
    except ValueError:  # half a bracket, not an IPv6 address, characters that normalise to "/"
        _refuse("That is no broker address")


def _host_and_port(parts: SplitResult, default_port: int) -> tuple[str, int]:
    try:
        host, port = _without_escape(parts.hostname or ""), parts.port
    except ValueError:
        _refuse("The port is a number from 1 to 65535")
    if not _HOST.fullmatch(host):
        _refuse("The broker's address names no host")
    if port == 0:
        _refuse("The port is a number from 1 to 65535")
    return host, port or default_port


def _without_escape(host: str) -> str:
    """The zone of an IPv6 address, fe80::1%eth0, is written %25eth0 in a URL (RFC 6874)."""
    return host.replace("%25", "%", 1) if ":" in host else host


def _secret(text: str | None) -> str | None:
    if not text:
        return None
    plain = unquote(text)
    if _CONTROL.search(plain):
        _refuse("User and password hold no control characters")
    return plain


def _pin(query: dict[str, list[str]], is_tls: bool) -> str | None:
    if "pin" not in query:
        return None
    pin = query["pin"][-1].replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", pin):
        _refuse("A certificate's fingerprint has 64 hexadecimal digits")
    if not is_tls:
        _refuse("A certificate's fingerprint is for mqtts://")
    return pin


# --- invites -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InviteToken:
    """A secret that can be redeemed for an account once."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """The contents of an invite: broker, room, and the token, if the broker needs one."""

    url: BrokerUrl
    channel: str
    ticket: InviteToken | None = None


def invite_link(url: BrokerUrl, channel: str, ticket: InviteToken | None = None) -> str:
    """A link to this room without a user name; only the token, where there is one, is a secret."""
    query = ["tls=1"] if url.is_tls else []
    query += [f"pin={url.pin}"] if url.pin else []
    if ticket is not None:
        query.append(f"invite={ticket.id}-{ticket.secret}{_check_digits(url, channel, ticket)}")
    link = f"resonance://{url.authority}/{channel}"
    return f"{link}?{'&'.join(query)}" if query else link


def _check_digits(url: BrokerUrl, channel: str, ticket: InviteToken) -> str:
    """A check sum, so that a typing error is not taken for an invite that is no longer good."""
    text = f"{channel}/{ticket.id}/{ticket.secret}/{url.pin or ''}"
    return b32encode(zlib.crc32(text.encode()).to_bytes(4)).decode()[:4].lower()


def parse_invite(text: str) -> Invite:
    """Parses an invite URL. Raises InvalidBrokerUrl or InvalidChannel."""
    hint = "An invite looks like resonance://host:1883/channel"
    parts = _split(text.strip())
    if parts.scheme.lower() != "resonance" or "@" in parts.netloc or parts.fragment:
        _refuse("That is no invite", hint)
    query = parse_qs(parts.query, keep_blank_values=True)
    scheme = "mqtts" if query.get("tls") == ["1"] else "mqtt"
    host, port = _host_and_port(parts, DEFAULT_PORTS[scheme])
    channel = parts.path.removeprefix("/")
    if not is_channel(channel):
        raise InvalidChannel("That invite names no channel", hint)
    url = BrokerUrl(scheme, host, port, pin=_pin(query, scheme == "mqtts"))
    return Invite(url, channel, _ticket(query, url, channel))


def _ticket(query: dict[str, list[str]], url: BrokerUrl, channel: str) -> InviteToken | None:
    if "invite" not in query:
        return None
    found = re.fullmatch(r"([a-z2-7]{8})-([a-z2-7]{16,64})([a-z2-7]{4})", query["invite"][-1])
    ticket = InviteToken(found[1], found[2]) if found else None
    if found is None or ticket is None or found[3] != _check_digits(url, channel, ticket):
        _refuse("That invite is mistyped", "Copy the whole link, from resonance:// to its end")
    return ticket
