"""Broker URLs, and what an invite holds; links.py writes and reads the links themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from resonance_tui.errors import InvalidBrokerUrl
from resonance_tui.secret import may_hold_secret
from resonance_tui.texts import mark

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
DEFAULT_PATH = "/mqtt"  # of a WebSocket address that names none
_OTHER_NAMES = {"tcp": "mqtt", "ssl": "mqtts", "tls": "mqtts"}  # as other programs call them
BROKER_SCHEMES = (*DEFAULT_PORTS, *_OTHER_NAMES)
_HINT = mark("Write mqtt://host, mqtts://user:password@host:8883 or wss://host/mqtt")
_WAYS_OUT = mark(
    "Write %23 for #, %2F for / and %3F for ?, or keep the password in RESONANCE_BROKER_PASSWORD"
)
_HOST = re.compile(
    r"[^\s/@?#\[\]\\%:,\x00-\x1f\x7f]{1,253}|[0-9a-f:.]{2,45}(%[A-Za-z0-9._~-]{1,32})?"
)
_LOOPBACK = re.compile(r"localhost\.?|127(\.[0-9]{1,3}){3}|::1|::ffff:127(\.[0-9]{1,3}){3}")
# A password may hold a comma.
_NEXT = re.compile(rf",(?=\s*(?:{'|'.join(BROKER_SCHEMES)})://)", re.IGNORECASE)
_TARGET = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:%/-]*(?:\?[A-Za-z0-9._~!$&'()*+,;=:%/?-]*)?")
MOST_BROKERS = 16
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the user trusts and shows beyond the system's authorities: paths of PEM files."""

    ca: str = ""  # authorities that count as well
    cert: str = ""  # shown to a broker that asks for it
    key: str = ""  # of `cert`; "" where it stands in the same file
    key_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """A broker's address. Neither `str()` nor `repr()` shows the password."""

    scheme: str = "mqtt"  # mqtt, mqtts, ws or wss
    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    # What the broker's certificate must be, in hexadecimal digits: 64 are the SHA-256 of all of it,
    # 32 are the first half of that of its public key.
    pin: str | None = None
    alternates: tuple[BrokerUrl, ...] = ()  # of the same rooms, in turn, when this one fails
    path: str = ""  # of a WebSocket, with its query; "" for `DEFAULT_PATH`
    files: TlsFiles | None = field(default=None, repr=False, compare=False)  # of the settings

    @property
    def is_tls(self) -> bool:
        return self.scheme in ("mqtts", "wss")

    @property
    def is_websocket(self) -> bool:
        return self.scheme in ("ws", "wss")

    @property
    def target(self) -> str:
        """What follows the authority: path and query of a WebSocket, else ""."""
        return (self.path or DEFAULT_PATH) if self.is_websocket else ""

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
        """Scheme, host, port and path, without a login."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def public(self) -> str:
        """The URL without the password, for screens and logs."""
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        return f"{self.scheme}://{user}{self.authority}{self.target}"

    @property
    def spelled_out(self) -> str:
        """All of it but the passwords, to be parsed again."""
        mark = "&" if "?" in self.target else "?"
        this = self.public + (f"{mark}pin={self.pin}" if self.pin else "")
        return ",".join([this, *(each.spelled_out for each in self.alternates)])

    def __str__(self) -> str:
        return self.public


def parse_broker_url(text: str) -> BrokerUrl:
    """`mqtt://`, `mqtts://`, `ws://` or `wss://` with host, optional port, user and password, or
    just `host:port`; `tcp://`, `ssl://` and `tls://` are other names of the first two.

    A WebSocket has a path. `mqtts://host?pin=FINGERPRINT` accepts that certificate or public key
    alone. Several with commas between them are the nodes of a cluster, to be tried in turn. Raises
    InvalidBrokerUrl.
    """
    texts = _NEXT.split(text)
    if len(texts) > MOST_BROKERS:
        refuse(
            mark(
                "Those are {len} brokers; at most {most_brokers} are tried",
                len=len(texts),
                most_brokers=MOST_BROKERS,
            )
        )
    first, *others = map(_parse_one, texts)
    return replace(first, alternates=tuple(others))


def _parse_one(text: str) -> BrokerUrl:
    text = text.strip()
    text = text if "://" in text else f"mqtt://{text}"
    check_login_is_whole(text)
    parts = split_url(text)
    scheme = _scheme(parts)
    query, target = _query_and_target(parts, scheme)
    host, port = host_and_port(parts, DEFAULT_PORTS[scheme])
    user, password = _secret(parts.username), _secret(parts.password)
    pin = pin_in(query, scheme in ("mqtts", "wss"))
    return BrokerUrl(scheme, host, port, user, password, pin, path=target)


def _scheme(parts: SplitResult) -> str:
    scheme = parts.scheme.lower()
    if scheme == "resonance":
        refuse(
            mark("That is a link to a room, and no broker's address"),
            mark("Give it in place of the channel, or write mqtt://host"),
        )
    if scheme not in BROKER_SCHEMES:
        refuse(mark("A broker's address starts with mqtt://, mqtts://, ws:// or wss://"))
    return _OTHER_NAMES.get(scheme, scheme)


def _query_and_target(parts: SplitResult, scheme: str) -> tuple[dict[str, list[str]], str]:
    """What the query says to us, and path and query of a WebSocket as `BrokerUrl.path` has
    them."""
    pieces = [each for each in parts.query.split("&") if each]
    ours = [each for each in pieces if each.partition("=")[0] == "pin"]
    others = "&".join(each for each in pieces if each not in ours)
    query = parse_qs("&".join(ours), keep_blank_values=True)
    if parts.fragment:
        refuse(mark("A broker's address ends before the #"))
    if scheme in ("ws", "wss"):
        return query, _target(parts.path, others)
    if parts.path not in ("", "/") or others:
        refuse(mark("A broker's address ends after the port; a path is for ws:// and wss://"))
    return query, ""


def _target(path: str, query: str) -> str:
    if may_hold_secret(f"?{query}") or may_hold_secret(
        f"?{unquote(query)}"
    ):  # it would be shown, and kept with the rooms
        refuse(
            mark("The query of that address may hold a key or a password"),
            mark(
                "User and password go before the host, wss://user:password@host/mqtt, or into "
                "RESONANCE_BROKER_PASSWORD; else write mqtt://host"
            ),
        )
    target = (path or DEFAULT_PATH) + (f"?{query}" if query else "")
    if not _TARGET.fullmatch(target):
        refuse(mark("The path of that address holds a character that has to be written with a %"))
    return "" if target == DEFAULT_PATH else target


def check_login_is_whole(text: str) -> None:
    """A URL's host ends at the first "/", "?" or "#", also where that stands in a password.
    Raises InvalidBrokerUrl."""
    rest = text.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(authority) :]:
        refuse(
            mark("The password in the broker's address holds a #, / or ?, which ends it"), _WAYS_OUT
        )


def refuse(why: str, hint: str = _HINT) -> NoReturn:
    """Raises InvalidBrokerUrl."""
    raise InvalidBrokerUrl(why, hint)


def split_url(text: str) -> SplitResult:
    """Raises InvalidBrokerUrl."""
    try:
        if _CONTROL.search(text):  # urlsplit would drop some of them in silence
            refuse(mark("A broker's address holds no control characters"))
        return urlsplit(_with_plain_login(text))
    except ValueError:  # half a bracket, not an IPv6 address, characters that normalise to "/"
        refuse(mark("That is no broker address"))


def _with_plain_login(text: str) -> str:
    """Without signs in user and password that `urlsplit` takes for a part of the host."""
    scheme, mark, rest = text.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, _ = authority.rpartition("@")
    plain = "".join(quote(c) if c in "[]" or not c.isascii() else c for c in login)
    return f"{scheme}{mark}{plain}{at}{rest[len(login) + len(at) :]}"


def host_and_port(parts: SplitResult, default_port: int) -> tuple[str, int]:
    """Raises InvalidBrokerUrl."""
    try:
        host, port = _without_escape(parts.hostname or ""), parts.port
    except ValueError:
        refuse(mark("The port is a number from 1 to 65535"))
    if not (_HOST.fullmatch(host) and host.isprintable()):  # a sign may turn the line around
        refuse(mark("The broker's address names no host"))
    if port == 0:
        refuse(mark("The port is a number from 1 to 65535"))
    return host, port or default_port


def _without_escape(host: str) -> str:
    """The zone of an IPv6 address, fe80::1%eth0, is written %25eth0 in a URL (RFC 6874)."""
    return host.replace("%25", "%", 1) if ":" in host else host


def _secret(text: str | None) -> str | None:
    if not text:
        return None
    plain = unquote(text)
    if _CONTROL.search(plain):
        refuse(mark("User and password hold no control characters"))
    return plain


def pin_in(query: dict[str, list[str]], is_tls: bool) -> str | None:
    """Raises InvalidBrokerUrl."""
    if "pin" not in query:
        return None
    pin = query["pin"][-1].replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}", pin):
        refuse(mark("A certificate's fingerprint has 32 or 64 hexadecimal digits"))
    if not is_tls:
        refuse(mark("A certificate's fingerprint is for mqtts:// and wss://"))
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
