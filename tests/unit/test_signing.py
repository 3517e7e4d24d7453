"""Signatures of a room's host, and vouchers by the key of a certificate."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from resonance_broker.certificate import self_signed
from resonance_tui.errors import InputError
from resonance_tui.signing import (
    SigningKey,
    print_of,
    spki_print,
    verify,
    verify_voucher,
    vouch,
)

WORDS = b"resonance rules\0cats-live"


def pem(key: PrivateKeyTypes, folder: Path) -> Path:
    file = folder / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def test_what_a_key_signed_is_verified_by_its_public_half_alone() -> None:
    ours, other = SigningKey.generate(), SigningKey.generate()
    signature = ours.sign(WORDS)
    assert verify(ours.public, signature, WORDS)
    assert not verify(other.public, signature, WORDS)
    assert not verify(ours.public, signature, WORDS + b"!")
    assert not verify(ours.public, bytes(64), WORDS)


def test_a_key_comes_back_from_its_private_bytes() -> None:
    key = SigningKey.generate()
    again = SigningKey.from_private(key.private())
    assert again.public == key.public
    assert again.sign(WORDS) == key.sign(WORDS)


def test_too_few_private_bytes_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="32 bytes, not 5"):
        SigningKey.from_private(b"short")


def test_a_keys_repr_does_not_show_the_secret() -> None:
    key = SigningKey.generate()
    assert key.private().hex() not in repr(key)
    assert repr(key) == f"SigningKey({print_of(key.public)})"


def test_a_fingerprint_is_128_bits_of_sha_256() -> None:
    public = bytes(range(32))
    assert print_of(public) == hashlib.sha256(public).hexdigest()[:32]


@given(st.binary(max_size=80), st.binary(max_size=80), st.binary(max_size=20))
def test_bytes_of_any_kind_are_no_signature(public: bytes, signature: bytes, data: bytes) -> None:
    assert not verify(public, signature, data)
    assert not verify_voucher(public, signature, data)


def test_the_key_of_our_own_certificate_vouches(tmp_path: Path) -> None:
    cert, key = self_signed(["localhost"], datetime.datetime.now(datetime.UTC))
    (tmp_path / "key.pem").write_bytes(key)
    spki, voucher = vouch(tmp_path / "key.pem", WORDS)
    assert verify_voucher(spki, voucher, WORDS)
    assert not verify_voucher(spki, voucher, WORDS + b"!")
    shown = x509.load_pem_x509_certificate(cert).public_key()
    der = shown.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert (spki, spki_print(spki)) == (der, hashlib.sha256(der).hexdigest()[:32])


@pytest.mark.parametrize(
    "make",
    [ed25519.Ed25519PrivateKey.generate, lambda: rsa.generate_private_key(65537, 2048)],
    ids=["Ed25519", "RSA"],
)
def test_keys_of_other_kinds_vouch_too(make: type[PrivateKeyTypes], tmp_path: Path) -> None:
    spki, voucher = vouch(pem(make(), tmp_path), WORDS)
    assert verify_voucher(spki, voucher, WORDS)
    assert not verify_voucher(spki, voucher, b"")


def test_a_key_that_cannot_vouch_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot vouch"):
        vouch(pem(ed448.Ed448PrivateKey.generate(), tmp_path), WORDS)
    with pytest.raises(InputError, match="cannot be read"):
        vouch(tmp_path / "nothing.pem", WORDS)
