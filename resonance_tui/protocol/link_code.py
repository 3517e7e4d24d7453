"""The last part of a link: flags, a fingerprint, a secret, and a check sum over the whole link.

Base32 texts one after the other: 2 characters of flags, 26 of a fingerprint (128 bits), 20 of a
secret (100 bits), 5 of check sum; the middle two where there are such. docs/PROTOCOL.md, "Links".
"""

from __future__ import annotations

import hashlib
from base64 import b32decode, b32encode
from dataclasses import dataclass, field

VERSION = 0
WEB_VERSION = 1  # the same, of a broker that is reached by WebSocket at the usual path
PRINT_DIGITS = 32  # hexadecimal ones of a fingerprint
SECRET_LENGTH = 20
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"

_KNOWN = (VERSION, WEB_VERSION)
_TLS, _PRINT, _OF_CERTIFICATE, _SECRET = 1, 2, 4, 8
_FLAGS_LENGTH, _PRINT_LENGTH, _SUM_LENGTH = 2, 26, 5
SHORTEST = _FLAGS_LENGTH + _SUM_LENGTH


class Mistyped(ValueError):
    """Its check sum does not fit, or its parts contradict each other."""


class CutShort(ValueError):
    """There is less of it than its first two characters say."""


class FromLaterVersion(ValueError):
    """Whole, and of a version that is not known here."""


@dataclass(frozen=True, slots=True)
class LinkCode:
    """What stands behind host and channel. `fingerprint`: 32 hexadecimal digits, of the
    certificate's public key or else of the room's host key; "" for none. `secret`: 20 base32
    characters; "" for none."""

    is_tls: bool = False
    fingerprint: str = ""
    is_of_certificate: bool = False
    secret: str = field(default="", repr=False)
    is_websocket: bool = False

    @property
    def flags(self) -> int:
        """The version in the high half of a byte, what is there in the low half."""
        return (
            (WEB_VERSION if self.is_websocket else VERSION) << 4
            | _TLS * self.is_tls
            | _PRINT * bool(self.fingerprint)
            | _OF_CERTIFICATE * self.is_of_certificate
            | _SECRET * bool(self.secret)
        )


def base32(data: bytes) -> str:
    """In lower case and without padding."""
    return b32encode(data).decode().rstrip("=").lower()


def encode(place: str, code: LinkCode) -> str:
    """The code of a link to `place`: hosts and channel with a slash between them."""
    text = base32(bytes([code.flags])) + base32(bytes.fromhex(code.fingerprint)) + code.secret
    return text + _check_sum(f"{place}/{text}")


def decode(place: str, text: str) -> LinkCode:
    """What the code `text` of a link to `place` says. Raises Mistyped, CutShort and
    FromLaterVersion."""
    is_right = len(text) >= SHORTEST and text.endswith(_check_sum(f"{place}/{text[:-_SUM_LENGTH]}"))
    flags = _flags(text)
    if is_right and flags is not None and flags >> 4 not in _KNOWN:
        raise FromLaterVersion
    if not is_right:
        raise CutShort if len(text) < (code_length(text) or SHORTEST) else Mistyped
    if flags is None or len(text) != code_length(text):
        raise Mistyped
    return _parts(flags, text[_FLAGS_LENGTH:-_SUM_LENGTH])


def code_length(text: str) -> int | None:
    """How long the code that begins like this is; None where its first two characters do not say
    that, or say so in another version's way."""
    flags = _flags(text)
    if flags is None or flags >> 4 not in _KNOWN:
        return None
    middle = _PRINT_LENGTH * bool(flags & _PRINT) + SECRET_LENGTH * bool(flags & _SECRET)
    return SHORTEST + middle


def _flags(text: str) -> int | None:
    try:
        (flags,) = b32decode(text[:_FLAGS_LENGTH].upper() + "=" * 6)
    except ValueError:  # other characters, or fewer
        return None
    return flags


def _parts(flags: int, middle: str) -> LinkCode:
    """Raises Mistyped for flags that contradict each other."""
    is_of_certificate = bool(flags & _OF_CERTIFICATE)
    if is_of_certificate and flags & (_TLS | _PRINT) != _TLS | _PRINT:
        raise Mistyped
    end = _PRINT_LENGTH if flags & _PRINT else 0
    fingerprint = b32decode(middle[:end].upper() + "=" * 6).hex() if end else ""
    is_websocket = flags >> 4 == WEB_VERSION
    return LinkCode(bool(flags & _TLS), fingerprint, is_of_certificate, middle[end:], is_websocket)


def _check_sum(text: str) -> str:
    return base32(hashlib.sha256(text.encode()).digest())[:_SUM_LENGTH]
