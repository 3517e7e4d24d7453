"""One line of the simulated audience, against real brokers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from limits import patience, until
from seats import CHANNEL, Seat, cable, rows, seated
from test_link import demand_password, present_certificate

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.frames import encode_nickname, encode_report
from resonance_tui.protocol.messages import NICKNAME, REPORT
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import SIMULATED, Report
from resonance_tui.simulation.simulated_connection import (
    SimulatedConnection,
    find_route,
)

HAPPY = encode_report(Report(1_790_000_000, 1, Emotion.HAPPINESS, 80, SIMULATED))


async def line_to(url: str, version: int, lost: list[int] | None = None) -> SimulatedConnection:
    route = await find_route(parse_broker_url(url), version)
    return SimulatedConnection(route, lambda: lost.append(1) if lost is not None else None)


@pytest.mark.mosquitto
@pytest.mark.parametrize("version", [5, 4])
async def test_a_line_is_a_viewer_like_any_other(mosquitto: Any, version: int) -> None:
    bob = Seat(mosquitto)
    async with seated(bob):
        line = await line_to(mosquitto.url, version)
        assert await line.open("rsn-sim", REPORT.topic.of(CHANNEL, "sim"))
        line.publish(NICKNAME.topic.of(CHANNEL, "sim"), encode_nickname("Sim"), 3600)
        line.publish(REPORT.topic.of(CHANNEL, "sim"), HAPPY, 30)
        await until(lambda: rows(bob) == {"sim": ("Sim", Emotion.HAPPINESS)})
        assert bob.look().rows[0].is_simulated
        late = Seat(mosquitto)
        async with seated(late):
            await until(lambda: rows(late) == {"sim": ("Sim", Emotion.HAPPINESS)})
        line.publish(REPORT.topic.of(CHANNEL, "sim"), b"")
        line.close()
        assert await until(lambda: bob.look().viewers == 0) < patience(1)
        await until(lambda: line.is_gone)


@pytest.mark.mosquitto
async def test_a_report_of_a_line_that_died_goes_with_its_time_to_live(mosquitto: Any) -> None:
    line = await line_to(mosquitto.url, 5)
    assert await line.open("rsn-sim")
    line.publish(REPORT.topic.of(CHANNEL, "sim"), HAPPY, 1)
    line.publish(REPORT.topic.of(CHANNEL, "mia"), HAPPY, 60)
    line.abort()
    await asyncio.sleep(2.5)
    late = Seat(mosquitto)
    async with seated(late):
        await until(lambda: set(rows(late)) == {"mia"})


@pytest.mark.mosquitto
async def test_a_line_that_breaks_sends_the_will_and_one_that_ends_does_not(
    mosquitto: Any,
) -> None:
    lost: list[int] = []
    bob = Seat(mosquitto)
    async with seated(bob), cable(mosquitto.port) as wire:
        for name in ("broken", "ended"):
            line = await line_to(wire.url, 4, lost)  # 3.1.1: no delay of the will
            assert await line.open(f"rsn-{name}", REPORT.topic.of(CHANNEL, name))
            line.publish(REPORT.topic.of(CHANNEL, name), HAPPY)
            await until(lambda name=name: name in rows(bob))
            if name == "broken":
                wire.cut()
                await until(lambda: "broken" not in rows(bob))
                assert lost == [1] and not line.is_up
                assert await line.open("rsn-again"), "a lost line opens anew"
            line.close()
        await asyncio.sleep(0.5)
        assert set(rows(bob)) == {"ended"}
        assert lost == [1], "what ends in good order is not lost"


@pytest.mark.mosquitto
async def test_a_line_that_is_turned_away_says_so(make_mosquitto: Any) -> None:
    broker = make_mosquitto("allow_anonymous false")
    broker.start()
    for version in (5, 4):
        line = await line_to(broker.url, version)
        assert not await line.open("rsn-sim")
        line.publish("t", b"lost")
        await until(lambda line=line: line.is_gone)


@pytest.mark.mosquitto
async def test_a_line_logs_in_over_tls(
    make_mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = make_mosquitto()
    demand_password(broker, "secret")
    monkeypatch.setenv("SSL_CERT_FILE", str(present_certificate(broker)))
    broker.start()
    for version in (5, 4):
        right = await line_to(f"mqtts://alice:secret@localhost:{broker.port}", version)
        assert await right.open("rsn-right")
        right.close()
        wrong = await line_to(f"mqtts://alice:guess@localhost:{broker.port}", version)
        assert not await wrong.open("rsn-wrong")
        await until(lambda right=right, wrong=wrong: right.is_gone and wrong.is_gone)


async def test_a_line_gives_up_on_what_is_no_broker() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        line = await line_to(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}", 5)
        assert not await line.open("rsn-sim")
