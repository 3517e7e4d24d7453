"""What one learns of a broker before one joins: whether it is there, and its rooms."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from limits import patience
from seats import HAPPY, publish

from resonance_tui.errors import BrokerRefused, BrokerUnreachable
from resonance_tui.messaging.discovery import ChannelInfo, list_channels
from resonance_tui.messaging.probe import is_reachable
from resonance_tui.protocol.frames import encode_report, encode_room, encode_total
from resonance_tui.protocol.messages import REPORT, ROOM_SETTINGS, TOTAL
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import RoomSettings


@pytest.mark.mosquitto
async def test_rooms_are_listed_with_their_viewers_the_fullest_first(mosquitto: Any) -> None:
    def tell(topic: str, payload: bytes) -> None:
        publish(mosquitto, topic, payload, retain=True)

    for viewer_id in ("a", "b", "c"):
        tell(REPORT.topic.of("movies", viewer_id), encode_report(HAPPY))
    tell(REPORT.topic.of("left", "a"), encode_report(HAPPY))
    tell(REPORT.topic.of("left", "a"), b"")
    tell(ROOM_SETTINGS.topic.of("hosted"), encode_room(RoomSettings()))
    tell(TOTAL.topic.of("stadium"), encode_total(1, 1, 1, (900, 0, 0, 0, 0, 0, 0, 50, 50)))
    tell(ROOM_SETTINGS.topic.of("closed"), encode_room(RoomSettings()))
    tell(ROOM_SETTINGS.topic.of("closed"), b"")
    tell("resonance/1/evil\x1b/room".replace("\x1b", "!"), encode_room(RoomSettings()))
    tell(REPORT.topic.of("garbage", "a"), b"\xff\xff")

    assert await list_channels(parse_broker_url(mosquitto.url), wait=0.3) == [
        ChannelInfo("stadium", 1000, False),
        ChannelInfo("movies", 3, False),
        ChannelInfo("hosted", 0, True),
    ]


@pytest.mark.mosquitto
async def test_an_empty_broker_has_no_rooms(mosquitto: Any) -> None:
    assert await list_channels(parse_broker_url(mosquitto.url), wait=0.1) == []


async def test_where_nothing_listens_nothing_can_be_listed(unused_port: int) -> None:
    with pytest.raises(BrokerUnreachable, match="nothing listens"):
        await list_channels(BrokerUrl("mqtt", "127.0.0.1", unused_port))


@pytest.mark.mosquitto
async def test_a_broker_with_passwords_refuses_the_list(make_mosquitto: Any) -> None:
    broker = make_mosquitto("allow_anonymous false")
    broker.start()
    with pytest.raises(BrokerRefused, match="asks for a user"):
        await list_channels(parse_broker_url(broker.url))
    assert await is_reachable(parse_broker_url(broker.url)), "refusing is an answer"


@pytest.mark.mosquitto
async def test_a_broker_answers(mosquitto: Any) -> None:
    assert await is_reachable(parse_broker_url(mosquitto.url))
    assert await is_reachable(BrokerUrl("mqtt", "localhost", mosquitto.port))
    mosquitto.stop()
    assert not await is_reachable(parse_broker_url(mosquitto.url))


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
async def test_another_kind_of_server_does_not_answer(words: bytes | None) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        if words is None:
            await reader.read(64)  # says nothing until the caller gives up
        writer.write(words or b"")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        started = time.monotonic()
        assert not await is_reachable(BrokerUrl("mqtt", "127.0.0.1", port), timeout=0.3)
        assert not await is_reachable(BrokerUrl("mqtts", "127.0.0.1", port), timeout=0.3)
        assert time.monotonic() - started < patience(2)


async def test_a_host_that_cannot_be_does_not_answer() -> None:
    started = time.monotonic()
    assert not await is_reachable(BrokerUrl("mqtt", "a" * 64 + ".invalid", 1883))
    assert time.monotonic() - started < patience(2)
