"""Two traps of aiomqtt, against a real broker: collapse under load, and a CONNACK then nothing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from seats import HAPPY, Seat, seated, start_python, until

from resonance_tui.emotions import Code
from resonance_tui.messaging.link import LinkState
from resonance_tui.room.state import Report

pytestmark = pytest.mark.mosquitto

VIEWERS, RATE, SECONDS = 500, 3000, 3

# Every viewer reports again and again; its last report is the only SURPRISE.
CROWD = """
import socket, sys, time
from resonance_tui.emotions import Code
from resonance_tui.messaging.packets import DISCONNECT, connect, publish
from resonance_tui.messaging.wire import encode_report, report_topic
from resonance_tui.room.state import Report

port, viewers, rate, seconds = map(int, sys.argv[1:])
line = socket.create_connection(("127.0.0.1", port))
line.sendall(connect(5, "crowd", keepalive_s=0))
assert line.recv(64)[0] == 0x20

def report(number, seq, code):
    topic = report_topic("cinema", f"viewer{number}")
    return publish(5, topic, encode_report(Report(1_790_000_000, seq, code, 50)), 30)

start, step = time.monotonic(), rate // 50
for batch in range(50 * seconds):
    sent = range(batch * step, (batch + 1) * step)
    line.sendall(b"".join(report(n % viewers, 1 + n // viewers, Code.FEAR) for n in sent))
    time.sleep(max(0.0, start + (batch + 1) / 50 - time.monotonic()))
line.sendall(b"".join(report(n, 10**6, Code.SURPRISE) for n in range(viewers)))
print(time.monotonic() - start, flush=True)
line.sendall(DISCONNECT)
line.close()
"""


async def test_three_thousand_reports_a_second_are_kept_up_with(mosquitto: Any) -> None:
    """aiomqtt's own iteration is seconds behind by then, and its queue grows."""
    watcher = Seat(mosquitto, observe_only=True)
    crowd = start_python(CROWD, *map(str, (mosquitto.port, VIEWERS, RATE, SECONDS)))
    try:
        await asyncio.sleep(1)  # the broker holds most of the reports by then
        async with seated(watcher):
            await until(lambda: watcher.look().viewers == VIEWERS, within=5)
            while crowd.poll() is None:
                assert len(watcher.link._inbox) <= VIEWERS
                watcher.look()
                await asyncio.sleep(0.1)
            took = await until(lambda: watcher.look().counts[Code.SURPRISE] == VIEWERS, within=5)
            assert took < 2, "the newest state is there as soon as the flood ends"
            assert watcher.look().viewers == VIEWERS
            assert watcher.link._inbox.rejected == watcher.link._inbox.dropped == 0
            assert watcher.is_connected
    finally:
        said, _ = await asyncio.to_thread(crowd.communicate)
    assert float(said) < 2 * SECONDS, "the load was what it should be"


class Guillotine:
    """Carries connections to the broker, but cuts the first ones with the broker's CONNACK."""

    def __init__(self, port: int, cuts: int, after_s: float) -> None:
        self._port = port
        self._after_s = after_s
        self.cuts_left = cuts
        self.carried = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            far_writer.write(hello := await reader.read(4096))
            answer = await far_reader.read(4096)
            writer.write(answer)
            if self.cuts_left and b"rsn-" in hello:  # the first, nameless word is let through
                self.cuts_left -= 1
                await asyncio.sleep(self._after_s)
                writer.close()
                return
            self.carried += 1
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        except OSError:
            return
        finally:
            far_writer.close()
            writer.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def guillotine(port: int, cuts: int, after_s: float) -> AsyncIterator[tuple[Guillotine, str]]:
    blade = Guillotine(port, cuts, after_s)
    server = await asyncio.start_server(blade.carry, "127.0.0.1", 0)
    async with server:
        yield blade, f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("after_s", [0.0, 0.0005, 0.02])
async def test_a_connection_that_dies_with_its_connack_comes_back(
    mosquitto: Any, after_s: float
) -> None:
    """aiomqtt throws the news away in that turn of the loop and waits for ever."""
    async with guillotine(mosquitto.port, cuts=3, after_s=after_s) as (blade, url):
        bob = Seat(mosquitto)
        alice = Seat(url, heartbeat_s=0.5, connect_timeout=1.0)
        async with seated(bob), seated(alice, connect=False):
            alice.link.publish_report(HAPPY)
            started = time.monotonic()
            await until(lambda: alice.look() and alice.is_connected, within=15)
            assert blade.cuts_left == 0 and LinkState.LOST in alice.statuses
            assert time.monotonic() - started < 10, "three cuts, three short waits"
            await until(lambda: bob.look().viewers == 1)
            newer = Report(HAPPY.boot, 2, Code.SURPRISE, 50)
            alice.link.publish_report(newer)
            await until(lambda: bob.look().counts[Code.SURPRISE] == 1)
    assert blade.carried >= 1
