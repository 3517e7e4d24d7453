"""For tests with accounts: invites to a broker, its host at work, guests who knock."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from limits import Limit

from resonance_broker import RunningBroker
from resonance_broker.certificate import public_key_print
from resonance_broker.passwords import hash_password
from resonance_tui.errors import BrokerRefused, BrokerUnreachable
from resonance_tui.hosting.accounts import issue_invites
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.host import Host
from resonance_tui.messaging.client import broker_client
from resonance_tui.protocol.urls import BrokerUrl, Invite, parse_broker_url


def digest_of(password: str) -> str:
    return hash_password(password, b"twelve bytes")


def pinned(broker: RunningBroker) -> BrokerUrl:
    assert broker.settings.tls_cert is not None
    url = parse_broker_url(broker.url)
    return replace(url, pin=public_key_print(broker.settings.tls_cert))


def invited(broker: RunningBroker, channel: str = "cats", span_s: float = 60.0) -> Invite:
    assert broker.settings.accounts is not None
    (ticket,) = issue_invites(broker.settings.accounts, channel, 1, span_s)
    return Invite(pinned(broker), channel, ticket)


@contextlib.asynccontextmanager
async def hosted(broker: RunningBroker, said: list[str] | None = None) -> AsyncIterator[Host]:
    """The host's program at its broker."""
    say = [].append if said is None else said.append
    host = Host(broker, [], Headcount(broker.figures, []), say=say)
    broker.renew_people()  # guests need not wait for the host to look by itself
    run = asyncio.create_task(host.run())
    try:
        yield host
    finally:
        run.cancel()
        await asyncio.wait([run])


async def comes_in(url: BrokerUrl, name: str, password: str, within_s: float = 5.0) -> bool:
    ends = Limit(within_s)
    while True:
        try:
            login = replace(url, username=name, password=password)
            async with broker_client(login, lambda *_: None, identifier=f"x-{name}", version=5):
                return True
        except (BrokerRefused, BrokerUnreachable):
            if ends.ran_out():
                return False
            await asyncio.sleep(0.05)


@contextlib.contextmanager
def hosted_meanwhile(broker: RunningBroker) -> Iterator[None]:
    """The host's program, while the main thread is the guest's."""
    ended = threading.Event()

    async def host() -> None:
        async with hosted(broker):
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(host(),))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
