"""What killed viewers leave at brokers where nothing expires: it is cleared, and never counted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from clusters import NATS, nats_alone
from crowds import CHANNEL, QUICK, Ledger, aggregating
from limits import Limit, until
from machine import free_port

from resonance_broker import BrokerSettings, start_broker
from resonance_tui.emotions import Emotion
from resonance_tui.hosting.headcount import Headcount
from resonance_tui.hosting.host import Host
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.client import BrokerClient, broker_client
from resonance_tui.messaging.discovery import ChannelInfo, list_channels
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import Unrenewed
from resonance_tui.protocol.frames import (
    encode_agent,
    encode_nickname,
    encode_report,
    encode_room,
    encode_sweep,
    encode_total,
)
from resonance_tui.protocol.messages import (
    AGENT,
    NICKNAME,
    REPORT,
    ROOM_SETTINGS,
    SWEEP,
    TABLE,
    TOTAL,
)
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import Report, RoomSettings
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan

LEFT = (REPORT, NICKNAME, TOTAL)
GHOSTS = [f"ghost-{number}" for number in range(6)]
SWEPT_WITHIN_S = 25.0  # the time to live, a random moment, and asking again


@pytest.fixture(params=["nats", "embedded"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokerUrl]:
    """A broker that keeps retained messages for ever."""
    if request.param == "nats":
        if NATS is None:
            pytest.skip("nats-server is not installed")
        with nats_alone(tmp_path) as node:
            yield parse_broker_url(node.node.url)
    else:
        broker = start_broker(BrokerSettings(port=free_port(), program="embedded"))
        yield parse_broker_url(broker.url)
        broker.stop()


@contextlib.asynccontextmanager
async def client_of(url: BrokerUrl, arrival: Any = None) -> AsyncIterator[BrokerClient]:
    arrival = arrival or (lambda *_: None)
    name = f"test-{new_viewer_id()}"
    async with broker_client(url, arrival, identifier=name, version=4) as client:
        yield client


async def leave_behind(url: BrokerUrl) -> None:
    """What six viewers and an aggregator leave that were killed together with their broker."""
    report = encode_report(Report(1, 5, Emotion.FEAR, 50))
    async with client_of(url) as client:
        settings = encode_room(QUICK)
        await client.send(Outgoing(ROOM_SETTINGS.topic.of(CHANNEL), settings, 1))
        for ghost in GHOSTS:
            await client.send(Outgoing(REPORT.topic.of(CHANNEL, ghost), report, 1))
            nickname = encode_nickname(ghost)
            await client.send(Outgoing(NICKNAME.topic.of(CHANNEL, ghost), nickname, 1))
        total = encode_total(1, 1, 1, (6, 0, 0, 0, 0, 0, 0, 0, 0))
        await client.send(Outgoing(TOTAL.topic.of(CHANNEL), total, 1))
        await client.send(Outgoing(AGENT.topic.of(CHANNEL, "dead"), encode_agent(1), 1))


async def retained(url: BrokerUrl) -> set[str]:
    """The topics of a room's viewers and total of which a newcomer is brought something."""
    found: set[str] = set()

    def take(topic: str, payload: bytes, is_retained: bool, *_: object) -> None:
        if payload and is_retained and TABLE.find(topic) in LEFT:  # amqtt brings others, too
            found.add(topic)

    async with client_of(url, take) as client:
        for row in LEFT:
            await client.follow(row.topic.filter(channel=CHANNEL), 0)
        await asyncio.sleep(0.4)  # nothing says when all have come
    return found


async def until_only(url: BrokerUrl, *topics: str) -> None:
    deadline = Limit(SWEPT_WITHIN_S)
    while (found := await retained(url)) != set(topics):
        assert not deadline.ran_out(), found


@contextlib.asynccontextmanager
async def living(url: BrokerUrl, heartbeat_s: float = 2.0) -> AsyncIterator[MqttLink]:
    """Ann, who reports in each heartbeat."""
    link = MqttLink(url, CHANNEL, "ann", heartbeat_s=heartbeat_s)
    link.publish_report(Report(int(time.time()), 1, Emotion.HAPPINESS, 90))
    run = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        run.cancel()
        await asyncio.wait([run])


ANN = REPORT.topic.of(CHANNEL, "ann")


