"""The line to a room against peers that lie, hang up, stay silent or are old."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest
from limits import until
from seats import CHANNEL, HAPPY, SAD, Seat, publish, rows, seated, start_python

from resonance_tui.emotions import Emotion
from resonance_tui.messaging import probe
from resonance_tui.messaging.aggregator import Aggregator
from resonance_tui.messaging.dial import dial
from resonance_tui.protocol.events import Event, TotalEvent, TotalOverEvent
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.urls import parse_broker_url


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64])
async def test_a_server_that_is_no_broker_is_named_so(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        seat = Seat(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        async with seated(seat, connect=False):
            await until(lambda: "does not answer like an MQTT broker" in seat.link.status.detail)


async def test_a_link_without_tls_to_a_port_with_it_is_told_so_far_away_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As brokers do that want TLS."""
        await reader.read(1024)
        writer.close()

    async def reach(_: str, port: int) -> socket.socket:
        return await dial("127.0.0.1", port)

    monkeypatch.setattr(probe, "dial", reach)
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        seat = Seat(f"mqtt://stream.example:{server.sockets[0].getsockname()[1]}")
        async with seated(seat, connect=False):
            await until(lambda: "write mqtts://" in seat.link.status.detail)


async def test_a_server_that_says_nothing_is_given_up_and_let_go_of() -> None:
    hang_ups = 0

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal hang_ups
        while await reader.read(1024):
            pass
        hang_ups += 1
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        seat = Seat(url, connect_timeout=0.3)
        async with seated(seat, connect=False):
            await until(lambda: "no answer" in seat.link.status.detail)
            await until(lambda: hang_ups >= 1)
        waiting = Seat(url, connect_timeout=60)
        before = hang_ups
        run = asyncio.create_task(waiting.link.run())
        await asyncio.sleep(0.2)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        await until(lambda: hang_ups > before, within=2)


@pytest.mark.mosquitto
async def test_garbage_from_others_changes_nothing(mosquitto: Any) -> None:
    alice = Seat(mosquitto)
    async with seated(alice):
        alice.link.publish_report(HAPPY)
        await until(lambda: alice.look().viewers == 1)
        for payload in (b"\xff", b"\x91" * 64, b"x" * 5000, struct.pack("!I", 7), b"\xc0"):
            publish(mosquitto, REPORT.topic.of(CHANNEL, "mallory"), payload)
        stolen = REPORT.topic.of(CHANNEL, "mallory").replace("/r/", "/r/1")
        publish(mosquitto, stolen, encode_report(HAPPY))
        publish(mosquitto, REPORT.topic.of(CHANNEL, "zoe"), encode_report(SAD))
        await until(lambda: alice.look().viewers == 2)
        assert set(rows(alice)) == {alice.link.viewer_id, "zoe"}


# --- a broker that knows MQTT 3.1.1 only -------------------------------------------------------

AMQTT = """
import asyncio, logging, sys
from amqtt.broker import Broker
logging.disable(logging.CRITICAL)

async def main():
    broker = Broker({
        "listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1]}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    })
    await broker.start()
    print("up", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_an_old_broker_carries_the_same_room(unused_port: int) -> None:
    broker = start_python(AMQTT, str(unused_port))
    try:
        assert broker.stdout is not None
        assert await asyncio.to_thread(broker.stdout.readline) == b"up\n"
        url = f"mqtt://127.0.0.1:{unused_port}"
        alice, bob = Seat(url), Seat(url)
        async with seated(bob):
            async with seated(alice):
                alice.link.publish_nickname("Alice")
                alice.link.publish_report(HAPPY)
                expected = {alice.link.viewer_id: ("Alice", Emotion.HAPPINESS)}
                await until(lambda: rows(bob) == expected)
                late = Seat(url)
                async with seated(late):
                    await until(lambda: rows(late) == expected)
            await until(lambda: bob.look().viewers == 0, within=2)
    finally:
        broker.kill()
        broker.communicate()


async def test_an_old_broker_is_counted_at_and_its_last_total_taken_back(unused_port: int) -> None:
    broker = start_python(AMQTT, str(unused_port))
    try:
        assert broker.stdout is not None
        assert await asyncio.to_thread(broker.stdout.readline) == b"up\n"
        url = f"mqtt://127.0.0.1:{unused_port}"
        counter = Aggregator(parse_broker_url(url), CHANNEL)
        alice = Seat(url)
        totals: list[Event] = []

        def told(event_type: type[Event]) -> bool:
            totals.extend(each for each in alice.link.drain() if isinstance(each, event_type))
            return any(getattr(each, "viewers", 1) == 1 for each in totals)

        async with seated(alice):
            alice.link.publish_report(HAPPY)
            run = asyncio.create_task(counter.run())
            await until(lambda: told(TotalEvent))
            totals.clear()
            run.cancel()
            await asyncio.wait([run])
            await until(lambda: told(TotalOverEvent), within=2)
    finally:
        broker.kill()
        broker.communicate()
