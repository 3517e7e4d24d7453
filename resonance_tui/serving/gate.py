"""Pure: who may ask. A page of another site must neither read the room nor guess a token."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from resonance_tui.secret import Secret

FOREIGN = ("cross-site", "same-site")  # another port of this machine is the same site
LOCAL_NAMES = ("localhost",)
ANY_BYTE = "surrogateescape"  # how a token from the environment keeps what is no UTF-8


@dataclass(frozen=True, slots=True)
class Gate:
    """`names`: host names by which one may ask; addresses of IP are taken as they are, where
    `is_local` those of this machine alone. `token`: asked for where it is not empty."""

    is_local: bool = True
    names: Collection[str] = LOCAL_NAMES
    token: Secret = field(default_factory=Secret)

    def refusal(self, headers: Mapping[str, str], *, is_page: bool) -> str:
        """Why a request is refused; "" where it is not. `is_page`: a link of another site may lead
        here, since what it opens cannot be read from there."""
        host = headers.get("host", "")
        if not self._knows(host):
            return "This is not the address that the room is served at."
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return "Pages of other sites may not read the room."
        goes_here = is_page and headers.get("sec-fetch-mode") == "navigate"
        is_framed = headers.get("sec-fetch-dest", "document") != "document"
        if headers.get("sec-fetch-site") in FOREIGN and (is_framed or not goes_here):
            return "Pages of other sites may not read the room."
        return ""

    def admits(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether they have the token: `?token=` in the address, or as a bearer."""
        if not self.token:
            return True
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        is_bearer = scheme.lower() == "bearer"
        given = (
            bearer.strip().encode("latin-1", ANY_BYTE)
            if is_bearer
            else _bytes(query.get("token", ""))
        )
        return hmac.compare_digest(given, _bytes(self.token.reveal()))

    def _knows(self, host: str) -> bool:
        name = host_name(host)
        try:
            address = ipaddress.ip_address(name)
        except ValueError:  # whoever has a name server can let a name lead anywhere
            return name in self.names
        return address.is_loopback or not self.is_local


def _bytes(text: str) -> bytes:
    return text.encode(errors=ANY_BYTE)  # a variable of the environment may hold any byte


def host_name(host: str) -> str:
    """Of a Host header, without port and brackets, in lower case."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower().removesuffix(".")
