"""What listeners of a session are told, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from limits import patience, until
from loopback import LoopbackHub, LoopbackLink
from whole_sessions import living, names, plan

from resonance_tui.emotions import Emotion
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.session.core import Session
from resonance_tui.session.events import HappeningUpdate, LinkUpdate, RoomUpdate, SessionEvent

pytestmark = pytest.mark.mosquitto


async def test_a_listener_that_always_raises_harms_nothing(
    quiet: Callable[[str], Session], caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[object] = []

    def broken(_event: object) -> None:
        raise UnicodeEncodeError("charmap", "─", 0, 1, "no such sign")

    ann, ben = quiet("ann"), quiet("ben")
    ann.add_listener(broken)
    ann.add_listener(heard.append)
    async with living(ann, ben):
        await until(lambda: names(ann) == ["ann", "ben"])
        ann.say(Emotion.SURPRISE)
        await until(lambda: ben.view.room.counts[Emotion.SURPRISE] == 1)
        ann._faces._pipeline._status.notice("something")
        assert ann.view.notice == "something"
    assert len(heard) > 3
    assert caplog.text.count("a listener failed") == 1


async def test_listeners_hear_of_the_room_every_second_also_without_a_connection(
    tmp_path: Path, unused_port: int
) -> None:
    ann = Session(plan(BrokerUrl(host="127.0.0.1", port=unused_port), Source("none"), tmp_path))
    heard: list[RoomUpdate] = []
    ann.add_listener(lambda event: heard.append(event) if isinstance(event, RoomUpdate) else None)
    async with living(ann):
        await until(lambda: len(heard) == 3)
    assert all(0.9 < later.t - sooner.t < patience(2) for sooner, later in pairwise(heard))
    assert all(each.room.is_counting for each in heard), "nobody was heard: no empty room"


async def test_listeners_are_told_no_number_as_a_fact_before_it_is_one(
    quiet: Callable[[str], Session],
) -> None:
    heard: list[RoomUpdate] = []
    ann, ben = quiet("Ann"), quiet("Ben")
    ben.add_listener(lambda event: heard.append(event) if isinstance(event, RoomUpdate) else None)
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        async with living(ben):
            await until(lambda: heard and not heard[-1].room.is_counting)
    assert next(each.room.viewers for each in heard if not each.room.is_counting) == 2


class Slow(LoopbackLink):
    """Connected by nobody; takes its leave, as a real one does, before it is closed."""

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.set_status(LinkState.CLOSED)


async def test_who_leaves_before_the_next_look_at_the_link_is_told_that_it_was_connected(
    tmp_path: Path,
) -> None:
    link = Slow(LoopbackHub(), "room", "ann")
    address = parse_broker_url("mqtt://nowhere.invalid")
    ann = Session(plan(address, Source("none"), tmp_path), connect=lambda *_: link)
    heard: list[SessionEvent] = []
    ann.add_listener(heard.append)
    async with living(ann):
        await until(lambda: any(isinstance(event, RoomUpdate) for event in heard))
        link.status = LinkStatus(LinkState.CONNECTED)
    states = [event.status.state for event in heard if isinstance(event, LinkUpdate)]
    assert states == [LinkState.CONNECTED]


async def test_who_comes_and_goes_is_told(quiet: Callable[[str], Session]) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    told: list[SessionEvent] = []
    ann.add_listener(told.append)

    def texts() -> list[str]:
        return [event.text for event in told if isinstance(event, HappeningUpdate)]

    async with living(ann):
        await until(lambda: names(ann) == ["ann"])
        await asyncio.sleep(1.0)  # whoever was here before is nobody who comes
        async with living(ben):
            await until(lambda: texts() == ["ben came"])
        await until(lambda: texts() == ["ben came", "ben left"])
        ann.tell("host", "back in five")
    assert [event.text for event in ann.view.happenings] == ["ben came", "ben left", "back in five"]
