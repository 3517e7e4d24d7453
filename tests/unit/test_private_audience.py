"""A simulated crowd that reports privately: as real viewers do, beside the open ones."""

from __future__ import annotations

from random import Random

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.errors import NotPrivate
from resonance_tui.protocol.asides import Aside
from resonance_tui.protocol.events import AsideTotalEvent, RoomEvent, TotalEvent
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import ABILITIES, PRIVATE, SIMULATED, RoomSettings
from resonance_tui.simulation import audience
from resonance_tui.simulation.audience import AudiencePlan
from resonance_tui.simulation.behaviour import crowd
from resonance_tui.simulation.observer import RoomObserver
from resonance_tui.simulation.telling import Telling

PLAN = AudiencePlan("cats", 5, 5, 0, 60.0, None, is_private=True)
NINE = (0, 2, *[0] * 7)


def observer() -> RoomObserver:
    return RoomObserver(parse_broker_url("mqtt://nowhere.invalid"), "cats", 10)


def test_private_reports_say_nothing_but_a_drawn_state_that_is_repeated() -> None:
    said: dict[Emotion, set[Emotion]] = {}
    telling, mood = Telling(Random(3)), crowd(1, 0)[0]
    for _ in range(3):
        for mood.code in Emotion:
            code, confidence, flags = telling.state(mood, 2.0)
            assert (confidence, flags) == (0, SIMULATED | PRIVATE)
            said.setdefault(mood.code, set()).add(code)
    assert all(len(codes) == 1 for codes in said.values())
    assert any(codes != {felt} for felt, codes in said.items())
    assert telling.state(mood, None) == (mood.code, mood.confidence, SIMULATED)


def test_a_room_that_does_not_count_them_gets_no_private_crowd() -> None:
    watcher = observer()
    with pytest.raises(NotPrivate, match="does not understand"):
        audience._check_private(PLAN, watcher)
    watcher._apply(RoomEvent("cats", RoomSettings(abilities=ABILITIES)), 0.0, 0.0)
    audience._check_private(PLAN, watcher)
    assert audience._epsilon(PLAN, watcher) == 2.0


def test_private_viewers_of_a_total_are_known_beside_it_while_they_are_told() -> None:
    watcher = observer()
    watcher._apply(TotalEvent("cats", 3, (3, *[0] * 8), 1, 1), 0.0, 0.0)
    watcher._apply(AsideTotalEvent("cats", Aside(private=NINE), 1, 1), 0.0, 0.0)
    assert watcher._private_beside(1.0) == NINE
    assert watcher._private_beside(60.0) == ()
