"""Rooms of one network whose host went away, with real brokers and real multicast."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from limits import patience
from machine import free_port
from test_failover import Person, everybody, until

from resonance_broker import BrokerSettings, RunningBroker, start_broker
from resonance_broker.address import Reach, local_addresses
from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.messaging.nearby import NearbyUnavailable, nearby_rooms
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session import broker_choice, failover, network_failover
from resonance_tui.session.network_failover import address_facing, may_be_carried_on

pytestmark = [pytest.mark.mosquitto, pytest.mark.usefixtures("lasting_words")]


@pytest.fixture
async def address(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this machine on a private network that carries multicast."""
    try:
        await nearby_rooms(within_s=0.01)
    except NearbyUnavailable as error:
        pytest.skip(error.message)
    for each in local_addresses():
        if each.reach is Reach.NETWORK and not each.is_v6:
            break
    else:
        pytest.skip("this machine is on no private network")

    def start(address: str, _port: int) -> RunningBroker:
        """All "machines" of these tests have one address: their ports tell them apart."""
        return host(address, free_port())

    monkeypatch.setattr(broker_choice, "_start_public_broker", start)
    monkeypatch.setattr(network_failover, "HOME_EVERY_S", 0.5)
    monkeypatch.setattr(network_failover, "ASK_AFTER_S", 0.5)
    return each.text


def host(address: str, port: int) -> RunningBroker:
    return start_broker(BrokerSettings(host=address, port=port, public=True, insecure=True))


@pytest.fixture
def first(address: str) -> Iterator[RunningBroker]:
    broker = host(address, free_port())
    yield broker
    broker.stop()


async def together(folder: Path, broker: RunningBroker, names: str) -> list[Person]:
    url, channel = parse_broker_url(broker.url), f"test-{new_viewer_id()}"
    people = [Person(folder, name, broker=url, channel=channel) for name in names]
    await until(lambda: all(person.names == sorted(names) for person in people))
    return people


def is_host(person: Person) -> bool:
    return "goes on at this machine" in person.session.view.notice


async def test_after_one_yes_each_the_room_goes_on_and_returns_to_its_host(
    first: RunningBroker, tmp_path: Path
) -> None:
    people = await together(tmp_path, first, "abc")
    async with everybody(people):
        first.stop()
        await until(lambda: all(person.session.view.question for person in people))
        for person in people:
            person.session.answer(True)
        await until(lambda: all(person.is_connected for person in people))
        people[0].session.say(Emotion.SURPRISE)
        await until(lambda: all(p.session.view.room.counts[Emotion.SURPRISE] for p in people))
        await until(lambda: all(person.names == list("abc") for person in people))
        # Two may have started at once; one of them gives way.
        await until(lambda: sum(is_host(person) for person in people) == 1)
        await until(lambda: len({person.session.view.broker_url for person in people}) == 1)
        assert not any(person.session.view.question for person in people)
        assert people[0].session.view.broker_url != first.url

        again = start_broker(first.settings)
        try:
            await until(lambda: all(person.is_at(first.url) for person in people), 15)
            people[0].session.say(Emotion.ANGER)
            await until(lambda: all(p.session.view.room.counts[Emotion.ANGER] for p in people))
            await until(lambda: all(person.names == list("abc") for person in people))
            await until(lambda: {p.session.view.broker_url for p in people} == {first.url})
        finally:
            again.stop()


async def test_when_the_new_host_leaves_the_next_one_follows_without_another_question(
    first: RunningBroker, tmp_path: Path
) -> None:
    people = await together(tmp_path, first, "abc")
    async with everybody(people):
        first.stop()
        await until(lambda: all(person.session.view.question for person in people))
        for person in people:
            person.session.answer(True)
        await until(lambda: all(p.is_connected and len(p.names) == 3 for p in people))
        await until(lambda: sum(is_host(person) for person in people) == 1)
        owner = next(person for person in people if is_host(person))
        people.remove(owner)
        await owner.leave()
        await until(lambda: any(is_host(person) for person in people), 15)
        await until(lambda: all(p.is_connected and len(p.names) == 2 for p in people))
        assert not any(person.session.view.question for person in people)


