"""What a broker's certificate is known by: all of it, or its public key alone."""

from __future__ import annotations

import hashlib

PRINT_DIGITS = 32  # of a key's print: a link has room for 128 bits
_SEQUENCE, _VERSION = 0x30, 0xA0


def certificate_print(der: bytes) -> str:
    """SHA-256 of the whole certificate: 64 hexadecimal digits, others after each renewal."""
    return hashlib.sha256(der).hexdigest()


def key_print(der: bytes) -> str:
    """The first half of SHA-256 of the certificate's SubjectPublicKeyInfo: 32 hexadecimal digits,
    the same for every certificate of that key. Raises ValueError for what is no certificate."""
    return hashlib.sha256(public_key_info(der)).hexdigest()[:PRINT_DIGITS]


def print_like(pin: str, der: bytes) -> str:
    """The certificate's print of the kind that `pin` is. Raises ValueError."""
    return key_print(der) if len(pin) == PRINT_DIGITS else certificate_print(der)


def public_key_info(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of an X.509 certificate, as it stands there.

    Raises ValueError for what is no certificate.
    """
    start, end = _content(der, 0, _SEQUENCE)
    at, _ = _content(der, start, _SEQUENCE)  # of what is signed
    if der[at : at + 1] == bytes([_VERSION]):
        at = _end(der, at)
    for _ in range(5):  # serial number, algorithm, issuer, validity, subject
        at = _end(der, at)
    _, key_end = _content(der, at, _SEQUENCE)
    if key_end > end:
        raise ValueError("a part longer than the whole")
    return der[at:key_end]


def _content(der: bytes, at: int, tag: int) -> tuple[int, int]:
    """From where to where the content of the element at `at` reaches."""
    if der[at : at + 1] != bytes([tag]):
        raise ValueError("not a certificate")
    start, length = _header(der, at)
    if start + length > len(der):
        raise ValueError("cut off")
    return start, start + length


def _end(der: bytes, at: int) -> int:
    start, length = _header(der, at)
    return start + length


def _header(der: bytes, at: int) -> tuple[int, int]:
    """Where the element's content starts, and how long it is."""
    if at + 2 > len(der):
        raise ValueError("cut off")
    first = der[at + 1]
    if first < 0x80:
        return at + 2, first
    digits = der[at + 2 : at + 2 + (first & 0x7F)]
    if not 0 < len(digits) <= 4 or len(digits) != first & 0x7F:
        raise ValueError("no length")
    return at + 2 + len(digits), int.from_bytes(digits)
