"""Two traps of aiomqtt: plain, it falls into both; our client and our line do not.

What it does by itself is asserted too: where that fails, a new version has closed a trap, and the
cure in `client.py` may go.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import aiomqtt
import pytest
from limits import patience, until
from seats import CHANNEL, HAPPY, Seat, seated, start_python

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.client import BrokerClient, Watch, broker_client
from resonance_tui.messaging.limits import WillLimits
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.packets import DISCONNECT, connect_packet, publish
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import Report

REPORTS = REPORT.topic.filter(channel=CHANNEL)


# --- the collapse ------------------------------------------------------------------------------

BURST = 4000


def burst(port: int) -> None:
    """Reports of 500 viewers at once, through a bare socket."""
    topics = [REPORT.topic.of(CHANNEL, f"viewer{number}") for number in range(500)]
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(connect_packet(5, "crowd", keepalive_s=0))
        assert line.recv(64)[0] == 0x20
        line.sendall(
            b"".join(
                publish(5, topics[seq % 500], encode_report(Report(1, seq, Emotion.FEAR, 50)), 30)
                for seq in range(1, BURST + 1)
            )
        )
        line.sendall(DISCONNECT)


async def plain(port: int) -> tuple[int, int]:
    """Messages handed out, and how many more at most had been read by then."""
    heard = behind = 0
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(REPORTS)
        burst(port)  # while the loop is busy, as a slow machine's is
        async for _ in client.messages:
            heard += 1
            behind = max(behind, len(client.messages))
            if heard == BURST:
                break
    return heard, behind


async def ours(port: int) -> tuple[int, int]:
    heard = behind = 0
    clients: list[BrokerClient] = []

    def arrive(*_: object) -> None:
        nonlocal heard, behind
        heard += 1
        behind = max(behind, len(clients[0].messages))

    url = parse_broker_url(f"mqtt://127.0.0.1:{port}")
    async with broker_client(url, arrive, identifier="ours", version=5) as client:
        clients.append(client)
        await client.follow(REPORTS, 0)
        burst(port)
        await until(lambda: heard == BURST, within=20)
    return heard, behind


@pytest.mark.mosquitto
async def test_a_burst_is_handed_out_as_it_is_read(make_mosquitto: Any) -> None:
    """Plain, one message handed out costs so many turns of the loop that others are read in the
    meantime: at a rate that keeps the loop busy the queue grows for good."""
    broker = make_mosquitto("allow_anonymous true", "max_queued_messages 0")
    broker.start()
    heard, behind = await plain(broker.port)
    assert heard == BURST
    assert behind > BURST / 4, "aiomqtt reads faster than it hands out"
    broker.kill()
    broker.start()
    assert await ours(broker.port) == (BURST, 0)


VIEWERS, RATE, SECONDS = 500, 3000, 2

# Every viewer reports again and again; its last report is the only SURPRISE.
CROWD = """
import socket, sys, time
from resonance_tui.emotions import Emotion
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.packets import DISCONNECT, connect_packet, publish
from resonance_tui.protocol.values import Report

port, viewers, rate, seconds = map(int, sys.argv[1:])
line = socket.create_connection(("127.0.0.1", port))
line.sendall(connect_packet(5, "crowd", keepalive_s=0))
assert line.recv(64)[0] == 0x20

def report(number, seq, code):
    topic = REPORT.topic.of("cinema", f"viewer{number}")
    return publish(5, topic, encode_report(Report(1_790_000_000, seq, code, 50)), 30)

