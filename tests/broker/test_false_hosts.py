"""Somebody else who shows a key for the room first, and fifty who wipe the host's word away."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from desks import running
from guests import digest_of
from limits import patience, until
from starts import Start

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import Account, AccountList, Role, add_account
from resonance_tui.hosting.desk import Desk, publisher_id
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.host import Host, own_url
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.frames import encode_host_key, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, RULES
from resonance_tui.protocol.packets import connect_packet, publish
from resonance_tui.protocol.rules import NUMBER_MOST, RoomRules, sign_rules
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.room.trust import Trust
from resonance_tui.room_keys import RoomKey, RoomKeys
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan
from resonance_tui.signing import SigningKey

pytestmark = pytest.mark.mosquitto
ROOM = "cats"
PEOPLE = ("ann", "mallory")
FORGER = SigningKey.from_private(bytes([9] * 32))


@pytest.fixture
def key(tmp_path: Path) -> RoomKey:
    return keys_in(tmp_path).make(ROOM)


def keys_in(folder: Path) -> RoomKeys:
    return RoomKeys(folder / "room-keys")


@pytest.fixture(params=["open", "guarded"])
def house(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> RunningBroker:
    if request.param == "open":
        return start()
    folder = tmp_path / "accounts"

    def add(book: AccountList) -> tuple[AccountList, None]:
        for name in PEOPLE:
            book = add_account(book, Account(name, digest_of("pw"), Role.VIEWER, (ROOM,)))
        return book, None

    AccountsStore(folder).change(add)
    return start(accounts=folder)


def is_guarded(house: RunningBroker) -> bool:
    return house.settings.accounts is not None


def login(house: RunningBroker, name: str) -> BrokerUrl:
    url = parse_broker_url(house.url)
    return replace(url, username=name, password="pw") if is_guarded(house) else url


def guest(house: RunningBroker, folder: Path, host_print: str | None) -> Session:
    return Session(
        SessionPlan(
            channel=ROOM,
            nickname="Ann",
            viewer_id="ann",
            boot=int(time.time()),
            broker=login(house, "ann"),
            source=Source("none"),
            engine="static",
            data_dir=folder,
            host_print=host_print,
        )
    )


def host_of(house: RunningBroker, folder: Path) -> Host:
    say: list[str] = []
    return Host(house, [ROOM], Headcount({}, []), say=say.append, keys=keys_in(folder))


@contextlib.asynccontextmanager
async def client_of(
    house: RunningBroker, name: str, identifier: str
) -> AsyncIterator[BrokerClient]:
    url = login(house, name)
    async with broker_client(url, lambda *_: None, identifier=identifier, version=5) as client:
        yield client


async def forge(client: BrokerClient) -> None:
    """A key, and rules signed with it, as if the room were Mallory's."""
    await client.send(HOST_KEY.outgoing(encode_host_key(FORGER.public), ROOM))
    lies, soon = RoomRules(removed=("ann",), closed="mine"), int(time.time()) + 3600
    signed = sign_rules(lies, ROOM, NUMBER_MOST, soon, FORGER)
    await client.send(RULES.outgoing(encode_rules(signed), ROOM, "mallory"))


async def test_a_key_that_was_shown_first_is_nobodys_host(
    house: RunningBroker, key: RoomKey, tmp_path: Path
) -> None:
    linked, stranger = guest(house, tmp_path, key.print), guest(house, tmp_path, None)
    desk = Desk(own_url(house), keys_in(tmp_path), key, sees_viewers=False)
    async with client_of(house, "mallory", "forger") as mallory:
        await forge(mallory)
        async with running(linked):
            await until(lambda: linked.view.room.viewers == 1)
            assert linked.view.rules is None
            async with running(host_of(house, tmp_path), desk):
                await desk.until_ready(patience(8))
                await desk.act("mute", "troll")
                await until(lambda: linked.view.trust is Trust.LINK and linked.view.rules)
                await forge(mallory)
                await desk.act("slow", "5")
                await until(lambda: linked.view.rules and linked.view.rules.slow_s == 5)
                assert linked.view.rules is not None
                assert linked.view.rules.muted == ("troll",)
        async with running(host_of(house, tmp_path), stranger):
            await until(lambda: stranger.view.room.viewers == 1)
            await forge(mallory)
            if is_guarded(house):  # the broker lets the host alone show a key
                await until(lambda: stranger.view.rules and stranger.view.rules.slow_s == 5)
                assert stranger.view.trust is Trust.FIRST_USE
            else:
                await until(lambda: stranger.view.host.shown_key)
                assert (stranger.view.trust, stranger.view.rules) == (Trust.UNKNOWN, None)


async def test_who_floods_the_hosts_topic_does_not_silence_it(
    start: Start, key: RoomKey, tmp_path: Path
) -> None:
    house = start()
    desk = Desk(own_url(house), keys_in(tmp_path), key, sees_viewers=False)
    ann = guest(house, tmp_path, key.print)
    topics = [RULES.topic.of(ROOM, publisher_id(own_url(house), key)), HOST_KEY.topic.of(ROOM)]
    async with running(ann, desk):
        await desk.until_ready(patience(8))
        await desk.act("mute", "troll")
        await until(lambda: ann.view.rules and ann.view.rules.muted)
        with flooding(house.settings.port, topics):
            await until(lambda: desk._limiter.refused > 100)  # and so it is with guests
            await desk.act("slow", "5")
            await until(lambda: ann.view.rules and ann.view.rules.slow_s == 5)
            newcomer = guest(house, tmp_path, key.print)
            async with running(newcomer):
                await until(lambda: newcomer.view.rules and newcomer.view.rules.slow_s == 5)


@contextlib.contextmanager
def flooding(port: int, topics: list[str]) -> Iterator[None]:
    """Fifty connections that clear those topics and write garbage on them."""
    ended = threading.Event()

    def flood() -> None:
        lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        for n, line in enumerate(lines):
            line.sendall(connect_packet(4, f"wiper{n}", keepalive_s=0))
        junk = b"".join(publish(4, each, what) for each in topics for what in (b"", b"no"))
        while not ended.wait(0.05):
            for line in lines:
                line.sendall(junk)
        for line in lines:
            line.close()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