async def test_a_recorder_clears_what_nobody_renews(keeper: BrokerUrl, tmp_path: Path) -> None:
    await leave_behind(keeper)
    recorder = Session(
        SessionPlan(
            channel=CHANNEL,
            nickname="",
            viewer_id=new_viewer_id(),
            boot=int(time.time()),
            broker=keeper,
            source=Source("none"),
            engine="static",
            data_dir=tmp_path,
            observe_only=True,
        )
    )
    run = asyncio.create_task(recorder.run())
    async with living(keeper):
        await until_only(keeper, ANN)
    run.cancel()
    await asyncio.wait([run])


async def test_an_aggregator_never_counts_ghosts_and_clears_them(keeper: BrokerUrl) -> None:
    await leave_behind(keeper)
    book = Ledger()
    async with client_of(keeper, book.put) as listener, living(keeper):
        await listener.follow(TOTAL.topic.of(CHANNEL), 0)
        await until(lambda: book.totals)  # the one left behind
        began = time.monotonic()
        one = Aggregator(keeper, CHANNEL, "one")
        async with aggregating(one):
            await until(lambda: book.since(began), within=12)
            await until_only(keeper, ANN, TOTAL.topic.of(CHANNEL))
            assert one.figures.agents == 1
        told = book.since(began)
        assert {sum(counts) for counts in told} == {1}, "never above what is true"


async def test_a_host_clears_what_nobody_renews() -> None:
    broker = start_broker(BrokerSettings(port=free_port(), program="embedded"))
    url = parse_broker_url(broker.url)
    await leave_behind(url)
    headcount = Headcount(broker.figures, [])
    host = Host(broker, [CHANNEL], headcount, say=lambda _: None)
    run = asyncio.create_task(host.run())
    async with living(url):
        await until(lambda: headcount.figures(time.monotonic()).people == 1)
        await until_only(url, ANN, TOTAL.topic.of(CHANNEL))
    run.cancel()
    await asyncio.wait([run])
    broker.stop()


async def test_an_aggregator_that_takes_over_tells_no_other_total(keeper: BrokerUrl) -> None:
    """The counts of a dead one hold until the new one has heard everybody."""
    book = Ledger()
    brisk = RoomSettings(tick_ms=50, heartbeat_s=2, ttl_s=30)
    async with client_of(keeper, book.put) as listener, living(keeper):
        await listener.send(Outgoing(ROOM_SETTINGS.topic.of(CHANNEL), encode_room(brisk), 1))
        await listener.follow(TOTAL.topic.of(CHANNEL), 0)
        one, two = Aggregator(keeper, CHANNEL, "one"), Aggregator(keeper, CHANNEL, "two")
        async with aggregating(two):
            async with aggregating(one):
                await until(lambda: one.figures.shards + two.figures.shards == 64, within=20)
                await until(lambda: book.last and sum(book.last) == 1)
                began = time.monotonic()
            await until(lambda: two.figures.shards == 64 and two.figures.is_whole, within=20)
        assert {sum(counts) for counts in book.since(began)} == {1}


async def test_who_hears_itself_swept_repeats_its_report_at_once(keeper: BrokerUrl) -> None:
    told: list[str] = []

    def take(topic: str, payload: bytes, is_retained: bool, *_: object) -> None:
        if topic == ANN and payload and not is_retained:
            told.append(topic)

    async with client_of(keeper, take) as client, living(keeper, 60.0) as ann:
        await client.follow(ANN, 0)
        await until(lambda: ann.status.state is LinkState.CONNECTED)
        await asyncio.sleep(0.3)  # its first report
        told.clear()
        sweep = encode_sweep([Unrenewed("ann", 1, 1)])
        for _ in range(3):  # a flood is answered once
            await client.send(SWEEP.outgoing(sweep, CHANNEL, "one"))
        await until(lambda: told, within=1.5)
        await asyncio.sleep(0.3)
        assert told == [ANN]


async def test_a_list_of_rooms_does_not_take_what_is_kept_for_a_fact(keeper: BrokerUrl) -> None:
    await leave_behind(keeper)
    (room,) = await list_channels(keeper, wait=0.3)
    assert room == ChannelInfo(CHANNEL, 6, True, is_sure=False)
