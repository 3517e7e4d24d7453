"""A session while a real client floods its room with garbage: right, responsive, bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from children import start_child
from limits import Limit, patience, until
from seats import CHANNEL, REPOSITORY, Seat, publish, rows, seated

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link import Link, MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.rate_limit import MAX_SOURCES, STRIKES
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import Report
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan, open_link
from resonance_tui.simulation.simulated_connection import SimulatedConnection, find_route

SECONDS, RATE = 10, 5000
HONEST = {"ann": Emotion.HAPPINESS, "ben": Emotion.SADNESS}


class Honest:
    """Two viewers who say once a second what they feel, each over its own connection."""

    def __init__(self) -> None:
        self.feel = dict(HONEST)
        self._seq = 0

    async def run(self, url: str) -> None:
        route = await find_route(parse_broker_url(url), 5)
        lines = {name: SimulatedConnection(route, lambda: None) for name in self.feel}
        for name, line in lines.items():
            assert await line.open(f"rsn-{name}")
        while True:
            self._seq += 1
            for name, line in lines.items():
                report = Report(1_790_000_000, self._seq, self.feel[name], 70)
                line.publish(REPORT.topic.of(CHANNEL, name), encode_report(report), 30)
            await asyncio.sleep(1)


class Lag:
    """How late the loop answers, by a clock that ticks every 50 ms."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def run(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            self.seconds.append(time.monotonic() - before - 0.05)


@contextlib.asynccontextmanager
async def a_session(
    url: str, folder: Path, links: list[Link]
) -> AsyncIterator[tuple[Session, Honest, Lag]]:
    """`links` gets the link that the session makes."""

    def connect(broker: BrokerUrl, plan: SessionPlan, viewer_id: str) -> Link:
        links.append(open_link(broker, plan, viewer_id))
        return links[-1]

    session = Session(
        SessionPlan(
            channel=CHANNEL,
            nickname="me",
            viewer_id="myself",
            boot=1_790_000_000,
            broker=parse_broker_url(url),
            source=Source("none"),
            engine="static",
            data_dir=folder,
        ),
        connect=connect,
    )
    honest, lag = Honest(), Lag()
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(session.run()),
            tasks.create_task(honest.run(url)),
            tasks.create_task(lag.run()),
        ]
        yield session, honest, lag
        for task in running:
            task.cancel()


def shown(room: RoomSnapshot) -> dict[str, Emotion]:
    return {row.viewer_id: row.code for row in room.rows}


@pytest.mark.mosquitto
@pytest.mark.timeout(120)
async def test_ten_seconds_of_garbage_leave_the_room_right_and_the_loop_alive(
    mosquitto: Any, tmp_path: Path
) -> None:
    links: list[Link] = []
    async with a_session(mosquitto.url, tmp_path, links) as (session, honest, lag):
        expected = {"myself": Emotion.AWAY, **HONEST}
        await until(lambda: shown(session.view.room) == expected)
        (link,) = links
        assert isinstance(link, MqttLink)
        memory = psutil.Process().memory_info().rss
        flood = flooding(mosquitto.port)
        lag.seconds.clear()
        ends = Limit(60)
        while flood.poll() is None and not ends.ran_out():
            room = session.view.room
            assert set(shown(room)) == set(expected), "nobody else, and nobody missing"
            assert (room.viewers, room.away, sum(room.counts)) == (3, 1, 2)
            assert len(link._limiter) <= MAX_SOURCES and len(link._inbox) <= 8192
            await asyncio.sleep(0.05)
        lags = list(lag.seconds)
        assert await sent(flood) == SECONDS * RATE
        assert psutil.Process().memory_info().rss - memory < 64 * 2**20, "of 100 MiB of garbage"
        honest.feel = {"ann": Emotion.FEAR, "ben": Emotion.ANGER}
        expected = {"myself": Emotion.AWAY, **honest.feel}
        await until(lambda: shown(session.view.room) == expected, within=5)
        assert session.view.link.state is LinkState.CONNECTED
        assert "muted for a while" in session.view.link.detail
        assert link._limiter.mutes >= 30 and link._limiter.refused > 1000
    print(f"lag: median {statistics.median(lags):.4f} s, most {max(lags):.3f} s of {len(lags)}")
    assert len(lags) > 20
    assert statistics.median(lags) < patience(0.1)
    assert max(lags) < patience(2.0)


def flooding(port: int) -> subprocess.Popen[bytes]:
    script = Path(__file__).with_name("flood.py")
    return start_child(
        [sys.executable, str(script), str(port), str(SECONDS), str(RATE)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
    )


async def sent(flood: subprocess.Popen[bytes]) -> int:
    said, _ = await asyncio.to_thread(flood.communicate, timeout=patience(30))
    return int(said)


@pytest.mark.mosquitto
async def test_one_who_babbles_is_muted_and_the_others_are_told_why(mosquitto: Any) -> None:
    bob = Seat(mosquitto)
    async with seated(bob):
        for number in range(STRIKES):
            await asyncio.to_thread(
                publish, mosquitto, REPORT.topic.of(CHANNEL, "mallory"), b"\xc1" + bytes([number])
            )
            await until(lambda: bob.link.wake.is_set())
            bob.look()
        await until(lambda: bob.look() and "muted" in bob.link.status.detail)
        good = encode_report(Report(1_790_000_000, 1, Emotion.HAPPINESS, 70))
        for name in ("mallory", "zoe"):
            await asyncio.to_thread(publish, mosquitto, REPORT.topic.of(CHANNEL, name), good)
        await until(lambda: "zoe" in rows(bob))
        assert "mallory" not in rows(bob), "not even with a good one"
        assert bob.is_connected
