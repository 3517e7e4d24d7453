"""A TCP connection to a host of several addresses, of which some may be dead."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from resonance_tui.messaging.race import first_to_succeed

HEAD_START_S = 0.2  # of an address before the next is tried; RFC 8305 allows 0.1 to 2
_MOST_ADDRESSES = 8
_MOST_REMEMBERED = 64

# What `getaddrinfo` answers: family, type, protocol, canonical name, socket address.
AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
# The address of a host that answered last: the next connection begins with it.
_alive: dict[tuple[str, int], tuple[Any, ...]] = {}


class HandshakeRefused(OSError):
    """What listens there does not open a WebSocket for MQTT. `reason`: without the address.
    `may_pass`: whether it is worth trying again."""

    def __init__(self, reason: str, hint: str = "", *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.may_pass = may_pass


class HungUp(HandshakeRefused):
    """It closed the connection instead of answering."""


async def dial(host: str, port: int) -> socket.socket:
    """A connected, non-blocking socket, at the first of the host's addresses that answers.

    Raises OSError: the failure that says most, once every address has failed. The caller limits
    the time: an address that swallows everything is waited for.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    infos = in_turn(found, _alive.get((host, port)))
    ways = [partial(_connect, info) for info in infos[:_MOST_ADDRESSES]]
    try:
        sock = await first_to_succeed(ways, delay_s=HEAD_START_S, discard=_close)
    except ExceptionGroup as group:
        raise most_telling(group) from None
    _remember(host, port, sock)
    return sock


async def find_alive(host: str, port: int) -> str:
    """The address of the host that answers first, with its zone where it has one. Raises as
    `dial`."""
    sock = await dial(host, port)
    with sock:
        address, _, *rest = sock.getpeername()
    zone = rest[1] if rest else 0  # of IPv6 alone, and 0 beyond one's own network
    return f"{address}%{zone}" if zone else str(address)


def in_turn(
    infos: Sequence[AddressInfo], last_alive: tuple[Any, ...] | None = None
) -> list[AddressInfo]:
    """The addresses in the order to be tried: the one that answered last, then the two families
    alternately, since it is usually a whole family that is broken."""
    first = infos[0][0] if infos else None
    ours = [info for info in infos if info[0] == first]
    others = [info for info in infos if info[0] != first]
    mixed = [info for info in chain(*zip_longest(ours, others)) if info is not None]
    return sorted(mixed, key=lambda info: info[4] != last_alive)


def most_telling(group: ExceptionGroup[Exception]) -> Exception:
    """A refusal says that the machine is there; else the last failure, as addresses that cannot
    be reached at all come last."""
    refusals = [each for each in group.exceptions if isinstance(each, ConnectionRefusedError)]
    return (refusals or group.exceptions)[-1]


async def _connect(info: AddressInfo) -> socket.socket:
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _close(sock: socket.socket) -> None:
    sock.close()


def _remember(host: str, port: int, sock: socket.socket) -> None:
    _alive.pop((host, port), None)
    _alive[host, port] = sock.getpeername()
    while len(_alive) > _MOST_REMEMBERED:
        del _alive[next(iter(_alive))]
