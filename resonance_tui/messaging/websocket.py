"""MQTT inside WebSocket frames, for brokers behind a web port.

Framing is the library's, without I/O; this is the asyncio transport around it. (paho has framing
of its own: it does not mask its answer to a ping, which servers end the connection for, and says
of every failed handshake the same.)
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import Any

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from resonance_tui.messaging.dial import HandshakeRefused, HungUp
from resonance_tui.messaging.packet_guard import MAX_PACKET
from resonance_tui.messaging.tls import tls_name
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.secret import shown

SUBPROTOCOL = "mqtt"
# Bytes of a frame that are kept until it is whole: many packets, of which one may be longer than
# `MAX_PACKET` and is left out then.
MAX_FRAME = 256 * MAX_PACKET
LINGER_S = 1.0  # for the other side to take what was written before a connection is closed
_UNSUPPORTED_DATA = 1003  # close code: MQTT comes in binary frames alone
_LIBRARY_LOG = logging.getLogger(f"{__name__}.library")
_LIBRARY_LOG.setLevel(logging.CRITICAL)  # its complaints are raised as errors, too
_ASK_FOR_PATH = "Ask for the path of its WebSocket; usual are /mqtt, /ws and /"


class WebSocketTransport(asyncio.Transport):
    """What is written goes out in binary frames; what comes in them goes to the protocol."""

    def __init__(self, wire: asyncio.Transport, frames: ClientProtocol) -> None:
        super().__init__()
        self._wire, self._frames = wire, frames

    def write(self, data: Any) -> None:
        if self._frames.state is State.OPEN:
            self._frames.send_binary(bytes(data))
            self.flush()

    def flush(self) -> None:
        """Sends what the framing has ready: pongs and closing frames, too."""
        for data in self._frames.data_to_send():
            if data and not self._wire.is_closing():
                self._wire.write(data)

    def close(self) -> None:
        """Closes once all is written, or after `LINGER_S`."""
        if self._wire.is_closing():
            return
        if self._frames.state is State.OPEN:
            self._frames.send_close(1000)
            self.flush()
        self._wire.close()
        asyncio.get_running_loop().call_later(LINGER_S, self._wire.abort)

    def abort(self) -> None:
        self._wire.abort()

    def is_closing(self) -> bool:
        return self._wire.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._wire.get_extra_info(name, default)

    def pause_reading(self) -> None:
        if not self._wire.is_closing():
            self._wire.pause_reading()

    def resume_reading(self) -> None:
        if not self._wire.is_closing():
            self._wire.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._wire.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._wire.get_write_buffer_size()


class _Handshake(asyncio.Protocol):
    """The lower side: bytes of the TCP or TLS connection to frames, and frames to `_inner`."""

    def __init__(self, inner: asyncio.Protocol, url: BrokerUrl) -> None:
        path, _, query = url.target.partition("?")
        uri = WebSocketURI(url.is_tls, tls_name(url), url.port, path, query)
        self._frames = ClientProtocol(
            uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=MAX_FRAME, logger=_LIBRARY_LOG
        )
        self._inner, self._url = inner, url
        self._transport: WebSocketTransport | None = None
        self.opened: asyncio.Future[WebSocketTransport] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = WebSocketTransport(transport, self._frames)
        self._frames.send_request(self._frames.connect())
        self._transport.flush()

    def data_received(self, data: bytes) -> None:
        self._frames.receive_data(data)
        self._take_events()

    def eof_received(self) -> None:
        self._frames.receive_eof()
        self._take_events()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            is_cut = isinstance(exc, ConnectionError)
            self.opened.set_exception(self._refusal() if is_cut or exc is None else exc)
        elif not self.opened.cancelled() and self.opened.exception() is None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _take_events(self) -> None:
        assert self._transport is not None
        for event in self._frames.events_received():
            if isinstance(event, Frame):
                self._take_frame(event)
            elif isinstance(event, Response):
                self._open()
        self._transport.flush()
        if self._frames.handshake_exc is not None and not self.opened.done():
            self.opened.set_exception(self._refusal())
        if self._frames.close_expected():
            self._transport.close()

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.BINARY, Opcode.CONT):
            self._inner.data_received(bytes(frame.data))
        elif frame.opcode is Opcode.TEXT:
            self._frames.fail(_UNSUPPORTED_DATA)

    def _open(self) -> None:
        if self.opened.done() or self._frames.handshake_exc is not None:
            return
        if self._frames.subprotocol != SUBPROTOCOL:
            self.opened.set_exception(_no_mqtt(self._url))
            return
        assert self._transport is not None
        self._inner.connection_made(self._transport)
        self.opened.set_result(self._transport)

    def _refusal(self) -> HandshakeRefused:
        error = self._frames.handshake_exc
        if isinstance(error, InvalidStatus):
            return _by_status(error.response, self._url)
        if error is None or (isinstance(error, InvalidMessage) and _is_silent(error)):
            words = "closed the connection instead of answering"
            return HungUp(words, _other(self._url), may_pass=True)
        if isinstance(error, InvalidMessage):
            return HandshakeRefused("does not speak WebSocket", _other(self._url))
        return _no_mqtt(self._url)


async def open_websocket(
    inner: asyncio.Protocol,
    url: BrokerUrl,
    context: ssl.SSLContext | None,
    *,
    sock: socket.socket | None = None,
    address: str | None = None,
) -> WebSocketTransport:
    """A WebSocket for MQTT over a connected `sock`, or to `address`; `inner` gets what arrives.

    Raises OSError, also as HandshakeRefused; the caller limits the time.
    """
    loop = asyncio.get_running_loop()
    handshake = _Handshake(inner, url)
    place = {"sock": sock} if sock is not None else {"host": address, "port": url.port}
    options: dict[str, Any] = {**place, "ssl": context}
    if context is not None:
        options |= {"server_hostname": tls_name(url), "ssl_shutdown_timeout": LINGER_S}
    wire, _ = await loop.create_connection(lambda: handshake, **options)
    try:
        return await handshake.opened
    except BaseException:
        wire.abort()
        raise


def _is_silent(error: InvalidMessage) -> bool:
    return isinstance(error.__cause__, EOFError)


def _other(url: BrokerUrl) -> str:
    """What may be meant instead."""
    if url.is_tls:
        return "It may be mqtts:// there"
    return "It may be mqtt:// or wss:// there"


def _no_mqtt(url: BrokerUrl) -> HandshakeRefused:
    return HandshakeRefused(f"speaks no MQTT at {url.target}", _ASK_FOR_PATH)


def _by_status(response: Response, url: BrokerUrl) -> HandshakeRefused:
    """What an HTTP answer means to whoever wants a broker."""
    status = response.status_code
    match status:
        case 404 | 405 | 410:
            reason = f"has no WebSocket at {url.target}"
            hint = _ASK_FOR_PATH
        case 401 | 403 | 407:
            reason = f"does not let us in at {url.target}"
            hint = "That is the web server before the broker: ask whoever runs it"
        case 301 | 302 | 303 | 307 | 308:
            there = shown(response.headers.get("Location", "nowhere"))
            reason, hint = f"sends us elsewhere: {there}", "Write that address, with wss://"
        case 400 | 426:
            reason = f"opens no WebSocket at {url.target}"
            hint = _ASK_FOR_PATH if url.is_tls else f"It may want wss://. {_ASK_FOR_PATH}"
        case 429:
            reason, hint = "has too many connections at the moment", "Try again in a minute"
        case _ if status >= 500:
            reason = "has no broker behind it at the moment"
            hint = "The web server answers, the broker does not: try again, or ask whoever runs it"
        case _:
            reason, hint = f"answers with a web page at {url.target}", _ASK_FOR_PATH
    may_pass = status == 429 or status >= 500
    return HandshakeRefused(f"{reason} (HTTP {status})", hint, may_pass=may_pass)
