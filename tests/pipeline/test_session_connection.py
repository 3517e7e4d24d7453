"""A session whose broker goes, comes back, stands still or refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from limits import patience, until
from whole_sessions import living, names, plan

from resonance_tui.emotions import Emotion
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.link import Link, MqttLink
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.session.core import Session
from resonance_tui.session.events import LinkUpdate, SessionEvent
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.room_model import RoomModel

pytestmark = pytest.mark.mosquitto


async def test_a_broker_that_comes_back_finds_the_room_again(
    quiet: Callable[[str], Session], mosquitto
) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    async with living(ann, ben):
        await until(lambda: ben.view.room.viewers == 2)
        mosquitto.kill()
        await until(lambda: ben.view.link.state is LinkState.LOST)
        assert ben.view.link.retry_at is not None
        mosquitto.start()
        await until(lambda: ben.view.link.state is LinkState.CONNECTED, 12)
        ann.say(Emotion.FEAR)
        await until(lambda: ben.view.room.counts[Emotion.FEAR] == 1, 12)


async def test_a_lost_connection_leaves_what_was_seen_and_says_since_when(
    quiet: Callable[[str], Session], mosquitto
) -> None:
    ann, ben = quiet("ann"), quiet("ben")
    assert ann.view.outage is not None and ann.view.outage.is_first
    async with living(ann, ben):
        await until(lambda: ann.view.room.viewers == 2)
        assert ann.view.outage is None
        mosquitto.kill()
        await until(lambda: ann.view.outage is not None and ann.view.outage.retry_at is not None)
        before = ann.view.outage
        await until(lambda: ann.view.outage != before and ann.view.outage is not None)
        assert before is not None and ann.view.outage is not None
        assert ann.view.outage.since == before.since and not ann.view.outage.is_first
        assert ann.view.room.viewers == 2 and names(ann) == ["ann", "ben"]
        mosquitto.start()
        await until(lambda: ann.view.outage is None, 12)
    kinds = [event.kind for event in ann.view.happenings]
    assert kinds == ["link_lost", "link_back"]


async def test_a_refused_login_ends_the_session_with_its_own_error(
    make_mosquitto, tmp_path: Path
) -> None:
    server = make_mosquitto("allow_anonymous false")
    server.start()
    session = Session(plan(parse_broker_url(server.url), Source("none"), tmp_path))
    with pytest.raises(BrokerRefused):
        await asyncio.wait_for(session.run(), patience(10))


async def test_a_broker_that_stands_still_is_said_before_the_connection_is_given_up(
    mosquitto: Any, broker: BrokerUrl, tmp_path: Path
) -> None:
    def brisk(url: BrokerUrl, own: SessionPlan, viewer_id: str) -> Link:
        return MqttLink(url, own.channel, viewer_id, heartbeat_s=1)

    settings = RoomSettings(heartbeat_s=1, ttl_s=30)
    ann = Session(plan(broker, Source("none"), tmp_path), connect=brisk, room=RoomModel(settings))
    said: list[tuple[str, str]] = []

    def hear(event: SessionEvent) -> None:
        if isinstance(event, LinkUpdate):
            said.append((event.status.state, event.status.detail))

    ann.add_listener(hear)
    async with living(ann):
        await until(lambda: said == [("connected", "")])
        mosquitto.freeze()
        try:
            await until(lambda: ann.view.silent_s == 3)
        finally:
            mosquitto.thaw()
        await until(lambda: not ann.view.silent_s)
        assert said[1:] == [
            ("connected", "no answer from the broker for 2 s"),
            ("connected", ""),
        ]
