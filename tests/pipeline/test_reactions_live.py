"""Reactions between whole sessions in one process, and what stays on one's own machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from limits import until
from loopback import LoopbackHub, LoopbackLink
from whole_sessions import living, plan

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.messages import NICKNAME, REACTION, REPORT, TABLE
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import REACTIONS, RoomSettings
from resonance_tui.reaction_kinds import Reaction
from resonance_tui.session.core import Session
from resonance_tui.session.events import ReactionsUpdate, SessionEvent
from resonance_tui.session.room_model import RoomModel

ABLE = RoomSettings(abilities=frozenset({REACTIONS}))


class Tap(LoopbackHub):
    """Keeps everything that was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Outgoing] = []

    def carry(self, message: Outgoing) -> None:
        self.sent.append(message)
        super().carry(message)


@pytest.fixture
def hub() -> Tap:
    return Tap()


@pytest.fixture
def seat(hub: Tap, tmp_path: Path, unused_port: int) -> Callable[..., Session]:
    def seat(name: str, settings: RoomSettings = ABLE) -> Session:
        url = BrokerUrl(host="127.0.0.1", port=unused_port)
        planned = replace(plan(url, Source("none"), tmp_path, name), channel="room")
        return Session(
            planned,
            connect=lambda _url, _plan, viewer_id: LoopbackLink(hub, "room", viewer_id),  # type: ignore[arg-type,return-value]
            room=RoomModel(settings),
        )

    return seat


def told_of(events: list[SessionEvent]) -> list[ReactionsUpdate]:
    return [each for each in events if isinstance(each, ReactionsUpdate)]


async def test_a_reaction_is_counted_by_everybody_and_told_once_its_second_is_over(
    hub: Tap, seat: Callable[..., Session]
) -> None:
    ann, ben = seat("ann"), seat("ben")
    told: list[SessionEvent] = []
    ben.add_listener(told.append)
    async with living(ann, ben):
        await until(lambda: ben.view.room.viewers == ann.view.room.viewers == 2)
        assert ann.react(Reaction.HEART) == ""
        await until(lambda: sum(ben.view.room.reactions) == sum(ann.view.room.reactions) == 1)
        assert ann.react(Reaction.WOW) == ""
        assert ann.react(Reaction.WOW) == "Two a second is the most."
        expected = (0, 0, 1, 1, 0, 0, 0, 0)
        await until(lambda: ben.view.room.reactions == ann.view.room.reactions == expected)
        for message in [each for each in hub.sent if TABLE.find(each.topic) is REACTION]:
            hub.carry(message)  # a replay
        await until(lambda: sum(sum(each.counts) for each in told_of(told)) == 2)
        assert ben.view.room.reactions == expected
        ann.set_sharing(False)
        assert "share nothing" in ann.react(Reaction.HEART)


async def test_a_room_whose_host_knows_no_reactions_gets_none(
    hub: Tap, seat: Callable[..., Session]
) -> None:
    ann = seat("ann", RoomSettings())
    assert "Not connected" in ann.react(Reaction.HEART)
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        assert "no host that understands" in ann.react(Reaction.HEART)
    assert not [each for each in hub.sent if TABLE.find(each.topic) is REACTION]


async def test_how_one_and_the_room_differ_is_never_sent(
    hub: Tap, seat: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.room.together.LEAST_S", 1)
    monkeypatch.setattr("resonance_tui.room.together.LEAST_OTHERS", 1)
    ann, ben = seat("ann"), seat("ben")
    async with living(ann, ben):
        await until(lambda: ben.view.room.viewers == ann.view.room.viewers == 2)
        ann.say(Emotion.HAPPINESS)
        ben.say(Emotion.NEUTRAL)
        await until(lambda: "alike" in ann.view.together)
        assert ann.view.evening is not None and ann.view.evening.is_known
    kinds = {row.kind for each in hub.sent if (row := TABLE.find(each.topic)) is not None}
    assert kinds <= {REPORT.kind, NICKNAME.kind}
    assert all(len(each.payload) <= 16 for each in hub.sent)
