"""Which broker a session uses: the configured one, one that runs here, or one started for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from resonance_tui.config import DEFAULT_BROKER_URL
from resonance_tui.errors import Problem
from resonance_tui.messaging.probe import is_reachable
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session.broker_claim import BrokerClaim

if TYPE_CHECKING:  # loaded only when a local broker has to be started
    from resonance_broker import RunningBroker

LOOPBACK_HOST = "127.0.0.1"  # where a broker of our own listens
PATIENCE_S = 2.0  # for the broker of another viewer who starts at the same moment


async def choose_broker(
    configured: BrokerUrl | None, stack: AsyncExitStack, on_started: Callable[[str], None]
) -> BrokerUrl:
    """The configured broker; else the one at the default address; else one started here.

    `stack` ends a broker that is started; `on_started` takes its address. Raises BrokerProblem
    where none can be started.
    """
    if configured is not None:
        return configured
    url = parse_broker_url(DEFAULT_BROKER_URL)
    if await is_reachable(url):
        return url
    try:
        started = await _start_in_thread(_start_local_broker)
    except Problem:
        if await is_reachable(url, PATIENCE_S):
            return url
        raise
    await keep_until_end(started, stack)
    if parse_broker_url(started.url).port != url.port and await is_reachable(url, PATIENCE_S):
        return url  # another program has started one at the default address meanwhile
    on_started(started.url)
    return parse_broker_url(started.url)


async def keep_until_end(started: RunningBroker, stack: AsyncExitStack) -> None:
    """`stack` ends the broker; until then other viewers know it as one that they may replace."""
    claim = BrokerClaim(started.settings.port)
    stack.push_async_callback(asyncio.to_thread, claim.release)
    stack.push_async_callback(asyncio.to_thread, started.stop)
    await asyncio.to_thread(claim.take)


async def start_broker_at(port: int) -> RunningBroker:
    """A broker on this machine at exactly that port, without accounts; the caller stops it.

    Raises BrokerProblem where another one holds the port, or none can be started.
    """
    return await _start_in_thread(lambda: _start_broker_at(port))


async def start_public_broker(address: str, port: int) -> RunningBroker:
    """An open broker for everybody who reaches that address of this machine, on the port or, where
    it is taken, on another; the caller stops it. Raises BrokerProblem."""
    return await _start_in_thread(lambda: _start_public_broker(address, port))


async def _start_in_thread(start: Callable[[], RunningBroker]) -> RunningBroker:
    """Starts a broker; a cancellation meanwhile stops it again.

    The thread cannot be cancelled, so its broker is awaited and stopped.
    """
    starting = asyncio.get_running_loop().run_in_executor(None, start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with contextlib.suppress(Problem):
            started = await starting
            await asyncio.to_thread(started.stop)
        raise


def _start_local_broker() -> RunningBroker:
    """A broker of our own on this machine (blocking). Raises BrokerProblem."""
    import resonance_broker

    return resonance_broker.local_broker()


def _start_broker_at(port: int) -> RunningBroker:
    """A broker at that port of this machine (blocking). Raises BrokerProblem."""
    import resonance_broker

    settings = resonance_broker.BrokerSettings(host=LOOPBACK_HOST, port=port)
    return resonance_broker.start_broker(settings)


def _start_public_broker(address: str, port: int) -> RunningBroker:
    """As `start_public_broker` (blocking)."""
    from resonance_broker import BrokerProblem, BrokerSettings, ProblemKind, start_broker
    from resonance_broker.preflight import free_port

    try:
        return start_broker(BrokerSettings(host=address, port=port, public=True, insecure=True))
    except BrokerProblem as problem:
        if problem.kind is not ProblemKind.PORT_TAKEN:
            raise
    return start_broker(BrokerSettings(host=address, port=free_port(), public=True, insecure=True))
