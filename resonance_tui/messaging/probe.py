"""An anonymous probe: whether a broker answers at an address, and in which version of MQTT."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Sequence
from functools import partial

from resonance_tui.errors import (
    BrokerError,
    BrokerUnreachable,
    CertificateChanged,
    CertificateProblem,
    NoBrokerThere,
)
from resonance_tui.messaging.dial import HandshakeRefused, HungUp, dial
from resonance_tui.messaging.race import first_to_succeed
from resonance_tui.messaging.tap import TAPS, ConnectionTap
from resonance_tui.messaging.tls import OtherCertificate, brief, client_context, tls_name
from resonance_tui.messaging.tls_words import is_about_certificates, tls_advice, why_no_tls
from resonance_tui.protocol.packets import CONNACK, DISCONNECT, probe_packet
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.texts import mark

_MAY_BE_TLS = mark("It may have TLS by now: join with a link of the host, or write mqtts://")
_OWN_COMPUTER = mark("That is your own computer; ask the host")
_OTHER_SCHEME = mark("Is it an MQTT broker, and is that its port?")
_NO_WAY = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
_VERDICT_S = 1.0
BROKER_HEAD_START_S = 0.5  # a round trip that a guest far away may need


async def negotiate_version(url: BrokerUrl, *, within_s: float = 5.0) -> int:
    """5 for a broker that speaks MQTT 5, 4 for one that stops at 3.1.1.

    A broker that refuses the anonymous login has answered, too. Raises BrokerUnreachable,
    NoBrokerThere, CertificateProblem, or CertificateChanged when its certificate is not the pinned
    one.
    """
    try:
        async with asyncio.timeout(within_s):
            with contextlib.suppress(HungUp) if url.is_tls else contextlib.nullcontext():
                for version in (5, 4):
                    if answer := await _ask(url, version):
                        return 5 if _is_version_5(answer) else 4
            if url.is_tls:
                await _hear_of_certificate(url)
    except (OSError, TimeoutError, UnicodeError) as error:  # Unicode: not a name for a host
        raise translate(error, url) from None
    hint = _OTHER_SCHEME if url.is_tls or url.is_websocket else _MAY_BE_TLS
    raise BrokerUnreachable(
        mark("{authority} does not answer like an MQTT broker", authority=url.authority), hint
    )


async def is_reachable(url: BrokerUrl, timeout: float = 0.5) -> bool:  # noqa: ASYNC109
    """Whether an MQTT broker listens there, within `timeout` seconds."""
    try:
        await negotiate_version(url, within_s=timeout)
    except BrokerError:
        return False
    return True


async def first_alive(urls: Sequence[BrokerUrl], *, within_s: float = 5.0) -> BrokerUrl:
    """Of several brokers the first that accepts a TCP connection; of one, that one, unasked.

    An earlier one has a head start, so that all guests of a list meet at the same broker. Raises
    the BrokerError of the first of them that is worth trying again, else of the first.
    """
    if len(urls) == 1:
        return urls[0]
    try:
        async with asyncio.timeout(within_s):
            return await first_to_succeed(
                [partial(_accepts, url) for url in urls], delay_s=BROKER_HEAD_START_S
            )
    except TimeoutError as error:
        raise translate(error, urls[0]) from None
    except ExceptionGroup as group:
        raise _most_hopeful(group) from None


def _most_hopeful(group: ExceptionGroup[Exception]) -> Exception:
    unreachable = (each for each in group.exceptions if isinstance(each, BrokerUnreachable))
    return next(unreachable, group.exceptions[0])


async def _accepts(url: BrokerUrl) -> BrokerUrl:
    try:
        if url.is_websocket:  # the web server before it accepts for a dead broker, too
            (await _open(url))[1].close()
        else:
            (await dial(url.host, url.port)).close()
    except (OSError, UnicodeError) as error:
        raise translate(error, url) from None
    return url


def _is_version_5(connack: bytes) -> bool:
    """In version 5 a list of properties, perhaps empty, follows the return code."""
    return connack[1] > 2


async def _ask(url: BrokerUrl, version: int) -> bytes:
    """The first four bytes of the CONNACK; none when there is none."""
    reader, writer = await _open(url)
    tap = TAPS.open(url.place, is_v5=version == 5)
    try:
        _say(writer, tap, probe_packet(version))
        head = await reader.readexactly(4)
        _say(writer, tap, DISCONNECT)
        return head if head[0] == CONNACK else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()


def _say(writer: asyncio.StreamWriter, tap: ConnectionTap | None, packet: bytes) -> None:
    writer.write(packet)
    if tap is not None:
        tap.sent(packet)


async def _hear_of_certificate(url: BrokerUrl) -> None:
    """Raises SSLError where the broker does not like the certificate that we show, or that we show
    none. With TLS 1.3 it says so after the handshake; what we send meanwhile can swallow that."""
    reader, writer = await _open_stream(url)
    try:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_VERDICT_S):
                await reader.read(1)
    finally:
        writer.close()


async def _open(url: BrokerUrl) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not url.is_websocket:
        return await _open_stream(url)
    context = client_context(url)
    sock = await dial(url.host, url.port)
    try:
        return await _open_web(url, sock, context)
    except BaseException:
        sock.close()
        raise


async def _open_stream(url: BrokerUrl) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = client_context(url)
    sock = await dial(url.host, url.port)
    try:
        return await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname=tls_name(url) if context else None
        )
    except BaseException:
        sock.close()
        raise


async def _open_web(
    url: BrokerUrl, sock: socket.socket, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    from resonance_tui.messaging.websocket import open_websocket

    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport = await open_websocket(protocol, url, context, sock=sock)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def translate(error: BaseException | None, url: BrokerUrl) -> BrokerError:
    """The BrokerError for a failed TCP or TLS connection."""
    if isinstance(error, OtherCertificate):
        return CertificateChanged(
            mark(
                "{authority} shows another certificate ({seen}...) than the one known here "
                "({what}...)",
                authority=url.authority,
                seen=brief(error.seen),
                what=brief(url.pin or ""),
            ),
            mark(
                "Somebody may be in between. Ask the host: if they made a new certificate, "
                "join with a new invite"
            ),
        )
    return _kind_of(error, url)(why_unreachable(error, url), _advice(error, url))


def _kind_of(error: BaseException | None, url: BrokerUrl) -> type[BrokerError]:
    if isinstance(error, HandshakeRefused) and not error.may_pass:
        return NoBrokerThere
    if isinstance(error, ssl.SSLError) and is_about_certificates(error, url):
        return CertificateProblem
    return BrokerUnreachable


def _advice(error: BaseException | None, url: BrokerUrl) -> str:
    if isinstance(error, HandshakeRefused):
        return error.hint
    if isinstance(error, ssl.SSLError):
        return tls_advice(error, url)
    return _OWN_COMPUTER if url.is_loopback else ""


def _by_ipv6(url: BrokerUrl) -> str:
    return (
        mark(", which is an address of IPv6: not every network has that") if ":" in url.host else ""
    )


def why_unreachable(error: BaseException | None, url: BrokerUrl) -> str:
    """One line for a person."""
    match error:
        case ConnectionRefusedError():
            return mark("nothing listens at {authority}", authority=url.authority)
        case socket.gaierror() if error.errno == socket.EAI_AGAIN:
            return mark(
                "{host} cannot be looked up: there is no network, or its DNS is silent",
                host=url.host,
            )
        case socket.gaierror() | UnicodeError():
            return mark("no host is called {host}", host=url.host)
        case HandshakeRefused():
            return f"{url.authority} {error.reason}"
        case ssl.SSLError():
            return why_no_tls(error, url)
        case TimeoutError():
            return mark("no answer from {authority}", authority=url.authority)
        case OSError() if error.errno in _NO_WAY:
            return mark(
                "no way leads from this network to {authority}{url}",
                authority=url.authority,
                url=_by_ipv6(url),
            )
        case OSError() if error.strerror:
            return f"{url.authority}: {error.strerror}"
        case _:
            return f"{url.authority}: {error}"
