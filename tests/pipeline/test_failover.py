"""Rooms whose broker goes away with its owner, with real brokers and several real sessions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import limits
import pytest
from machine import Mosquitto

from resonance_broker import BrokerSettings, RunningBroker, start_broker
from resonance_tui.emotions import Emotion
from resonance_tui.history.store import Store
from resonance_tui.messaging.link import MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.session import broker_choice, failover
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan

pytestmark = pytest.mark.usefixtures("lasting_words")

BACK_WITHIN_S = 10.0


@pytest.fixture(params=["mosquitto", "embedded"])
def default_port(
    unused_port: int, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> int:
    """The port of the default address, here a free one; brokers are of either kind."""
    url = f"mqtt://localhost:{unused_port}"
    monkeypatch.setattr(broker_choice, "DEFAULT_BROKER_URL", url)
    monkeypatch.setattr(failover, "DEFAULT_BROKER_URL", url)

    def start(port: int) -> RunningBroker:
        return start_broker(BrokerSettings(port=port, program=request.param))

    monkeypatch.setattr(broker_choice, "_start_broker_at", start)
    monkeypatch.setattr(broker_choice, "_start_local_broker", lambda: start(unused_port))
    return unused_port


class Person:
    """One session of this process, with what ended it."""

    def __init__(self, folder: Path, nickname: str, **options: Any) -> None:
        plan = SessionPlan(
            channel="room",
            nickname=nickname,
            viewer_id=new_viewer_id(),
            boot=int(time.time()),
            broker=None,
            source=Source("none"),
            engine="static",
            data_dir=folder,
        )
        self.session = Session(replace(plan, **options))
        self._task = asyncio.create_task(self.session.run())

    @property
    def is_connected(self) -> bool:
        return self.session.view.link.state is LinkState.CONNECTED

    def is_at(self, place: str) -> bool:
        link = self.session._own.link
        return self.is_connected and isinstance(link, MqttLink) and link.place == place

    @property
    def is_owner(self) -> bool:
        return "so one runs here" in self.session.view.notice

    @property
    def names(self) -> list[str]:
        return [row.nickname for row in self.session.view.room.rows]

    async def leave(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@contextlib.asynccontextmanager
async def everybody(people: list[Person]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        for person in reversed(people):
            await person.leave()


async def until(condition: Callable[[], bool], seconds: float = BACK_WITHIN_S) -> None:
    await limits.until(condition, seconds)


async def together(folder: Path, names: str, **last: Any) -> list[Person]:
    """One person for each letter, the first of whom owns the broker; all see each other."""
    people = [Person(folder, names[0])]
    await until(lambda: people[0].is_connected)
    people += [Person(folder, name) for name in names[1:-1]]
    people.append(Person(folder, names[-1], **last))
    await until(lambda: all(person.names == sorted(names) for person in people))
    return people


def test_each_has_a_turn_of_its_own_in_an_order_that_all_know() -> None:
    ids = [new_viewer_id() for _ in range(5)]
    turns = sorted(failover.wait_s(each, ids, "mqtt://localhost:1883") for each in ids)
    steps = [later - sooner for sooner, later in itertools.pairwise(turns)]
    assert turns[0] == failover.FIRST_WAIT_S
    assert all(step == pytest.approx(failover.STEP_S) for step in steps)
    assert failover.STEP_S > failover.JITTER_S
    many = [new_viewer_id() for _ in range(200)]
    assert max(failover.wait_s(each, many, "x") for each in many) + failover.JITTER_S < 7


def test_whose_wills_a_dying_broker_sends_were_here_when_the_line_was_lost() -> None:
    known, lasts_s = failover.KnownViewers(), failover.LEFT_WITH_IT_S
    known.look("abcd", 0.0)
    known.look("abc", 10.0)
    assert known.ids == set("abcd")
    known.look("ab", 10.0 + lasts_s)
    assert known.ids == set("abc"), "the first left long before"
    known.look("bc", 10.0 + lasts_s + 0.1)
    assert known.ids == set("abc"), "one is back, another one gone"
    known.look("bc", 20.0 + lasts_s)
    assert known.ids == set("bc")


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("mqtt://localhost", True),
        ("mqtt://127.0.0.1:1883", True),
        ("mqtt://127.0.0.1:1884", False),
        ("mqtt://stream.example", False),
        ("mqtt://me:word@localhost", False),
        ("mqtts://localhost:1883", False),
        ("mqtt://localhost,mqtt://stream.example", False),
    ],
)
def test_only_the_open_broker_at_the_default_address_is_replaced(
    address: str, is_ours: bool
) -> None:
    assert failover.is_ours_to_replace(parse_broker_url(address)) is is_ours


@pytest.mark.parametrize("names", ["abc", "abcdef"])
async def test_when_the_owner_leaves_one_of_those_left_carries_the_room_on(
    default_port: int, tmp_path: Path, names: str
) -> None:
    people = await together(tmp_path, names)
    async with everybody(people):
        assert [person.is_owner for person in people] == [True] + [False] * (len(names) - 1)
        await people.pop(0).leave()
        await until(lambda: any(person.is_owner for person in people))
        await until(lambda: all(person.is_connected for person in people))
        people[0].session.say(Emotion.SURPRISE)
        await until(lambda: all(p.session.view.room.counts[Emotion.SURPRISE] for p in people))
        await until(lambda: all(person.names == sorted(names[1:]) for person in people))
        assert sum(person.is_owner for person in people) == 1


async def test_a_broker_that_no_viewer_started_is_waited_for(
    default_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failover, "FIRST_WAIT_S", 0.3)
    monkeypatch.setattr(failover, "STEP_S", 0.1)
    system = start_broker(BrokerSettings(port=default_port))
    people = [Person(tmp_path, name) for name in "ab"]
    async with everybody(people):
        await until(lambda: all(person.names == ["a", "b"] for person in people))
        await asyncio.to_thread(system.stop)
        await until(lambda: not any(person.is_connected for person in people))
        await asyncio.sleep(failover.wait_s("a", [*"abcd"], "x") + failover.JITTER_S + 0.5)
        assert not any(person.is_connected for person in people)
        system = await asyncio.to_thread(start_broker, BrokerSettings(port=default_port))
        await until(lambda: all(person.is_connected for person in people), 20)
        assert not any(person.is_owner for person in people)
    await asyncio.to_thread(system.stop)


async def test_the_room_is_carried_on_as_often_as_its_owner_leaves(
    default_port: int, tmp_path: Path
) -> None:
    people = await together(tmp_path, "abcd")
    async with everybody(people):
        while len(people) > 1:
            owner = next(person for person in people if person.is_owner)
            people.remove(owner)
            await owner.leave()
            left = sorted(person.session.view.nickname for person in people)
            await until(lambda: any(person.is_owner for person in people))
            await until(lambda left=left: all(p.is_connected and p.names == left for p in people))


async def test_who_only_looks_on_follows_and_starts_nothing(
    default_port: int, tmp_path: Path
) -> None:
    people = await together(tmp_path, "ab")
    logger = Person(tmp_path, "", observe_only=True)
    async with everybody([logger, *people]):
        await until(lambda: logger.names == ["a", "b"])
        await people[0].leave()
        await until(lambda: not logger.is_connected)
        await until(lambda: logger.is_connected and logger.names == ["b"])
        assert people[1].is_owner and not logger.is_owner


async def test_a_recording_goes_on_and_never_counts_who_left(
    default_port: int, tmp_path: Path
) -> None:
    people = await together(tmp_path, "abc", database=tmp_path / "h.db")
    async with everybody(people):
        await until(lambda: bool(counts(tmp_path / "h.db")))
        await people.pop(0).leave()
        left_at = time.time()
        await until(lambda: any(t > left_at + 1 for t, _ in counts(tmp_path / "h.db")), 15)
    after = [viewers for t, viewers in counts(tmp_path / "h.db") if t > left_at + 1]
    assert set(after) == {2}


async def test_a_list_of_brokers_keeps_the_room_together_there_and_back(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    brokers = [make_mosquitto(), make_mosquitto()]
    for broker in brokers:
        broker.start()
    url = parse_broker_url(",".join(broker.url for broker in brokers))
    people = [Person(tmp_path, name, broker=url) for name in "abc"]
    async with everybody(people):
        await until(lambda: all(person.names == list("abc") for person in people))
        for gone, stays in (brokers, brokers[::-1]):
            gone.kill()
            await until(lambda url=stays.url: all(person.is_at(url) for person in people))
            people[0].session.say(Emotion.ANGER)
            await until(lambda: all(p.session.view.room.counts[Emotion.ANGER] for p in people))
            await until(lambda: all(person.names == list("abc") for person in people))
            people[0].session.say(None)
            await until(lambda: not any(p.session.view.room.counts[Emotion.ANGER] for p in people))
            gone.start()


def counts(database: Path) -> list[tuple[float, int]]:
    """Time and viewers of each recorded second."""
    with contextlib.closing(Store(database, read_only=True)) as store:
        return [(each.t, each.viewers) for each in store.read("room")]
