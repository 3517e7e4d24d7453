"""The user's own PEM files for TLS: private authorities, and a certificate to show with its key."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from cryptography import x509

from resonance_tui.errors import InputError
from resonance_tui.protocol.urls import TlsFiles
from resonance_tui.secret import shown
from resonance_tui.texts import mark

PASSWORD_VARIABLE = "RESONANCE_BROKER_KEY_PASSWORD"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_LONGEST = 4_000_000  # characters; all authorities of a system have some 300,000


def check_files(files: TlsFiles) -> None:
    """Raises InputError, with the file and what is wrong with it, for files that cannot be used."""
    use_files(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), files)


def use_files(context: ssl.SSLContext, files: TlsFiles) -> None:
    """The context trusts and shows what the files hold. Raises InputError."""
    if files.ca:
        _trust_authorities(context, files.ca)
    _show_certificate(context, files)


def _trust_authorities(context: ssl.SSLContext, file: str) -> None:
    """The authorities in the file count beside those that the context knows. Raises InputError."""
    certificates = _certificates(file, "an authority's certificate")
    if all(each.not_valid_after_utc < datetime.now(UTC) for each in certificates):
        _refuse(
            file,
            mark("has expired, on {certificates}", certificates=_latest(certificates)),
            mark("Get the new one"),
        )
    try:
        context.load_verify_locations(cafile=_path(file))
    except (ssl.SSLError, OSError):
        _refuse(file, mark("holds no authority's certificate that can be used"))
    # As other programs take it: an intermediate authority does, and one without key identifiers.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def _show_certificate(context: ssl.SSLContext, files: TlsFiles) -> None:
    """The context answers a broker that asks for a certificate. Raises InputError."""
    if not files.cert:
        if files.key:
            _refuse(
                files.key, "is a key without a certificate", mark("Name that, too: --cert FILE")
            )
        return
    first = _certificates(files.cert, "a certificate")[0]
    if first.not_valid_after_utc < datetime.now(UTC):
        _refuse(
            files.cert, mark("has expired, on {what}", what=_latest([first])), mark("Get a new one")
        )
    key_file = files.key or files.cert
    if "PRIVATE KEY-----" not in _text(key_file):
        more = "" if files.key else mark("Name the file of its key: --key FILE")
        _refuse(key_file, mark("holds no private key in PEM form"), more)
    _load(context, files, key_file)


def _load(context: ssl.SSLContext, files: TlsFiles, key_file: str) -> None:
    was_asked = False

    def password() -> str:  # without it, OpenSSL asks at the terminal
        nonlocal was_asked
        was_asked = True
        return files.key_password

    try:
        context.load_cert_chain(_path(files.cert), _path(key_file), password=password)
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or ""
        if reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            _refuse(key_file, mark("is not the key of {cert}", cert=files.cert))
        if not was_asked:
            _refuse(key_file, mark("holds no private key that can be read"))
        if files.key_password:
            _refuse(
                key_file,
                mark(
                    "has another passphrase than {password_variable} says",
                    password_variable=PASSWORD_VARIABLE,
                ),
            )
        _refuse(
            key_file,
            mark("has a passphrase"),
            mark("Put that into {password_variable}", password_variable=PASSWORD_VARIABLE),
        )


def _certificates(file: str, what: str) -> list[x509.Certificate]:
    """Raises InputError."""
    text = _text(file)
    if _CERTIFICATE not in text:
        hint = "It begins with -----BEGIN CERTIFICATE-----; `openssl x509 -inform der` makes one"
        _refuse(file, mark("holds no {what} in PEM form", what=what.partition(" ")[2]), hint)
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        _refuse(file, mark("holds no {what} that can be read", what=what.partition(" ")[2]))


def _text(file: str) -> str:
    """Raises InputError."""
    try:
        path = Path(_path(file))
        if path.exists() and not path.is_file():  # reading a pipe may wait for ever
            _refuse(file, mark("cannot be read: it is no plain file"))
        with path.open(encoding="latin-1") as lines:
            return lines.read(_LONGEST)
    except FileNotFoundError:
        _refuse(file, mark("is not there"))
    except (OSError, ValueError) as error:
        _refuse(file, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _path(file: str) -> str:
    """Raises InputError."""
    try:
        return str(Path(file).expanduser())
    except RuntimeError:
        _refuse(file, mark("is not there: nobody here has a home folder of that name"))


def _latest(certificates: list[x509.Certificate]) -> str:
    return f"{max(each.not_valid_after_utc for each in certificates):%Y-%m-%d}"


def _refuse(file: str, why: str, hint: str = "") -> NoReturn:
    raise InputError(mark("{file} {why}", file=shown(file), why=why), hint)
