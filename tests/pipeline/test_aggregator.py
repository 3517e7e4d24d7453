"""Aggregators and viewers of a large room against a real broker: exact counts, whatever dies."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import seats
from crowds import CHANNEL, QUICK, aggregating, aggregator, crowd, ledger, settle, start_aggregator
from limits import patience, until
from seats import Seat, seated

from resonance_tui.emotions import Emotion
from resonance_tui.history.store import Store
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.events import RoomEvent
from resonance_tui.protocol.frames import encode_agent, encode_partial
from resonance_tui.protocol.messages import AGENT, PARTIAL
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Partial, RoomSettings
from resonance_tui.room.tally import shards_owned
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def start(mosquitto: Any) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts aggregators as processes of their own; all are ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start_one(agent_id: str) -> subprocess.Popen[bytes]:
        started.append(start_aggregator(mosquitto, agent_id))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def session(broker: Any, folder: Path, *, database: Path | None = None, **more: Any) -> Session:
    """A viewer without a camera, or (with a database) the recorder."""
    return Session(
        SessionPlan(
            channel=CHANNEL,
            nickname="" if database else "ann",
            viewer_id=new_viewer_id(),
            boot=int(time.time()),
            broker=parse_broker_url(broker.url),
            source=Source("none"),
            engine="static",
            data_dir=folder,
            database=database,
            observe_only=database is not None,
            **more,
        )
    )


def nine(seen: Session) -> tuple[int, ...]:
    room = seen.view.room
    return (*room.counts, room.away, room.unsure)


async def test_two_aggregators_share_the_shards_and_their_total_is_exact(mosquitto: Any) -> None:
    settle(mosquitto)
    one, two = aggregator(mosquitto, "one"), aggregator(mosquitto, "two")
    async with crowd(mosquitto, 60) as people, ledger(mosquitto) as book, aggregating(one, two):
        await until(lambda: one.figures.agents == two.figures.agents == 2)
        await until(lambda: one.figures.shards + two.figures.shards == 64)
        await until(lambda: book.last == people.counts)
        owned = shards_owned("one", {"one", "two"})
        assert one.figures.shards == len(owned)
        assert one.figures.viewers + two.figures.viewers == 60
        assert one.figures.is_root != two.figures.is_root
        people.codes = [Emotion.SURPRISE] * 60
        await people.tell()
        assert await until(lambda: book.last == people.counts) < patience(1)


async def test_an_aggregator_that_joins_late_moves_no_count(mosquitto: Any) -> None:
    settle(mosquitto)
    one, late = aggregator(mosquitto, "one"), aggregator(mosquitto, "late")
    async with crowd(mosquitto, 60) as people, ledger(mosquitto) as book, aggregating(one):
        await until(lambda: book.last == people.counts)
        began = time.monotonic()
        async with aggregating(late):
            await until(lambda: late.figures.shards > 10)
            await until(lambda: one.figures.shards + late.figures.shards == 64)
            await asyncio.sleep(0.3)
        await until(lambda: one.figures.shards == 64)
        assert set(book.since(began)) == {people.counts}


async def test_who_falls_silent_is_out_of_the_total_after_the_time_to_live(mosquitto: Any) -> None:
    one = aggregator(mosquitto)
    brisk = RoomSettings(tick_ms=50, heartbeat_s=1, ttl_s=2)  # no host could say so
    one._take(RoomEvent(CHANNEL, brisk), time.monotonic(), time.monotonic())
    async with ledger(mosquitto) as book, aggregating(one):
        async with crowd(mosquitto, 30):
            await until(lambda: sum(book.last) == 30)
        await asyncio.sleep(1)
        assert sum(book.last) == 30
        await until(lambda: sum(book.last) == 0, within=5)


async def test_viewers_follow_the_total_and_fall_back_to_the_mesh(
    mosquitto: Any, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    settle(mosquitto)
    database = tmp_path / "history.sqlite"
    ann, recorder = session(mosquitto, tmp_path), session(mosquitto, tmp_path, database=database)
    async with crowd(mosquitto, 59) as people, asyncio.TaskGroup() as tasks:
        runs = [tasks.create_task(each.run()) for each in (ann, recorder)]

        def all_see(is_total: bool) -> bool:
            expected = list(people.counts)
            expected[Emotion.AWAY] += 1  # ann has no camera
            return all(
                seen.view.room.is_total == is_total and list(nine(seen)) == expected
                for seen in (ann, recorder)
            )

        await until(lambda: all_see(False))
        began = int(time.time())
        agents = [start("one"), start("two")]
        await until(lambda: all_see(True), within=15)
        assert [row.nickname for row in ann.view.room.rows] == ["ann"]
        assert recorder.view.room.rows == ()
        people.codes = [Emotion.ANGER] * 59
        await people.tell()
        await until(lambda: all_see(True), within=2)
        ann.say(Emotion.HAPPINESS)
        await until(lambda: recorder.view.room.counts[Emotion.HAPPINESS] == 1, within=3)
        await until(lambda: ann.view.room.rows[0].code is Emotion.HAPPINESS, within=2)
        ann.say(None)
        for agent in agents:
            agent.send_signal(signal.SIGKILL)
        await until(lambda: all_see(False), within=8)
        assert len(ann.view.room.rows) == 60
        await asyncio.sleep(1.1)
        for run in runs:
            run.cancel()
    rows = [row for row in Store(database, read_only=True).read(CHANNEL, None, None)]
    since = [row for row in rows if row.t > began]
    assert [row.viewers for row in since] == [60] * len(since)
    seconds = [row.t for row in since]
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))
    assert {row.source for row in rows} == {"local"}


async def test_who_joins_a_large_room_never_asks_for_everybody(
    mosquitto: Any, tmp_path: Path
) -> None:
    settle(mosquitto)
    async with crowd(mosquitto, 60), ledger(mosquitto) as book, aggregating(aggregator(mosquitto)):
        await until(lambda: sum(book.last) == 60)
        ann = session(mosquitto, tmp_path)
        most = 0

        def look(_: object) -> None:
            nonlocal most
            most = max(most, len(ann.view.room.rows))

        ann.add_listener(look)
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(ann.run())
            await until(lambda: ann.view.room.is_total and ann.view.room.viewers == 61)
            run.cancel()
        assert most <= 1


async def test_a_goodbye_of_the_last_aggregator_is_heard_at_once(
    mosquitto: Any, tmp_path: Path
) -> None:
    settle(mosquitto)
    ann = session(mosquitto, tmp_path)
    async with crowd(mosquitto, 60), asyncio.TaskGroup() as tasks:
        run = tasks.create_task(ann.run())
        async with aggregating(aggregator(mosquitto)):
            await until(lambda: ann.view.room.is_total and ann.view.room.viewers == 61)
        await until(lambda: len(ann.view.room.rows) == 61, within=2)
        run.cancel()


async def test_the_count_is_right_again_after_the_broker_was_killed(mosquitto: Any) -> None:
    people = [Seat(mosquitto) for _ in range(5)]
    one = Aggregator(parse_broker_url(mosquitto.url), seats.CHANNEL)
    async with seated(*people), aggregating(one):
        for seat in people:
            seat.link.publish_report(seats.HAPPY)
        await until(lambda: one.figures.room == 5)
        mosquitto.kill()
        await until(lambda: one.status.state is LinkState.LOST)
        mosquitto.start()
        await until(lambda: one.status.state is LinkState.CONNECTED)
        await until(lambda: all(seat.is_connected for seat in people))
        await until(lambda: len(one._subscriptions.shards) == 64)
        people[0].link.withdraw()
        people[1].link.publish_report(seats.SAD)
        await until(lambda: one.figures.room == 4 and one.figures.shards == 64)
        assert one.figures.viewers == 4


async def test_a_frozen_aggregator_is_replaced_and_comes_back_without_a_dip(
    mosquitto: Any, start: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    """Nobody tells the others: the broker has to miss it, 1.5 times its keepalive and a sweep."""
    settle(mosquitto, replace(QUICK, ttl_s=30))
    stays = aggregator(mosquitto, "stays")
    async with crowd(mosquitto, 60) as people, ledger(mosquitto) as book, aggregating(stays):
        frozen = start("frozen")
        await until(lambda: 0 < stays.figures.shards < 64 and book.last == people.counts, 15)
        began = time.monotonic()
        frozen.send_signal(signal.SIGSTOP)
        await until(lambda: stays.figures.shards == 64, within=14)
        frozen.send_signal(signal.SIGCONT)
        await until(lambda: stays.figures.shards < 64)
        people.codes = [Emotion.FEAR] * 60
        await people.tell()
        await until(lambda: book.last == people.counts, within=3)
        assert {sum(counts) for counts in book.since(began)} == {60}


def test_a_peer_that_starts_again_under_an_earlier_clock_is_heard() -> None:
    watcher = Aggregator(parse_broker_url("mqtt://127.0.0.1:1"), CHANNEL, "watcher")
    shards = range(64)

    def post(boot: int, votes: int) -> None:
        partial = Partial(boot, 1, {shard: (votes, *[0] * 8) for shard in shards})
        for topic, payload in (
            (AGENT.topic.of(CHANNEL, "peer"), encode_agent(boot)),
            (PARTIAL.topic.of(CHANNEL, "peer"), encode_partial(partial, 0)),
        ):
            watcher._inbox.put(topic, payload)
        watcher._read(10.0)

    post(1_790_003_600, 1)
    assert sum(watcher._edges.total({"": ["peer"]}, 10.0).counts) == 64
    post(1_790_000_000, 2)
    assert sum(watcher._edges.total({"": ["peer"]}, 10.0).counts) == 128
