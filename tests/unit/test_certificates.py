"""What a certificate is known by, against the library that makes them."""

from __future__ import annotations

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.protocol.certificates import (
    certificate_print,
    key_print,
    print_like,
    public_key_info,
)

NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
KEYS = {
    "EC": ec.generate_private_key(ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def certificate(kind: str, name: str = "room", days: int = 10) -> bytes:
    key = KEYS[kind]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + datetime.timedelta(days=days))
        .sign(key, None if kind == "Ed25519" else hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize("kind", KEYS)
def test_the_public_key_is_found_in_a_certificate(kind: str) -> None:
    public = KEYS[kind].public_key()
    expected = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key_info(certificate(kind)) == expected
    assert key_print(certificate(kind)) == hashlib.sha256(expected).hexdigest()[:32]


def test_a_renewed_certificate_of_the_same_key_keeps_the_key_s_print() -> None:
    before, after = certificate("EC"), certificate("EC", "another name", 90)
    assert certificate_print(before) != certificate_print(after)
    assert key_print(before) == key_print(after) != key_print(certificate("RSA"))


def test_a_print_is_of_the_kind_that_was_asked_for() -> None:
    der = certificate("EC")
    assert print_like("0" * 32, der) == key_print(der)
    assert print_like("0" * 64, der) == certificate_print(der)


@given(st.binary(max_size=300) | st.integers(0, 200).map(lambda end: certificate("EC")[:end]))
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError):
        key_print(der)


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_damaged_certificate_gives_some_bytes_of_it_or_is_refused(at: int, byte: int) -> None:
    der = bytearray(certificate("EC"))
    der[at] = byte
    try:
        found = public_key_info(bytes(der))
    except ValueError:
        return
    assert found in bytes(der)
