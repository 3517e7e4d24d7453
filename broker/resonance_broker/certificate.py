"""The broker's own certificate: made on first use, known by its fingerprint or its key's."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_broker.address import outward_address
from resonance_broker.preflight import check_port, check_tls
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.settings import BrokerSettings
from resonance_tui.files import private_folder, write_private
from resonance_tui.protocol.certificates import key_print

if TYPE_CHECKING:  # loaded only when a certificate has to be made or looked into
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

CERT_NAME, KEY_NAME = "cert.pem", "key.pem"
VALID_DAYS = 3650  # who pins it looks at the fingerprint, so nothing is won by renewing it
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def prepare_certificate(settings: BrokerSettings, folder: Path) -> str:
    """The print of the public key that viewers have to know; "" without TLS, or where an authority
    has signed.

    A certificate in `folder` is our own: it is made here, once the settings and the port are
    found to be right. Raises BrokerProblem.
    """
    settings.validate()
    if settings.tls_cert is None:
        return ""
    if settings.tls_cert.parent == folder:
        check_port(settings)
        names = [settings.advertised_host or settings.local_host, settings.local_host]
        names += reachable_names(outward_address(settings.host))
        own_certificate(folder, list(dict.fromkeys(names)))
    check_tls(settings)
    return public_key_print(settings.tls_cert) if is_self_signed(settings.tls_cert) else ""


def own_certificate(folder: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Certificate and key of this broker, kept in `folder`; made when there are none.

    A certificate that is there is used as it is, whatever names it holds: a new one would lock
    out everybody who knows its fingerprint. Where it is lost, a new one is made for the same key.

    Raises:
        BrokerProblem: of kind FILE when they cannot be read or written, or the key is missing.
    """
    cert, key = folder / CERT_NAME, folder / KEY_NAME
    if cert.exists() and not key.exists():
        raise BrokerProblem(
            ProblemKind.FILE,
            f"{cert} is there, but {key.name} beside it is not",
            f"put it back, or remove {cert.name} too: viewers will need new invites then",
        )
    if not cert.exists():
        renew_certificate(folder, names)
    return cert, key


def renew_certificate(folder: Path, names: Sequence[str]) -> None:
    """Makes the certificate in `folder` anew, for these names and for the key that is there.

    Who knows it by its public key (a link, a pin of 32 digits) goes on; who knows the
    certificate itself needs a new invite.

    Raises:
        BrokerProblem: of kind FILE when key or certificate cannot be read or written.
    """
    cert, key = folder / CERT_NAME, folder / KEY_NAME
    try:
        kept = key.read_bytes() if key.exists() else None
        cert_pem, key_pem = self_signed(names, datetime.datetime.now(datetime.UTC), kept)
        private_folder(folder)
        if kept is None:
            write_private(key, key_pem)
        write_private(cert, cert_pem)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"the certificate cannot be written to {folder}: {reason}"
        raise BrokerProblem(ProblemKind.FILE, message) from error
    except ValueError as error:
        raise BrokerProblem(ProblemKind.FILE, f"{key} holds no key of ours: {error}") from error


def self_signed(
    names: Sequence[str], now: datetime.datetime, key_pem: bytes | None = None
) -> tuple[bytes, bytes]:
    """A certificate for these host names and addresses, and its key, both PEM.

    `key_pem`: the key to use; without one a new one is drawn (EC, P-256). Raises ValueError for
    what is no key.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _read_key(key_pem) if key_pem is not None else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "resonance-tui broker")])
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    return cert.public_bytes(encoding), key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(pem: bytes) -> CertificateIssuerPrivateKeyTypes:
    """Raises ValueError for what cannot sign a certificate as ours are signed."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    try:
        key = serialization.load_pem_private_key(pem, None)
    except TypeError as error:  # it asks for a passphrase
        raise ValueError(str(error)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("neither EC nor RSA")
    return key


def _alternative(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def reachable_names(outward: str) -> list[str]:
    """Under which names this machine may be reached; `outward`: its address towards others."""
    names = [outward, "localhost", "127.0.0.1", "::1", socket.gethostname(), socket.getfqdn()]
    fitting = [name for name in names if re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", name)]
    return list(dict.fromkeys(fitting))


def fingerprint(cert: Path) -> str:
    """SHA-256 of the (first) certificate in a PEM file: 64 hexadecimal digits.

    Raises:
        BrokerProblem: of kind FILE.
    """
    return hashlib.sha256(_der(cert)).hexdigest()


def public_key_print(cert: Path) -> str:
    """The first 128 bits of SHA-256 of the (first) certificate's SubjectPublicKeyInfo: 32
    hexadecimal digits, the same after a renewal that keeps the key.

    Raises:
        BrokerProblem: of kind FILE.
    """
    try:
        return key_print(_der(cert))
    except ValueError as error:
        raise BrokerProblem(ProblemKind.FILE, f"certificate {cert}: {error}") from error


def is_self_signed(cert: Path) -> bool:
    """Whether no authority vouches for it, so that viewers must know its fingerprint."""
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(_der(cert))
        return certificate.issuer == certificate.subject
    except ValueError as error:
        raise BrokerProblem(ProblemKind.FILE, f"certificate {cert}: {error}") from error


def _der(cert: Path) -> bytes:
    try:
        found = _PEM.search(cert.read_text(encoding="ascii"))
        if found is None:
            raise ValueError("no certificate in it")
        return ssl.PEM_cert_to_DER_cert(found[0])
    except (OSError, ValueError) as error:
        raise BrokerProblem(ProblemKind.FILE, f"certificate {cert}: {error}") from error