start, step = time.monotonic(), rate // 50
for batch in range(50 * seconds):
    sent = range(batch * step, (batch + 1) * step)
    line.sendall(b"".join(report(n % viewers, 1 + n // viewers, Emotion.FEAR) for n in sent))
    time.sleep(max(0.0, start + (batch + 1) / 50 - time.monotonic()))
line.sendall(b"".join(report(n, 10**6, Emotion.SURPRISE) for n in range(viewers)))
print(time.monotonic() - start, flush=True)
line.sendall(DISCONNECT)
line.close()
"""


@pytest.mark.mosquitto
async def test_three_thousand_reports_a_second_are_kept_up_with(mosquitto: Any) -> None:
    """By the whole line, with a room behind it: memory as for one report a viewer, and news at
    once."""
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
            took = await until(lambda: watcher.look().counts[Emotion.SURPRISE] == VIEWERS, within=5)
            assert took < patience(2), "the newest state is there as soon as the flood ends"
            assert watcher.look().viewers == VIEWERS
            assert watcher.link._inbox.rejected == watcher.link._inbox.dropped == 0
            assert watcher.is_connected
    finally:
        said, _ = await asyncio.to_thread(crowd.communicate)
    assert float(said) < 2 * SECONDS, "the load was what it should be"


# --- the greeting that was the last word -------------------------------------------------------


@contextlib.asynccontextmanager
async def greets_and_hangs_up() -> AsyncIterator[tuple[int, list[float]]]:
    """A server whose every connection ends with the CONNACK: its port, and when it greeted."""
    greetings: list[float] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(1024)
        greetings.append(time.monotonic())
        # In version 5 the CONNACK carries an (empty) list of properties.
        is_v5 = hello[8:9] == b"\x05"
        writer.write(b"\x20\x03\x00\x00\x00" if is_v5 else b"\x20\x02\x00\x00")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], greetings


async def test_plain_it_waits_for_ever_on_a_connection_that_died_with_its_greeting() -> None:
    async def listen(port: int) -> None:
        async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
            async for _ in client.messages:
                pass

    async with greets_and_hangs_up() as (port, greetings):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listen(port), 0.7)
        assert len(greetings) == 1


async def test_ours_reports_it_lost_and_dials_again() -> None:
    async with greets_and_hangs_up() as (port, greetings):
        seat = Seat(f"mqtt://127.0.0.1:{port}", observe_only=True, heartbeat_s=60)
        async with seated(seat, connect=False):
            await until(lambda: seat.look() and LinkState.LOST in seat.statuses)
            assert "closed the connection" in seat.link.status.detail
            await until(lambda: len(greetings) >= 4)
            assert LinkState.CONNECTED not in seat.statuses


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


@pytest.mark.mosquitto
@pytest.mark.parametrize("after_s", [0.0, 0.02])
async def test_a_connection_that_dies_with_its_connack_comes_back(
    mosquitto: Any, after_s: float
) -> None:
    """aiomqtt throws the news away in that turn of the loop and waits for ever."""
    async with guillotine(mosquitto.port, cuts=3, after_s=after_s) as (blade, url):
        bob = Seat(mosquitto)
        alice = Seat(url, heartbeat_s=0.5, connect_timeout=30)
        async with seated(bob), seated(alice, connect=False):
            alice.link.publish_report(HAPPY)
            started = time.monotonic()
            await until(lambda: alice.look() and alice.is_connected, within=15)
            assert blade.cuts_left == 0 and LinkState.LOST in alice.statuses
            assert time.monotonic() - started < patience(10), "three cuts, three short waits"
            await until(lambda: bob.look().viewers == 1)
            newer = Report(HAPPY.boot, 2, Emotion.SURPRISE, 50)
            alice.link.publish_report(newer)
            await until(lambda: bob.look().counts[Emotion.SURPRISE] == 1)
    assert blade.carried >= 1


# --- a socket that is gone before its turn -----------------------------------------------------


async def test_a_socket_that_closed_meanwhile_is_not_watched_under_its_old_number() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    client = BrokerClient(parse_broker_url("mqtt://127.0.0.1:1"), Watch(), WillLimits())
    near, far = socket.socketpair()
    client._on_socket_register_write(client._client, None, near)
    near.close()
    with socket.socket() as other:  # takes over the number
        await asyncio.sleep(0)
        assert complaints == []
        assert not asyncio.get_running_loop().remove_writer(other.fileno())
    far.close()
