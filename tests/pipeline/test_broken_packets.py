"""A broker that says what no broker may: the line holds, what is broken is counted and left out."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import tracemalloc
from collections.abc import AsyncGenerator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from limits import until
from seats import CHANNEL, HAPPY, Seat, seated
from small_broker import (
    PUBACK,
    PUBREC,
    SUBSCRIBE,
    SmallBroker,
    packet,
    publication,
    small_broker,
    text,
    varint,
)

from resonance_tui.messaging.client import broker_client, ignore
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.packet_guard import MAX_PACKET
from resonance_tui.messaging.rate_limit import STRIKES
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.urls import parse_broker_url

VERSIONS = pytest.mark.parametrize("version", [5, 4])
ZOE = REPORT.topic.of(CHANNEL, "zoe").encode()
STAR = f"resonance/1/{CHANNEL}/r/5/a+b".encode()  # what RabbitMQ makes of a*b


def report(version: int, topic: bytes = ZOE, **more: int) -> bytes:
    properties = b"" if version == 5 else None
    return publication(topic, encode_report(HAPPY), properties=properties, **more)


class Line(Seat):
    """A viewer who asks for nothing by itself meanwhile."""

    def __init__(self, broker: SmallBroker) -> None:
        super().__init__(broker.url, heartbeat_s=60, connect_timeout=2)

    @property
    def rejected(self) -> int:
        return self.link._inbox.rejected

    async def hears_zoe(self) -> None:
        await until(lambda: any(row.viewer_id == "zoe" for row in self.look().rows))


@contextlib.asynccontextmanager
async def a_line(version: int) -> AsyncGenerator[tuple[SmallBroker, Line]]:
    async with small_broker(SmallBroker(version=version)) as broker:
        line = Line(broker)
        async with seated(line):
            yield broker, line
            assert len(broker.lines) == 1 == broker.welcomed, "the connection was made anew"
            assert line.is_connected


bodies = st.binary(max_size=60)
topics = st.one_of(
    st.sampled_from([STAR, b"", b"resonance/#", b"a\0b", b"\xff\xfe", b"t" * 65_535, b"$SYS/x"]),
    st.text(max_size=20).map(lambda topic: topic.encode("utf-8", "surrogatepass")),
    st.binary(max_size=20),
)
properties = st.one_of(
    st.just(b""),
    st.sampled_from(
        [
            b"\x23\x00\x01",  # a topic alias
            b"\x01\x00\x01\x00",  # twice
            b"\x02\x00",  # cut short
            b"\x7f",  # unknown
            b"\x26\x00\x01a\x00\x03\xef\xbb\xbf",  # U+FEFF, which paho refuses
            b"\x13\x00\x05",  # of a CONNACK
        ]
    ),
    st.binary(max_size=12),
)


def any_publication(
    topic: bytes, payload: bytes, flags: int, packet_id: bytes, more: bytes
) -> bytes:
    return packet(0x30 | flags, text(topic) + (packet_id if flags & 6 else b"") + more + payload)


published = st.builds(
    any_publication,
    topics,
    bodies,
    st.integers(0, 15),
    st.sampled_from([b"\0\0", b"\0\7", b"\xff\xff"]),
    st.one_of(properties.map(lambda each: varint(len(each)) + each), st.binary(max_size=4)),
)
# Of MQTT 5's DISCONNECT is a word to be obeyed; everything else is in here.
others = st.builds(packet, st.integers(0, 0xFF).filter(lambda first: first >> 4 != 14), bodies)
giants = st.integers(MAX_PACKET - 5, 3 * MAX_PACKET).map(lambda size: packet(0x30, b"x" * size))


@VERSIONS
@settings(max_examples=40)
@given(said=st.lists(st.one_of(published, others, giants), min_size=1, max_size=20))
@example(said=[packet(0x00, b"\1\2\3")])
@example(said=[packet(0x20, b"\0\x87\0"), packet(0x24, b"\xac\xee")])
@example(said=[packet(0x32, b"")] * 50)
def test_after_whatever_a_broker_says_a_report_arrives(version: int, said: list[bytes]) -> None:
    async def check() -> None:
        async with a_line(version) as (broker, line):
            for each in said:
                broker.say(each)
            broker.say(report(version))
            await line.hears_zoe()

    asyncio.run(check())


@VERSIONS
async def test_a_topic_with_a_wildcard_is_one_bad_message(version: int) -> None:
    async with a_line(version) as (broker, line):
        before = line.link.viewer_id
        for _ in range(STRIKES):
            broker.say(report(version, STAR))
        broker.say(report(version))
        await line.hears_zoe()
        assert line.rejected == STRIKES
        assert line.link.viewer_id == before
        assert "garbage" in line.link.status.detail


@VERSIONS
async def test_what_is_left_out_is_acknowledged(version: int) -> None:
    async with a_line(version) as (broker, line):
        broker.say(report(version, STAR, qos=1, packet_id=7))
        broker.say(packet(0x32, text(b"t" * 65_000) + b"\0\x08" + bytes(300_000)))
        broker.say(report(version, ZOE, qos=2, packet_id=9))
        await until(lambda: line.rejected == 3)
        await until(lambda: len(broker.packets(PUBACK)) == 2 and broker.packets(PUBREC))
        assert [body[:2] for _, body in broker.packets(PUBACK)] == [b"\0\x07", b"\0\x08"]


@VERSIONS
async def test_a_giant_is_read_past_in_little_memory(version: int) -> None:
    giant = packet(0x30, text(ZOE) + bytes(30_000_000))
    async with a_line(version) as (broker, line):
        tracemalloc.start()
        try:
            for at in range(0, len(giant), 500_000):
                broker.say(giant[at : at + 500_000])
                await asyncio.gather(*(each.drain() for each in broker.lines))
            broker.say(report(version))
            await line.hears_zoe()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000
        assert line.rejected == 1


@VERSIONS
async def test_fragments_of_a_packet_without_a_type_stay_in_step(version: int) -> None:
    async with a_line(version) as (broker, line):
        for byte in b"\x00\x03abc":
            broker.say(bytes([byte]))
            await asyncio.sleep(0.02)
        broker.say(report(version))
        await line.hears_zoe()


@VERSIONS
async def test_broken_answers_are_answers(version: int) -> None:
    """A SUBACK without a code, as well: else the line would be taken for dead."""

    class Terse(SmallBroker):
        def _answer(self, first: int, body: bytes) -> bytes:
            if first >> 4 == SUBSCRIBE:
                return packet(0x90, body[:2])
            answer = super()._answer(first, body)
            return answer and packet(answer[0], answer[2:4] + b"\x42\xff")

    async with small_broker(Terse(version=version)) as broker:
        line = Line(broker)
        async with seated(line):
            line.link.publish_report(HAPPY)
            broker.say(report(version))
            await line.hears_zoe()
            assert line.rejected > 3
            assert broker.welcomed == 1


async def test_a_stream_that_is_no_mqtt_is_named_and_costs_nobody_their_id() -> None:
    async with small_broker() as broker:
        line = Line(broker)
        before = line.link.viewer_id
        async with seated(line):
            for _ in range(4):
                await until(lambda: line.is_connected and broker.lines, within=12)
                broker.say(b"\x30\xff\xff\xff\xff\xff")
                await until(lambda: line.link.status.state is not LinkState.CONNECTED)
            assert line.link.why_lost.endswith("sends what is not MQTT")
            assert line.link.viewer_id == before


async def test_a_reason_to_disconnect_is_said_and_is_no_duplicate_id() -> None:
    async with small_broker() as broker:
        line = Line(broker)
        before = line.link.viewer_id
        async with seated(line):
            for _ in range(3):
                await until(lambda: line.is_connected and broker.lines, within=12)
                broker.say(packet(0xE0, b"\x97\0"))
                await until(lambda: line.link.status.state is not LinkState.CONNECTED)
            assert "quota exceeded" in line.link.why_lost
            assert line.link.viewer_id == before


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancellation_that_comes_with_an_answer_is_not_lost(turns: int) -> None:
    answered = asyncio.Event()
    async with (
        small_broker() as broker,
        broker_client(parse_broker_url(broker.url), ignore, identifier="a", version=5) as client,
    ):
        waiting = asyncio.create_task(client._wait_for(answered.wait(), 60))
        await asyncio.sleep(0.05)
        answered.set()
        for _ in range(turns):  # of the loop, in which the answer makes its way
            await asyncio.sleep(0)
        is_over = waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled() or is_over


class Overtaxed(SmallBroker):
    """Hangs up on so many attempts instead of answering."""

    hang_ups = 0

    def _welcome(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        if self.hang_ups and int.from_bytes(body[8:10]) != 5:
            self.hang_ups -= 1
            writer.transport.abort()
        else:
            super()._welcome(body, writer)


@pytest.mark.parametrize("given_up", [0, 2])
async def test_an_attempt_that_was_given_up_may_come_back_as_our_own_double(given_up: int) -> None:
    """NATS gets to it late, and disconnects who is in under that id."""
    broker = Overtaxed(version=4)
    broker.hang_ups = given_up
    async with small_broker(broker):
        line = Line(broker)
        before = line.link.viewer_id
        async with seated(line, connect=False):
            for times in (1, 2):
                await until(lambda times=times: broker.welcomed == times and line.is_connected)
                broker.lines[-1].transport.abort()
                await until(lambda: not line.is_connected)
            await until(lambda: line.is_connected)
            assert (line.link.viewer_id == before) is bool(given_up)


async def test_that_broken_messages_come_in_is_said_though_nobody_is_named() -> None:
    async with a_line(5) as (broker, line):
        broker.say(packet(0xF0, b"") * STRIKES)
        await until(lambda: "broken messages" in line.link.status.detail, within=2)
