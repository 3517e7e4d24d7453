"""Connections of simulated viewers: thousands in one process, each a real client to the broker.

They speak MQTT by themselves because aiomqtt does not fit: each of its clients costs a thread to
connect, some 60 KiB and 100 microseconds a message; twenty thousand of them do not fit a process.
These only publish, at QoS 0: what a subscriber of a room hears is QoS 0 in any case. Nothing that
a person joins with uses this; their connection is `messaging/connection.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from resonance_tui.errors import BrokerUnreachable, InputError
from resonance_tui.listeners import Listeners
from resonance_tui.messaging.dial import find_alive
from resonance_tui.messaging.probe import why_unreachable
from resonance_tui.messaging.tls import client_context, tls_name
from resonance_tui.protocol.packets import (
    DISCONNECT,
    PINGREQ,
    connack_code,
    connect_packet,
    publish,
)
from resonance_tui.protocol.traits import BrokerTraits
from resonance_tui.protocol.urls import BrokerUrl

KEEPALIVE_S = 30
_ANSWER_TIMEOUT_S = 10.0
_OTHER_FILES = 64  # open files of this program beside the simulated connections
_HEAD = 5  # bytes of a CONNACK that say how it went, at most
_WRITE_AHEAD = 16_384  # bytes that wait for a slow broker before a connection counts as slow


class Route:
    """Where the broker is, looked up once: thousands of lookups would be slower than the rest."""

    def __init__(self, url: BrokerUrl, version: int, address: str) -> None:
        self.url = url
        self.version = version
        self.address = address
        self.tls = client_context(url)
        self.retains, self.max_qos, self.keepalive_s = True, 1, KEEPALIVE_S

    def obey(self, traits: BrokerTraits) -> None:
        """From the next connection on, does without what this broker cannot do."""
        self.retains, self.max_qos = traits.retains, traits.max_qos
        self.keepalive_s = min(KEEPALIVE_S, traits.keepalive_s or KEEPALIVE_S)


async def find_route(url: BrokerUrl, version: int) -> Route:
    """The first address of the host that accepts a connection. Raises BrokerUnreachable."""
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            return Route(url, version, await find_alive(url.host, url.port))
    except (OSError, TimeoutError) as error:
        raise BrokerUnreachable(why_unreachable(error, url)) from None


def allow_connections(connections: int) -> None:
    """Raise this process's own limit of open files if need be. Raises InputError when the
    shell does not allow as many as there are connections."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    needed = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise InputError(
            f"{connections} connections need {needed} open files, and ulimit -n allows {hard}",
            f"Type: ulimit -n {needed} (as root where it is refused), "
            f"or let viewers share: --connections {max(1, hard - _OTHER_FILES)}",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class SimulatedConnection(asyncio.Protocol):
    """One client of the broker. Opens again after it was lost; never raises for a lost one."""

    def __init__(self, route: Route, on_lost: Callable[[], None]) -> None:
        self._route = route
        self._on_lost = Listeners(on_lost)
        self._transport: asyncio.Transport | None = None
        self._connack: asyncio.Future[int] | None = None
        self._head = b""
        self._is_up = self._is_slow = self._is_leaving = False
        self._wrote_at = self._up_at = 0.0  # monotonic seconds

    @property
    def is_up(self) -> bool:
        """Accepted by the broker, and not lost since."""
        return self._is_up

    @property
    def up_s(self) -> int:
        """As reports say it."""
        return 1 + int(time.monotonic() - self._up_at) if self._is_up else 0

    @property
    def is_ready(self) -> bool:
        """Up, and the broker keeps up with reading."""
        return self._is_up and not self._is_slow

    async def open(self, client_id: str, will_topic: str | None = None) -> bool:
        """Connect; whether the broker accepted. Raises OSError and TimeoutError."""
        route, loop = self._route, asyncio.get_running_loop()
        self._connack, self._head = loop.create_future(), b""
        self._is_leaving = self._is_slow = False
        url = route.url
        packet = connect_packet(
            route.version,
            client_id,
            keepalive_s=route.keepalive_s,
            username=url.username,
            password=url.password,
            will_topic=will_topic,
            retains=route.retains,
            max_qos=route.max_qos,
        )
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            try:
                if url.is_websocket:
                    from resonance_tui.messaging.websocket import open_websocket

                    await open_websocket(self, url, route.tls, address=route.address)
                else:
                    await loop.create_connection(
                        lambda: self,
                        route.address,
                        url.port,
                        ssl=route.tls,
                        server_hostname=tls_name(url) if route.tls else None,
                    )
                self._write(packet)
                self._is_up = await self._connack == 0
                self._up_at = time.monotonic()
            finally:
                if not self._is_up:
                    self.abort()
        return self._is_up

    def publish(
        self, topic: str, payload: bytes, expiry_s: int | None = None, *, is_retained: bool = True
    ) -> None:
        """Publish a message, retained where the broker does; while disconnected it is dropped."""
        route = self._route
        if self._is_up:
            is_kept = is_retained and route.retains
            self._write(publish(route.version, topic, payload, expiry_s, is_retained=is_kept))

    def keep_alive(self) -> None:
        """To be called every few seconds: an idle connection pings."""
        if self._is_up and time.monotonic() - self._wrote_at > self._route.keepalive_s / 2:
            self._write(PINGREQ)

    def close(self) -> None:
        """Disconnect once everything published is on its way; the broker sends no will."""
        if self._is_up and self._transport is not None:
            self._is_leaving = True
            self._is_up = False
            self._write(DISCONNECT)
            self._transport.close()

    def abort(self) -> None:
        """Close the socket at once; the broker sends the will, if there is one."""
        self._is_leaving = True
        self._is_up = False
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_gone(self) -> bool:
        """Closed, and everything published before has been handed to the system."""
        return self._transport is None

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._wrote_at = time.monotonic()
            self._transport.write(data)

    # --- what asyncio calls --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(_WRITE_AHEAD)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Only the CONNACK matters; pings are answered with the only other packet that arrives."""
        if self._connack is None or self._connack.done():
            return
        self._head = (self._head + data)[:_HEAD]
        if (code := connack_code(self._head)) is not None:
            self._connack.set_result(code)

    def pause_writing(self) -> None:
        self._is_slow = True

    def resume_writing(self) -> None:
        self._is_slow = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._connack is not None and not self._connack.done():
            self._connack.set_result(-1)
        was_up, self._is_up = self._is_up, False
        if was_up and not self._is_leaving:
            self._on_lost()
