"""Ed25519 signatures, and vouchers by the key of a TLS certificate.

`cryptography` is loaded on first use: most commands never sign.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.errors import InputError
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

KEY_BYTES = 32  # of a public key, and of a private one
SIGNATURE_BYTES = 64
PRINT_DIGITS = 32  # hexadecimal: 128 bits


class SigningKey:
    """An Ed25519 key pair. Its repr names the public half alone."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()  # 32 bytes

    def __repr__(self) -> str:
        return f"SigningKey({print_of(self.public)})"

    @classmethod
    def generate(cls) -> SigningKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_private(cls, private: bytes) -> SigningKey:
        """From what `private` answered: 32 bytes. Raises InputError."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if len(private) != KEY_BYTES:
            raise InputError(
                mark(
                    "A private key has {key_bytes} bytes, not {len}.",
                    key_bytes=KEY_BYTES,
                    len=len(private),
                )
            )
        return cls(Ed25519PrivateKey.from_private_bytes(private))

    def private(self) -> bytes:
        """The 32 secret bytes; for a file that its owner alone can read."""
        return self._key.private_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """64 bytes; the same for the same data."""
        return self._key.sign(data)


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the owner of the 32 bytes `public` signed; False for bytes of any other kind."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def print_of(public: bytes) -> str:
    """The fingerprint of a public key: 128 bits of its SHA-256, as 32 hexadecimal digits."""
    return hashlib.sha256(public).hexdigest()[:PRINT_DIGITS]


def short_print(public: bytes) -> str:
    """A key's fingerprint as two people can compare it: 32 digits, in fours."""
    digits = print_of(public)
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


# --- the key of a certificate ------------------------------------------------------------------


def spki_print(spki: bytes) -> str:
    """The fingerprint of a certificate's public key, given as SubjectPublicKeyInfo (DER)."""
    return print_of(spki)


def vouch(key_file: Path, data: bytes) -> tuple[bytes, bytes]:
    """The public key (SubjectPublicKeyInfo, DER) of a private key in PEM, and its signature.

    EC and RSA (PKCS #1 v1.5) sign with SHA-256, Ed25519 by itself. Raises InputError for a file
    that cannot be read, or holds a key of another kind.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            mark("The key {key_file} cannot be read: {error}", key_file=key_file, error=error)
        ) from None
    if isinstance(key, EllipticCurvePrivateKey):
        signature = key.sign(data, _ecdsa())
    elif isinstance(key, RSAPrivateKey):
        signature = key.sign(data, *_rsa())
    elif isinstance(key, Ed25519PrivateKey):
        signature = key.sign(data)
    else:
        raise InputError(
            mark("The key {key_file} is of a kind that cannot vouch for a room.", key_file=key_file)
        )
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return spki, signature


def verify_voucher(spki: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the owner of that public key (SubjectPublicKeyInfo, DER) signed, as `vouch` does.

    False for bytes of any other kind.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(spki)
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, data, _ecdsa())
        elif isinstance(key, RSAPublicKey):
            key.verify(signature, data, *_rsa())
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, data)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _ecdsa() -> ECDSA:
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    return ECDSA(SHA256())


def _rsa() -> tuple[PKCS1v15, SHA256]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return PKCS1v15(), SHA256()
