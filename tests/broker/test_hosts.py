"""Who announces a room: one host, and at somebody else's broker only with the account for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from guests import digest_of, pinned
from limits import within

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import Account, Role, add_account
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.announcer import RoomAnnouncement, RoomAnnouncer
from resonance_tui.messaging.client import broker_client
from resonance_tui.protocol import messages
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url

pytestmark = pytest.mark.mosquitto


async def test_a_second_host_is_told_and_overwrites_nothing(start) -> None:
    url = parse_broker_url(start().url)
    said: list[list[str]] = [[], []]
    rooms: dict[str, bytes] = {}
    hosts = [
        RoomAnnouncement(["cats"], said[0].append),
        RoomAnnouncement(["cats", "dogs"], said[1].append),
    ]

    async def run(hosting: RoomAnnouncement, ended: asyncio.Event) -> None:
        def arrive(topic: str, payload: bytes, *_: object) -> None:
            hosting.observe(topic, payload)

        async with broker_client(url, arrive, identifier=hosting.id, version=5) as client:
            await hosting.begin(client)
            running = asyncio.create_task(hosting.run(client))
            await ended.wait()
            running.cancel()
            for message in hosting.closing_messages():
                await client.send(message)

    async def until(is_so) -> None:
        async with within(5):
            while not is_so():
                await asyncio.sleep(0.02)

    def note(topic: str, payload: bytes, *_: object) -> None:
        rooms[topic] = payload

    def host_of(channel: str) -> str | None:
        payload = rooms.get(messages.ROOM_SETTINGS.topic.of(channel), b"")
        event = messages.decode(messages.ROOM_SETTINGS.topic.of(channel), payload)
        return event.host if event.settings is not None else None

    ends = [asyncio.Event(), asyncio.Event()]
    async with (
        broker_client(url, note, identifier="watcher", version=5) as watcher,
        asyncio.TaskGroup() as tasks,
    ):
        await watcher.follow(messages.ROOM_SETTINGS.topic.of("+"), 1)
        tasks.create_task(run(hosts[0], ends[0]))
        await until(lambda: host_of("cats") == hosts[0].id)
        tasks.create_task(run(hosts[1], ends[1]))
        await until(lambda: host_of("dogs") == hosts[1].id and said[1])
        assert said == [[], ["cats has another host already; what that one set stays."]]
        assert host_of("cats") == hosts[0].id
        ends[0].set()
        await until(lambda: host_of("cats") == hosts[1].id)  # free now: the other takes it up
        ends[1].set()
        await until(lambda: host_of("cats") is None and host_of("dogs") is None)


async def test_a_host_on_somebody_elses_broker_announces_with_the_right_account_only(
    broker: RunningBroker, folder: Path
) -> None:
    def add(book):
        for name, role in (("cathost", Role.HOST), ("agg-1", Role.AGGREGATOR)):
            book = add_account(book, Account(name, digest_of("pw"), role, ("cats",)))
        return book, None

    AccountsStore(folder).change(add)
    broker.renew_people()
    url = pinned(broker)
    rooms: dict[str, bytes] = {}
    with pytest.raises(BrokerRefused, match="does not let this user announce cats"):
        await _host(url, "agg-1").run()
    login = replace(url, username="cathost", password="pw")

    def note(topic: str, payload: bytes, *_: object) -> None:
        rooms[topic] = payload

    async with broker_client(login, note, identifier="w", version=5) as watcher:
        await watcher.follow(messages.ROOM_SETTINGS.topic.of("cats"), 1)
        running = asyncio.create_task(_host(url, "cathost").run())
        async with within(5):
            while not rooms.get(messages.ROOM_SETTINGS.topic.of("cats")):
                await asyncio.sleep(0.02)
            running.cancel()
            while rooms[messages.ROOM_SETTINGS.topic.of("cats")]:
                await asyncio.sleep(0.02)


def _host(url: BrokerUrl, name: str) -> RoomAnnouncer:
    login = replace(url, username=name, password="pw")
    return RoomAnnouncer(login, RoomAnnouncement(["cats"], lambda sentence: None, name))
