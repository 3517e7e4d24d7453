"""TLS trust: the system's certificate authorities and the user's, or exactly one pinned certificate
or key; and the certificate that the user shows."""

from __future__ import annotations

import ssl
from typing import Any

from resonance_tui.errors import CertificateProblem, InputError
from resonance_tui.protocol.certificates import print_like
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark


class OtherCertificate(ssl.SSLError):
    """The broker shows another certificate than the one that was expected."""

    def __init__(self, seen: str) -> None:
        super().__init__(mark("another certificate: {seen}", seen=seen))
        self.seen = seen  # its fingerprint, of the kind that was expected


def client_context(url: BrokerUrl) -> ssl.SSLContext | None:
    """The TLS settings of a connection to this broker; None without TLS. Raises CertificateProblem
    for a file of the user's that has become unreadable."""
    if not url.is_tls:
        return None
    context = ssl.create_default_context() if url.pin is None else pinned_context(url.pin)
    if url.files is None:
        return context
    from resonance_tui.messaging.tls_files import use_files

    try:
        use_files(context, url.files)
    except InputError as error:
        raise CertificateProblem(error.message, error.hint) from None
    return context


def tls_name(url: BrokerUrl) -> str:
    """The name that the certificate is checked for: the zone of an IPv6 address is no part."""
    return url.host.partition("%")[0]


def pinned_context(pin: str) -> ssl.SSLContext:
    """A context that accepts the one certificate, or any of the one public key, whose print is
    `pin`: 64 or 32 hexadecimal digits, see `BrokerUrl.pin`.

    Its issuer, names and dates are not checked. For any other certificate the handshake raises
    OtherCertificate, before any data is sent.
    """

    class PinnedSocket(ssl.SSLSocket):  # what paho asks for
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            try:
                _check(self.getpeercert(binary_form=True), pin)
            except OtherCertificate:
                self.close()  # paho forgets a socket whose handshake fails
                raise

    class PinnedObject(ssl.SSLObject):  # what asyncio asks for
        def do_handshake(self) -> None:
            super().do_handshake()
            _check(self.getpeercert(binary_form=True), pin)

    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslsocket_class = PinnedSocket
    context.sslobject_class = PinnedObject
    return context


def _check(certificate: bytes | None, pin: str) -> None:
    """Raises OtherCertificate, also for what is no certificate."""
    try:
        seen = print_like(pin, certificate or b"")
    except ValueError:
        seen = ""
    if not certificate or seen != pin:
        raise OtherCertificate(seen)


def brief(pin: str) -> str:
    """The first bytes of a fingerprint, for a person to compare: `3f:a2:91:0c`."""
    return ":".join(pin[at : at + 2] for at in range(0, 8, 2))
