"""Brokers that keep reports for ever: the dead are no figure, and the living are known at once."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from getpass import getuser
from pathlib import Path
from typing import Any, Protocol

import pytest
from children import start_child
from clusters import NATS
from limits import Limit, patience, until
from machine import MOSQUITTO, free_port
from seats import CHANNEL, HAPPY, Seat, seated

from resonance_broker import BrokerSettings, RunningBroker, start_broker
from resonance_tui.messaging.client import broker_client, ignore
from resonance_tui.protocol.events import ReportEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT, ROLL_CALL
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import ANSWERS_CALLS, Report
from resonance_tui.room.rumours import ANSWER_S
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.room_model import RoomModel

ANSWERING = Report(HAPPY.boot, 1, HAPPY.code, HAPPY.confidence, ANSWERS_CALLS)
needs_nats = pytest.mark.skipif(NATS is None, reason="needs NATS: sudo apt-get install nats-server")


class Broker(Protocol):
    url: str

    def stop(self) -> None: ...


class Nats:
    """One node whose store outlives it."""

    def __init__(self, folder: Path) -> None:
        self._port = free_port()
        self.url = f"mqtt://127.0.0.1:{self._port}"
        self._conf = folder / "nats.conf"
        self._conf.write_text(
            f"server_name: one\nhost: 127.0.0.1\nport: {free_port()}\n"
            f'jetstream {{ store_dir: "{folder / "store"}" }}\n'
            f"mqtt {{ host: 127.0.0.1, port: {self._port} }}\n"
        )
        self.start()

    def start(self) -> None:
        assert NATS is not None
        with self._conf.with_suffix(".log").open("ab") as log:
            self._process = start_child([NATS, "-c", str(self._conf)], stdout=log, stderr=log)
        ends = Limit(10)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=0.5).close()
                return
            except OSError:
                assert not ends.ran_out(), "does not answer"
                time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(timeout=patience(10))


class Embedded:
    def __init__(self) -> None:
        settings = BrokerSettings(port=free_port(), program="embedded")
        self._broker: RunningBroker = start_broker(settings)
        self.url = f"mqtt://127.0.0.1:{settings.port}"

    def stop(self) -> None:
        self._broker.stop()


@pytest.fixture(params=[pytest.param("nats", marks=needs_nats), "embedded"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    running = Nats(tmp_path) if request.param == "nats" else Embedded()
    yield running
    running.stop()


class Guest(Seat):
    """A seat that sees the room as a session does, and notes what it saw."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, heartbeat_s=10.0, **options)
        self.model = RoomModel()
        self.has_asked = False
        self.answering: set[str] = set()  # whose reports say that they answer calls
        self.seen: list[tuple[int, int, bool]] = []  # viewers, confirming, whether it is a fact

    def look(self) -> RoomSnapshot:
        now = time.monotonic()
        self.model.know(self.link.traits, now)
        for event in self.link.drain():
            if isinstance(event, ReportEvent) and event.report.answers_calls:
                self.answering.add(event.viewer_id)
            self.model.take(event, now)
        self.model.connected(self.is_connected, now)
        room = self.model.look(now, None)
        if self.model.calls_roll(now):
            self.has_asked = True
            self.link.call_roll()
        found = room.viewers, room.confirming, self.model.is_fact(now)
        if not self.seen or self.seen[-1] != found:
            self.seen.append(found)
        return room

    def knows(self, viewers: int) -> bool:
        self.look()
        return self.seen[-1] == (viewers, 0, True)

    @property
    def facts(self) -> set[int]:
        return {viewers for viewers, _, is_fact in self.seen if is_fact}


async def leave_behind(url: str, report: Report, *viewer_ids: str) -> None:
    """Reports of viewers whom nobody saw leave. NATS loses what comes at QoS 0 while it begins."""
    async with broker_client(parse_broker_url(url), ignore, identifier="gone", version=4) as client:
        while missing := set(viewer_ids) - await kept(url):
            for viewer_id in missing:
                await client.publish(
                    REPORT.topic.of(CHANNEL, viewer_id), encode_report(report), 1, retain=True
                )


async def kept(url: str) -> set[str]:
    """Viewers whose reports a newcomer is brought."""
    found: set[str] = set()

    def hear(topic: str, _: bytes, is_retained: bool, *_left: object) -> None:
        if is_retained:
            found.add(topic.rpartition("/")[2])

    async with broker_client(parse_broker_url(url), hear, identifier="look", version=4) as client:
        await client.follow(REPORT.topic.filter(channel=CHANNEL), 0)
        await asyncio.sleep(0.1)
    return found


GHOSTS = [f"ghost{each}" for each in range(6)]


