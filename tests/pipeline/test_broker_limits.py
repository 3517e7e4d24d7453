"""What a broker announces in its CONNACK: done without, or ended at once with what it lacks."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from children import run_child
from limits import patience, until, within
from machine import Mosquitto
from seats import CHANNEL, HAPPY, REPOSITORY, Seat, rows, seated
from small_broker import CONNECT, PUBLISH, SmallBroker, small_broker

from resonance_tui.errors import (
    BrokerError,
    BrokerForbids,
    BrokerRefused,
    BrokerUnfit,
    BrokerUnreachable,
)
from resonance_tui.messaging.client import BrokerClient, broker_client, ignore
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.messaging.permissions import announced_by
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.messages import REPORT, ROOM_SETTINGS
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.traits import BrokerTraits, told
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.simulation.simulated_connection import SimulatedConnection, find_route

ACCEPTED = b"\0"
NO_RETAIN, NO_WILDCARD, QOS_0 = b"\x02\x25\0", b"\x02\x28\0", b"\x02\x24\0"
SMALL_PACKETS = b"\x05\x27\0\0\0\x50"  # 80 bytes
ALL = b"\x0f\x21\0\x01\x13\0\x07\x12\0\x04name\x25\x01"
REPORT_HERE = REPORT.topic.of(CHANNEL, "zoe")


def will_flags(broker: SmallBroker) -> list[tuple[bool, int]]:
    """Of each CONNECT with a will: whether it is retained, and its QoS."""
    flags = [body[7] for _, body in broker.packets(CONNECT) if body[7] & 4]
    return [(bool(each & 0x20), each >> 3 & 3) for each in flags]


def publish_flags(broker: SmallBroker) -> set[int]:
    return {first & 0x0F for first, _ in broker.packets(PUBLISH)}


def connection(broker: SmallBroker) -> AbstractAsyncContextManager[BrokerClient]:
    return broker_client(
        parse_broker_url(broker.url),
        ignore,
        identifier="rsn-test",
        version=5,
        answer_timeout_s=2,
    )


async def test_a_broker_that_keeps_nothing_is_published_to_without_retain() -> None:
    connack = [b"\x9a\0", ACCEPTED + NO_RETAIN]
    async with small_broker(SmallBroker(connack)) as broker:
        seat = Seat(broker.url)
        async with seated(seat):
            seat.link.publish_report(HAPPY)
            seat.link.publish_nickname("Mia")
            await until(lambda: len(broker.packets(PUBLISH)) >= 2)
            assert not any(flags & 1 for flags in publish_flags(broker))
            assert seat.link.traits is not None
            assert not seat.link.traits.retains
            assert seat.link.traits.brings_retained is False
        assert will_flags(broker) == [(True, 1), (False, 1)]


async def test_a_broker_of_qos_0_gets_everything_at_qos_0() -> None:
    async with small_broker(SmallBroker([b"\x9b\0", ACCEPTED + QOS_0])) as broker:
        seat = Seat(broker.url)
        async with seated(seat):
            seat.link.publish_report(HAPPY)
            seat.link.publish_nickname("Mia")
            await until(lambda: len(broker.packets(PUBLISH)) >= 2)
        assert publish_flags(broker) == {1}  # retained, at QoS 0
        assert will_flags(broker) == [(True, 1), (True, 0)]


async def test_a_broker_of_qos_0_does_not_say_what_may_be_written() -> None:
    small = SmallBroker([ACCEPTED + QOS_0])
    async with small_broker(small) as broker, connection(broker) as client:
        assert not client.tells_refusals
        assert await client.may_write(REPORT_HERE)
        assert not broker.packets(PUBLISH)


async def test_what_a_broker_announces_is_known() -> None:
    small = SmallBroker([ACCEPTED + ALL])
    async with small_broker(small) as broker, connection(broker) as client:
        traits = client.traits
        assert (traits.receive_max, traits.keepalive_s, traits.client_id) == (1, 7, "name")
        assert traits.retains and traits.expires and traits.brings_retained is None
        assert client._client.keepalive == 7  # pyright: ignore[reportPrivateUsage]


async def test_no_more_is_in_flight_than_the_broker_takes() -> None:
    class Slow(SmallBroker):
        most = waiting = 0

        def _answer(self, first: int, body: bytes) -> bytes:
            answer = super()._answer(first, body)
            if first >> 4 != PUBLISH or not answer:
                return answer
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            asyncio.get_running_loop().call_later(0.03, self._acknowledge, answer)
            return b""

        def _acknowledge(self, answer: bytes) -> None:
            self.waiting -= 1
            self.say(answer)

    slow = Slow([ACCEPTED + ALL])
    async with small_broker(slow), connection(slow) as client:
        messages = [Outgoing(f"resonance/{number}", b"x", 1) for number in range(5)]
        await asyncio.gather(*(client.send(each) for each in messages))
        assert slow.most == 1
        assert len(slow.packets(PUBLISH)) == 5


async def test_only_what_is_too_long_is_left_out_and_it_is_said() -> None:
    async with small_broker(SmallBroker([ACCEPTED + SMALL_PACKETS])) as broker:
        seat = Seat(broker.url)
        async with seated(seat):
            seat.link.publish_report(HAPPY)
            seat.link.publish_nickname("a rather long name of 33 letters!")
            await until(lambda: "no nickname is sent" in seat.link.status.detail)
            await until(lambda: broker.packets(PUBLISH))
            topics = {body[2 : 2 + body[1]].decode() for _, body in broker.packets(PUBLISH)}
            assert topics == {REPORT.topic.of(CHANNEL, seat.link.viewer_id)}


async def test_a_broker_that_takes_no_subscription_of_ours_is_unfit() -> None:
    tiny = ACCEPTED + b"\x05\x27\0\0\0\x14"
    async with small_broker(SmallBroker([tiny])) as broker, connection(broker) as client:
        with pytest.raises(BrokerUnfit, match="20 bytes at most"):
            await client.follow(ROOM_SETTINGS.topic.of(CHANNEL), 0)


@pytest.mark.parametrize("says_when", ["connecting", "subscribing"])
async def test_without_wildcards_the_program_ends_at_once(says_when: str) -> None:
    broker = SmallBroker([ACCEPTED + NO_WILDCARD])
    if says_when == "subscribing":
        broker = SmallBroker(suback=lambda topic: 0xA2 if "+" in topic else 0)
    async with small_broker(broker):
        seat = Seat(broker.url)
        started = time.monotonic()
        with pytest.raises(BrokerUnfit) as raised:
            await seat.link.run()
        assert time.monotonic() - started < 3
        assert raised.value.is_final
        assert raised.value.exit_code == 1
        assert "wildcard" in raised.value.message
        assert "Mosquitto" in raised.value.hint


async def test_of_a_list_the_others_are_gone_on_with_where_one_will_not_do() -> None:
    unfit, banned, fit = (
        SmallBroker([each]) for each in (ACCEPTED + NO_WILDCARD, b"\x8a\0", ACCEPTED)
    )
    async with small_broker(unfit), small_broker(banned), small_broker(fit):
        seat = Seat(f"{unfit.url},{banned.url},{fit.url}")
        async with seated(seat):
            assert seat.link.place == fit.url
            assert "banned" in seat.link.status.detail
            assert "next broker of the list" in seat.link.status.detail
        assert [len(each.packets(CONNECT)) > 0 for each in (unfit, banned)] == [True, True]


async def test_of_a_list_where_none_will_do_the_last_says_why() -> None:
    unfit, banned = (SmallBroker([each]) for each in (ACCEPTED + NO_WILDCARD, b"\x8a\0"))
    async with small_broker(unfit), small_broker(banned):
        with pytest.raises(BrokerForbids, match="banned"):
            async with within(10):
                await Seat(f"{unfit.url},{banned.url}").link.run()


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        (BrokerTraits(expires=True, max_packet=200), "packets of 200 bytes at most"),
        (BrokerTraits(expires=True, receive_max=1), "1 unconfirmed at a time"),
    ],
)
def test_limits_that_show_in_a_room_are_told(traits: BrokerTraits, words: str) -> None:
    assert words in told(traits)


def test_limits_that_nobody_meets_are_not_told() -> None:
    roomy = BrokerTraits(expires=True, max_packet=1 << 24, receive_max=20)
    assert told(roomy) == told(BrokerTraits(expires=True))


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (0x87, BrokerRefused, "asks for a user and a password"),
        (0x85, BrokerForbids, "client id"),
        (0x8A, BrokerForbids, "banned"),
        (0x97, BrokerUnreachable, "quota"),
        (0x89, BrokerUnreachable, "busy"),
        (0x9C, BrokerUnreachable, "another server for now: other.example"),
        (0x9D, BrokerUnfit, "moved for good: other.example"),
        (0xC3, BrokerUnreachable, "reason"),
    ],
)
async def test_a_refused_connection_is_told_by_its_reason(
    code: int, kind: type[BrokerError], words: str
) -> None:
    server = b"\x10\x1c\0\x0dother.example"
    async with small_broker(SmallBroker([bytes([code]) + server])) as broker:
        with pytest.raises(BrokerError, match=words) as raised:
            async with connection(broker):
                pass
        assert type(raised.value) is kind


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (0x87, BrokerRefused, "does not let this user read"),
        (0x80, BrokerRefused, "does not let this user read"),
        (0x97, BrokerUnreachable, "quota"),
        (0x8F, BrokerForbids, "does not accept our subscriptions"),
    ],
)
async def test_a_refused_subscription_is_told_by_its_reason(
    code: int, kind: type[BrokerError], words: str
) -> None:
    small = SmallBroker(suback=lambda _topic: code)
    async with small_broker(small) as broker, connection(broker) as client:
        with pytest.raises(BrokerError, match=words) as raised:
            await client.follow(REPORT_HERE, 0)
        assert type(raised.value) is kind


@pytest.mark.parametrize("code", [0x87, 0x80])
async def test_who_may_not_read_reports_stays_and_says_so(code: int) -> None:
    small = SmallBroker(suback=lambda topic: code if "/r/" in topic else 0)
    async with small_broker(small) as broker:
        seat = Seat(broker.url)
        async with seated(seat):
            await until(lambda: seat.link.traits is not None and seat.link.traits.denies_reports)
            assert seat.link.status.state is LinkState.CONNECTED


async def test_a_refused_publication_is_blamed_on_rights_only_where_it_is_about_them() -> None:
    async def outcome(code: int) -> BrokerError:
        class Strict(SmallBroker):
            def _answer(self, first: int, body: bytes) -> bytes:
                answer = super()._answer(first, body)
                return b"\x40\x03" + answer[2:] + bytes([code]) if first & 6 else answer

        async with small_broker(Strict()) as broker, connection(broker) as client:
            await client.send(Outgoing(REPORT_HERE, b"x", 1))
            with pytest.raises(BrokerError) as raised:
                client.check_taken("not allowed", "ask")
            return raised.value

    assert (await outcome(0x87)).message == "not allowed"
    assert "quota" in (await outcome(0x97)).message


@pytest.mark.mosquitto
@pytest.mark.parametrize("option", ["retain_available false", "max_qos 0"])
async def test_two_viewers_meet_on_a_mosquitto_of_little_means(option: str, tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path, ("allow_anonymous true", option))
    mosquitto.start()
    try:
        ann, ben = Seat(mosquitto), Seat(mosquitto)
        async with seated(ann, ben):
            ann.link.publish_report(HAPPY)
            ben.link.publish_report(HAPPY)
            await until(lambda: len(rows(ann)) == 2 == len(rows(ben)), within=3)
    finally:
        mosquitto.stop()


@pytest.mark.mosquitto
@pytest.mark.parametrize("option", ["retain_available false", "max_qos 0", "max_keepalive 10"])
async def test_simulated_viewers_obey_as_well(option: str, tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path, ("allow_anonymous true", option))
    mosquitto.start()
    try:
        url, lost = parse_broker_url(mosquitto.url), list[str]()
        ann = Seat(mosquitto)
        async with seated(ann):
            route = await find_route(url, 5)
            route.obey(await announced_by(url, 5))
            line = SimulatedConnection(route, lambda: lost.append("lost"))
            assert await line.open("rsn-zoe", REPORT_HERE)
            line.publish(REPORT_HERE, encode_report(HAPPY), 30)
            await until(lambda: "zoe" in rows(ann))
            line.close()
            await until(lambda: line.is_gone)
            assert not lost
    finally:
        mosquitto.stop()


@pytest.mark.parametrize(
    "command",
    [
        ("join", "cinema", "--headless", "--json", "--camera", "none", "--duration", "8"),
        ("audience", "cinema", "--viewers", "2", "--duration", "8"),
        ("log", "cinema", "--duration", "8"),
    ],
    ids=lambda command: command[0],
)
async def test_every_program_ends_at_once_and_says_what_the_broker_lacks(
    command: tuple[str, ...],
) -> None:
    async with small_broker(SmallBroker([ACCEPTED + NO_WILDCARD])) as broker:
        started = time.monotonic()
        done = await asyncio.to_thread(
            run_child,
            [sys.executable, "-m", "resonance_tui", *command, "--broker", broker.url],
            cwd=REPOSITORY,
            capture_output=True,
        )
        assert done.returncode == 1, done
        assert time.monotonic() - started < patience(6)
        assert b"wildcard" in done.stderr
        assert b"Mosquitto" in done.stderr
