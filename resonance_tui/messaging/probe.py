"""A first, anonymous word with an address: does a broker answer there, and in which MQTT."""

from __future__ import annotations

import asyncio
import socket
import ssl

from resonance_tui.errors import BrokerError, BrokerUnreachable, CertificateChanged
from resonance_tui.messaging.tls import OtherCertificate, brief, client_context
from resonance_tui.protocol.urls import BrokerUrl

_CONNACK = 0x20
_DISCONNECT = b"\xe0\x00"

# CONNECT with a clean start, keepalive 5 s, no name and no properties. Exactly this short: an old
# broker that reads on into properties it does not know waits for ever for the rest of them.
_CONNECT = {
    5: b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x05\x00\x00\x00",
    4: b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00",
}


async def negotiate_version(url: BrokerUrl, *, within_s: float = 5.0) -> int:
    """5 for a broker that speaks MQTT 5, 4 for one that stops at 3.1.1.

    A broker that refuses the anonymous login has answered, too. Raises BrokerUnreachable, or
    CertificateChanged when it is not the one that we know.
    """
    try:
        async with asyncio.timeout(within_s):
            for level in _CONNECT:
                if answer := await _ask(url, level):
                    return 5 if _is_version_5(answer) else 4
    except (OSError, TimeoutError, UnicodeError) as error:  # Unicode: not a name for a host
        raise unreachable(error, url) from None
    raise BrokerUnreachable(f"{url.authority} does not answer like an MQTT broker")


async def is_reachable(url: BrokerUrl, timeout: float = 0.5) -> bool:  # noqa: ASYNC109
    """Whether an MQTT broker listens there, within `timeout` seconds."""
    try:
        await negotiate_version(url, within_s=timeout)
    except BrokerError:
        return False
    return True


def _is_version_5(connack: bytes) -> bool:
    """In version 5 a list of properties, be it empty, follows the return code."""
    return connack[1] > 2


async def _ask(url: BrokerUrl, level: int) -> bytes:
    """The head of the CONNACK: four bytes, or none from what hangs up or is no broker."""
    reader, writer = await _dial(url)
    try:
        writer.write(_CONNECT[level])
        head = await reader.readexactly(4)
        writer.write(_DISCONNECT)
        return head if head[0] == _CONNACK else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()


async def _dial(url: BrokerUrl) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Tries each address of the host; asyncio alone would blur why they all failed."""
    loop = asyncio.get_running_loop()
    addresses = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    context = client_context(url)
    failure: OSError = socket.gaierror()
    for *_, address in addresses:
        try:
            return await asyncio.open_connection(
                str(address[0]),
                url.port,
                ssl=context,
                server_hostname=url.host if context else None,
            )
        except OSError as error:
            failure = error
    raise failure


def unreachable(error: BaseException | None, url: BrokerUrl) -> BrokerError:
    """Why no connection came about, as an error for a person."""
    if isinstance(error, OtherCertificate):
        return CertificateChanged(
            f"{url.authority} shows another certificate ({brief(error.seen)}...) than the one "
            f"known here ({brief(url.pin or '')}...)",
            "Somebody may be in between. Ask the host: if they made a new certificate, "
            "join with a new invite",
        )
    is_untrusted = isinstance(error, ssl.SSLCertVerificationError)
    hint = "Join with an invite, or add ?pin=FINGERPRINT, which the host's broker prints"
    return BrokerUnreachable(why_unreachable(error, url), hint if is_untrusted else "")


def why_unreachable(error: BaseException | None, url: BrokerUrl) -> str:
    """One line for a person."""
    match error:
        case ConnectionRefusedError():
            return f"nothing listens at {url.authority}"
        case socket.gaierror() | UnicodeError():
            return f"no host is called {url.host}"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {url.authority} is not valid: {error.verify_message}"
        case ssl.SSLError():
            return f"{url.authority} does not speak TLS with us: {error.reason}"
        case TimeoutError():
            return f"no answer from {url.authority}"
        case OSError() if error.strerror:
            return f"{url.authority}: {error.strerror}"
    return f"{url.authority}: {error}"