async def test_the_dead_are_never_counted_and_soon_forgotten(broker: Broker) -> None:
    await leave_behind(broker.url, ANSWERING, *GHOSTS)
    if isinstance(broker, Nats):
        broker.stop()
        broker.start()
    late, log = Guest(broker.url), Guest(broker.url, observe_only=True)
    async with seated(late, log):
        late.link.publish_report(HAPPY)
        await until(lambda: all([late.knows(1), log.knows(1)]), within=ANSWER_S + 3)
    assert late.seen.index((1, 6, False)) < len(late.seen) - 1
    assert max(viewers for viewers, *_ in late.seen + log.seen) == 1
    assert late.facts | log.facts <= {0, 1}  # 0: the recorder came a moment before


async def test_a_late_joiner_knows_the_living_at_once(broker: Broker) -> None:
    room = [Guest(broker.url) for _ in range(17)]
    async with seated(*room):
        for each in room:
            each.link.publish_report(HAPPY)
        await until(lambda: all(each.look().viewers == 17 for each in room))
        late = Guest(broker.url)
        async with seated(late):
            late.link.publish_report(HAPPY)
            drained = asyncio.create_task(keep_looking(room))
            assert await until(lambda: late.knows(18)) < patience(2.0)
            drained.cancel()
    assert late.facts == {18}
    assert len(late.answering) == 18


async def test_a_newcomer_hears_nothing_of_another_room(broker: Broker) -> None:
    """amqtt brings whatever anybody is subscribed to."""
    there, elsewhere = Guest(broker.url), Guest(broker.url, channel="elsewhere")
    async with seated(there):
        there.link.publish_nickname("Ann")
        await leave_behind(broker.url, ANSWERING, *GHOSTS)
        elsewhere.link.publish_report(HAPPY)
        async with seated(elsewhere):
            await until(lambda: elsewhere.look().viewers == 1)
    assert {confirming for _, confirming, _ in elsewhere.seen} == {0}


@pytest.mark.skipif(MOSQUITTO is None, reason="needs Mosquitto: sudo apt-get install mosquitto")
async def test_who_died_with_a_broker_that_expires_reports_is_no_fact(tmp_path: Path) -> None:
    port = free_port()
    url, conf = f"mqtt://127.0.0.1:{port}", tmp_path / "mosquitto.conf"
    conf.write_text(
        f"user {getuser()}\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
        f"persistence true\npersistence_location {tmp_path}/\n"
        "autosave_on_changes true\nautosave_interval 1\n"
    )
    async with mosquitto_of(conf, port):
        broker = parse_broker_url(url)
        async with broker_client(broker, ignore, identifier="gone", version=5) as client:
            for each in GHOSTS:
                report = encode_report(replace(ANSWERING, up_s=100))
                await client.send(REPORT.outgoing(report, CHANNEL, each))
            while await kept(url) < set(GHOSTS):  # stored a moment later
                continue
            await until((tmp_path / "mosquitto.db").exists)
    async with mosquitto_of(conf, port):
        late, log = Guest(url), Guest(url, observe_only=True)
        async with seated(late, log):
            late.link.publish_report(HAPPY)
            await until(lambda: all([late.knows(1), log.knows(1)]), within=ANSWER_S + 4)
    assert max(viewers for viewers, *_ in late.seen) > 1  # as the broker remembers the room
    assert late.facts | log.facts <= {0, 1}


@contextlib.asynccontextmanager
async def mosquitto_of(conf: Path, port: int) -> AsyncIterator[None]:
    """Killed at the end, together with all that it did not store."""
    assert MOSQUITTO is not None
    process = start_child([MOSQUITTO, "-c", str(conf)])
    try:
        await until(lambda: is_listening(port))
        yield
    finally:
        process.kill()
        process.wait()


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
        return True
    return False


async def keep_looking(room: list[Guest]) -> None:
    while True:
        for each in room:
            each.look()
        await asyncio.sleep(0.05)


async def test_who_looks_on_with_an_account_calls_nobody(broker: Broker) -> None:
    """Such accounts may not publish."""
    heard: list[str] = []

    def hear(topic: str, payload: bytes, *_: object) -> None:
        heard.append(topic)

    await leave_behind(broker.url, ANSWERING, *GHOSTS)
    named = Guest(broker.url.replace("://", "://logger:secret@"), observe_only=True)
    nameless = Guest(broker.url, observe_only=True)
    url = parse_broker_url(broker.url)
    async with broker_client(url, hear, identifier="ear", version=4) as client:
        await client.follow(ROLL_CALL.topic.filter(channel=CHANNEL), 0)
        heard.clear()  # amqtt begins with reports that nobody here has asked for
        async with seated(named):
            await until(lambda: named.look() and named.has_asked)
        async with seated(nameless):
            await until(lambda: nameless.look() and heard)
    assert len(heard) == 1
