"""Where a broker is: URLs that a person types, and invites that a person sends on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from resonance_tui.errors import InvalidBrokerUrl, InvalidChannel

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}
_HINT = "Write mqtt://host, mqtt://host:1883 or mqtts://user:password@host:8883"
_HOST = re.compile(r"[^\s/@?#\[\]\\%:\x00-\x1f\x7f]{1,253}|[0-9a-f:.]{2,45}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """A broker's address. Neither `str()` nor `repr()` shows the password."""

    scheme: str = "mqtt"  # mqtt or mqtts
    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def is_tls(self) -> bool:
        return self.scheme == "mqtts"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def public(self) -> str:
        """The URL without the password, for screens and logs."""
        user = f"{quote(self.username, safe='')}@" if self.username else ""
        return f"{self.scheme}://{user}{self.authority}"

    def __str__(self) -> str:
        return self.public


def parse_broker_url(text: str) -> BrokerUrl:
    """`mqtt://` or `mqtts://` with host, optional port, user and password; or just `host:port`.

    Raises InvalidBrokerUrl.
    """
    text = text.strip()
    parts = _split(text if "://" in text else f"mqtt://{text}")
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        _refuse("A broker's address starts with mqtt:// or mqtts://")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        _refuse("A broker's address ends after the port")
    host, port = _host_and_port(parts, DEFAULT_PORTS[scheme])
    return BrokerUrl(scheme, host, port, _secret(parts.username), _secret(parts.password))


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
        host, port = parts.hostname or "", parts.port
    except ValueError:
        _refuse("The port is a number from 1 to 65535")
    if not _HOST.fullmatch(host):
        _refuse("The broker's address names no host")
    if port == 0:
        _refuse("The port is a number from 1 to 65535")
    return host, port or default_port


def _secret(text: str | None) -> str | None:
    if not text:
        return None
    plain = unquote(text)
    if _CONTROL.search(plain):
        _refuse("User and password hold no control characters")
    return plain


def invite_link(url: BrokerUrl, channel: str) -> str:
    """A link to this room that names nobody and holds no secret."""
    return f"resonance://{url.authority}/{channel}" + ("?tls=1" if url.is_tls else "")


def parse_invite(text: str) -> tuple[BrokerUrl, str]:
    """Broker and channel of an invite. Raises InvalidBrokerUrl or InvalidChannel."""
    hint = "An invite looks like resonance://host:1883/channel"
    parts = _split(text.strip())
    if parts.scheme.lower() != "resonance" or "@" in parts.netloc or parts.fragment:
        _refuse("That is no invite", hint)
    scheme = "mqtts" if parse_qs(parts.query).get("tls") == ["1"] else "mqtt"
    host, port = _host_and_port(parts, DEFAULT_PORTS[scheme])
    channel = parts.path.removeprefix("/")
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", channel):
        raise InvalidChannel("That invite names no channel", hint)
    return BrokerUrl(scheme, host, port), channel