async def test_where_two_start_at_once_one_gives_way(
    first: RunningBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_failover, "STEP_S", 0.0)
    monkeypatch.setattr(network_failover, "JITTER_S", 0.0)
    all_started = threading.Barrier(3)

    def start(address: str, _port: int) -> RunningBroker:
        """Nobody's broker is announced before everybody has one."""
        broker = host(address, free_port())
        all_started.wait(patience(10))
        return broker

    monkeypatch.setattr(broker_choice, "_start_public_broker", start)
    people = await together(tmp_path, first, "abc")
    async with everybody(people):
        first.stop()
        await until(lambda: all(person.session.view.question for person in people))
        for person in people:
            person.session.answer(True)
        await until(
            lambda: (
                sum(is_host(person) for person in people) == 1
                and len({person.session.view.broker_url for person in people}) == 1
                and all(p.is_connected and p.names == list("abc") for p in people)
            ),
            20,
        )


async def test_without_a_yes_nothing_is_started_and_nobody_is_followed(
    first: RunningBroker, tmp_path: Path
) -> None:
    people = await together(tmp_path, first, "abc")
    async with everybody(people):
        first.stop()
        await until(lambda: all(person.session.view.question for person in people))
        people[0].session.answer(True)
        people[1].session.answer(False)
        await until(lambda: people[0].is_connected)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await until(lambda: any(each.is_connected for each in people[1:]), patience(10))
        assert people[1].session.view.question is None and people[2].session.view.question


async def test_who_saw_the_others_leave_with_the_broker_is_asked(
    first: RunningBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failover, "LEFT_WITH_IT_S", 600.0)
    people = await together(tmp_path, first, "ab")
    async with everybody(people[:1]):
        await people[1].leave()
        await until(lambda: people[0].names == ["a"])
        first.stop()
        await until(lambda: bool(people[0].session.view.question))


async def test_who_is_alone_is_not_asked(first: RunningBroker, tmp_path: Path) -> None:
    (person,) = people = await together(tmp_path, first, "a")
    async with everybody(people):
        first.stop()
        await until(lambda: not person.is_connected)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(network_failover.ASK_AFTER_S + 1):
                await until(lambda: bool(person.session.view.question), patience(10))


class Hosting:
    """A link, and the broker that its program starts; the first broker is back `during` a step."""

    viewer_id = "ann"

    def __init__(self, first: str, during: str) -> None:
        self.place = first
        self.status = LinkStatus(LinkState.LOST)
        self.settings = BrokerSettings(host="10.0.0.2", port=1885)
        self.is_stopped = False
        self._during = during

    def reached(self, step: str) -> None:
        if step == self._during:
            self.status = LinkStatus(LinkState.CONNECTED)

    async def start(self, *_: object) -> Hosting:
        self.reached("start")
        return self

    def stop(self) -> None:
        self.is_stopped = True

    def turn_to(self, url: BrokerUrl) -> None:
        self.reached("turn")


@pytest.mark.parametrize("during", ["start", "turn"])
async def test_no_broker_of_ours_stays_once_the_first_one_is_back(
    monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    url, moves = parse_broker_url("mqtt://10.0.0.1"), list[str]()
    ours = Hosting(url.place, during)

    async def facing(_: object) -> str:
        return "10.0.0.2"

    async def alone(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(network_failover, "address_facing", facing)
    monkeypatch.setattr(network_failover, "follow_nearby", alone)
    monkeypatch.setattr(network_failover.NearbyAnnouncer, "run", alone)
    monkeypatch.setattr(network_failover, "start_public_broker", ours.start)
    for name in ("ASK_AFTER_S", "LOOK_FIRST_S", "STEP_S", "JITTER_S", "LOOK_EVERY_S"):
        monkeypatch.setattr(network_failover, name, 0.0)
    carrying = network_failover.NetworkFailover(
        url,
        "cats",
        ours,  # type: ignore[arg-type]
        known_ids=lambda: ["ann", "bob"],
        ask=lambda _: None,
        notice=lambda _: None,
        on_moved=moves.append,
    )
    carrying.answer(True)
    running = asyncio.create_task(carrying.run())
    try:
        await until(lambda: moves[-1:] == [url.public])
        assert ours.is_stopped
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("mqtt://192.168.1.5", True),
        ("mqtts://192.168.1.5", False),
        ("mqtt://mia:word@192.168.1.5", False),
        (f"mqtts://192.168.1.5?pin={'ab' * 32}", False),
    ],
)
def test_a_secured_room_waits_for_its_own_host(url: str, may: bool) -> None:
    assert may_be_carried_on(parse_broker_url(url)) is may


@pytest.mark.parametrize("host", ["127.0.0.1", "8.8.8.8", "nobody.invalid", "169.254.3.4"])
async def test_a_host_that_is_not_on_our_network_is_never_replaced(host: str) -> None:
    assert await address_facing(BrokerUrl(host=host)) is None
