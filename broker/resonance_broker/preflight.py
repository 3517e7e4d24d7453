"""Looks before the start: are the files usable, is the port free, and who has it if not."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from pathlib import Path

from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.settings import EVERYWHERE, BrokerSettings
from resonance_tui.extras import missing
from resonance_tui.protocol.packets import CONNACK, DISCONNECT, probe_packet


def read_text(path: Path, what: str) -> str:
    """A small text file, or a BrokerProblem of kind FILE that names it."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BrokerProblem(ProblemKind.FILE, f"{what} {path} is not a text file") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BrokerProblem(ProblemKind.FILE, f"{what} {path}: {reason}") from error


def check_tls(settings: BrokerSettings) -> None:
    """Load the certificate and its key once, as Mosquitto will.

    Raises:
        BrokerProblem: of kind FILE: unreadable, no PEM, a key with a passphrase, not a pair.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return
    read_text(settings.tls_cert, "certificate")
    if "ENCRYPTED" in read_text(settings.tls_key, "key"):
        raise BrokerProblem(
            ProblemKind.FILE,
            f"key {settings.tls_key} is locked with a passphrase",
            "unlock it first: openssl pkey -in FILE -out UNLOCKED",
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except ssl.SSLError as error:
        # OpenSSL's names for a wrong key of the same kind, and of another kind.
        is_mismatch = error.reason in ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
        reason = "do not belong together" if is_mismatch else "cannot be read as PEM"
        pair = f"certificate {settings.tls_cert} and key {settings.tls_key}"
        raise BrokerProblem(ProblemKind.FILE, f"{pair} {reason}") from error


def check_port(settings: BrokerSettings) -> None:
    """Bind the address once and let it go.

    Raises:
        BrokerProblem: PORT_TAKEN with the program that has it where that can be known;
            USAGE for an address that is not this machine's or a port that needs more rights.
    """
    host = None if settings.host == EVERYWHERE else settings.host
    try:
        addresses = socket.getaddrinfo(
            host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise BrokerProblem(ProblemKind.USAGE, f"nothing is known under {host!r}") from error
    for family, kind, protocol, _, address in addresses:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:  # as Mosquitto does, which has one for each family
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:  # a machine without IPv6
                raise _cannot_bind(settings, error) from error


def _cannot_bind(settings: BrokerSettings, error: OSError) -> BrokerProblem:
    host, port = settings.host, settings.port
    if error.errno == errno.EADDRINUSE:
        speaks = speaks_mqtt(settings.local_host, port)
        hint = "choose another with --port"
        if speaks:
            hint = f"a broker answers there: join it with --broker {settings.url}, or {hint}"
        holder = port_holder(port) or ("another broker" if speaks else "another program")
        message = f"port {port} is taken by {holder}"
        return BrokerProblem(ProblemKind.PORT_TAKEN, message, hint)
    if error.errno == errno.EACCES:
        message = f"port {port} needs more rights than this account has"
        return BrokerProblem(ProblemKind.USAGE, message, "ports from 1024 on need none")
    reason = "is not an address of this machine"
    if error.errno != errno.EADDRNOTAVAIL:
        reason = f"cannot be listened on: {(error.strerror or str(error)).lower()}"
    return BrokerProblem(ProblemKind.USAGE, f"{host} {reason}")


def port_holder(port: int) -> str:
    """The program listening on a TCP port ("mosquitto, process 812"), "" where it is hidden or
    psutil, of the extra `host`, is not installed."""
    if missing("psutil"):
        return ""
    import psutil

    with contextlib.suppress(psutil.Error, OSError, RuntimeError):
        for connection in psutil.net_connections("tcp"):
            if connection.status != psutil.CONN_LISTEN or not connection.pid:
                continue
            if connection.laddr and connection.laddr.port == port:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    return ""


def speaks_mqtt(
    host: str, port: int, timeout_s: float = 0.5, tls: ssl.SSLContext | None = None
) -> bool:
    """Whether something at that address answers an MQTT 3.1.1 CONNECT (also with a refusal)."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), timeout=timeout_s) as plain,
        tls.wrap_socket(plain) if tls else plain as line,
    ):
        line.sendall(probe_packet(4))
        answer = line.recv(4)
        if answer[:2] == bytes([CONNACK, 2]):
            line.sendall(DISCONNECT)
            return True
    return False


def free_port() -> int:
    """A port of the loopback address that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
