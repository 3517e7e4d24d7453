"""Broker URLs, and what an invite holds; links.py writes and reads the links themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from resonance_tui.errors import InvalidBrokerUrl

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
    # What the broker's certificate must be, in hexadecimal digits: 64 are the SHA-256 of all of it,
    # 32 are the first half of that of its public key.
    pin: str | None = None
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
        """All of it but the passwords, to be parsed again."""
        this = self.public + (f"?pin={self.pin}" if self.pin else "")
        return ",".join([this, *(each.spelled_out for each in self.alternates)])

    def __str__(self) -> str:
        return self.public


def parse_broker_url(text: str) -> BrokerUrl:
    """`mqtt://` or `mqtts://` with host, optional port, user and password; or just `host:port`.

    `mqtts://host?pin=FINGERPRINT` accepts that certificate or public key alone. Several with
    commas between them are the nodes of a cluster, to be tried in turn. Raises InvalidBrokerUrl.
    """
    texts = _NEXT.split(text)
    if len(texts) > MOST_BROKERS:
        refuse(f"Those are {len(texts)} brokers; at most {MOST_BROKERS} are tried")
    first, *others = map(_parse_one, texts)
    return replace(first, alternates=tuple(others))


def _parse_one(text: str) -> BrokerUrl:
    text = text.strip()
    text = text if "://" in text else f"mqtt://{text}"
    check_login_is_whole(text)
    parts = split_url(text)
    scheme = parts.scheme.lower()
    if scheme == "resonance":
        refuse(
            "That is a link to a room, and no broker's address",
            "Give it in place of the channel, or write mqtt://host",
        )
    if scheme not in DEFAULT_PORTS:
        refuse("A broker's address starts with mqtt:// or mqtts://")
    query = parse_qs(parts.query, keep_blank_values=True)
    if parts.path not in ("", "/") or query.keys() - {"pin"} or parts.fragment:
        refuse("A broker's address ends after the port")
    host, port = host_and_port(parts, DEFAULT_PORTS[scheme])
    user, password = _secret(parts.username), _secret(parts.password)
    return BrokerUrl(scheme, host, port, user, password, pin_in(query, scheme == "mqtts"))


def check_login_is_whole(text: str) -> None:
    """A URL's host ends at the first "/", "?" or "#", also where that stands in a password.
    Raises InvalidBrokerUrl."""
    rest = text.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        refuse("The password in the broker's address holds a #, / or ?, which ends it", _WAYS_OUT)


def refuse(why: str, hint: str = _HINT) -> NoReturn:
    """Raises InvalidBrokerUrl."""
    raise InvalidBrokerUrl(why, hint)


def split_url(text: str) -> SplitResult:
    """Raises InvalidBrokerUrl."""
    try:
        if _CONTROL.search(text):  # urlsplit would drop some of them in silence
            refuse("A broker's address holds no control characters")
        return urlsplit(text)
    except ValueError:  # half a bracket, not an IPv6 address, characters that normalise to "/"
        refuse("That is no broker address")


def host_and_port(parts: SplitResult, default_port: int) -> tuple[str, int]:
    """Raises InvalidBrokerUrl."""
    try:
        host, port = _without_escape(parts.hostname or ""), parts.port
    except ValueError:
        refuse("The port is a number from 1 to 65535")
    if not (_HOST.fullmatch(host) and host.isprintable()):  # a sign may turn the line around
        refuse("The broker's address names no host")
    if port == 0:
        refuse("The port is a number from 1 to 65535")
    return host, port or default_port


def _without_escape(host: str) -> str:
    """The zone of an IPv6 address, fe80::1%eth0, is written %25eth0 in a URL (RFC 6874)."""
    return host.replace("%25", "%", 1) if ":" in host else host


def _secret(text: str | None) -> str | None:
    if not text:
        return None
    plain = unquote(text)
    if _CONTROL.search(plain):
        refuse("User and password hold no control characters")
    return plain


def pin_in(query: dict[str, list[str]], is_tls: bool) -> str | None:
    """Raises InvalidBrokerUrl."""
    if "pin" not in query:
        return None
    pin = query["pin"][-1].replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}", pin):
        refuse("A certificate's fingerprint has 32 or 64 hexadecimal digits")
    if not is_tls:
        refuse("A certificate's fingerprint is for mqtts://")
    return pin


@dataclass(frozen=True, slots=True)
class InviteToken:
    """A secret that can be redeemed for an account."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invite:
    """What a link says: broker, room, and the token, if the broker needs one."""

    url: BrokerUrl
    channel: str
    ticket: InviteToken | None = None
    # Of the room's host key: 32 hexadecimal digits. None where the broker's pin covers it, or where
    # the link does not tell.
    host_print: str | None = None
    is_checked: bool = field(default=True, compare=False)  # False: may have been cut short
