"""Under which address others find this machine, and whether its certificate says so too."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

from resonance_broker.settings import BrokerSettings

_EVERYWHERE = ("0.0.0.0", "::")


def reachable_host(settings: BrokerSettings) -> str:
    """The host to put into a URL for others; with TLS one that the certificate names, if any."""
    if settings.host not in _EVERYWHERE:
        return settings.host
    names = (outward_address(), socket.getfqdn(), socket.gethostname())
    fitting = (name for name in names if not certificate_trouble(settings, name))
    return next(fitting, names[0])


def outward_address() -> str:
    """This machine's address towards others, asked of the routing table: nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]
    return socket.gethostname()


def certificate_trouble(settings: BrokerSettings, host: str) -> str:
    """Why a viewer who trusts the certificate's maker would still refuse it; "" if he would not.

    Raises:
        ssl.SSLError, OSError: for files that `preflight.check_tls` refuses.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return ""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(settings.tls_cert, settings.tls_key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        trusting_context(settings.tls_cert).wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for end in ends * 3:  # a handshake between two ends in memory: nothing is sent
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_message
    return ""


def trusting_context(certificate: Path) -> ssl.SSLContext:
    """A client that trusts exactly this certificate, under a name that it holds."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context
