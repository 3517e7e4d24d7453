"""While not everybody can have been heard, a room's figures are no facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.events import ReportEvent, RoomEvent, TotalEvent, TotalOverEvent
from resonance_tui.protocol.traits import BrokerTraits, told
from resonance_tui.protocol.values import Report, RoomSettings
from resonance_tui.session.room_model import RoomModel

LACKING = BrokerTraits(expires=True, brings_retained=False)
HAPPY = Report(boot=1, seq=1, code=Emotion.HAPPINESS, confidence=80)


def connected(traits: BrokerTraits, now: float = 0.0) -> RoomModel:
    room = RoomModel()
    room.know(traits, now)
    room.connected(True, now)
    room.look(now, None)
    return room


def is_fact(room: RoomModel, now: float) -> bool:
    room.connected(True, now)
    seen = room.look(now, None)
    fact = room.is_fact(now)
    assert fact is not seen.is_counting or not fact
    return fact


@pytest.mark.parametrize("brings", [False, None])
def test_nothing_is_a_fact_within_a_heartbeat_and_a_second(brings: bool | None) -> None:
    room = connected(replace(LACKING, brings_retained=brings))
    assert not is_fact(room, 10.9)
    assert is_fact(room, 11.0)


def test_a_broker_that_brings_what_is_retained_makes_facts_at_once() -> None:
    room = connected(replace(LACKING, brings_retained=None))
    assert not is_fact(room, 0.6)
    room.know(replace(LACKING, brings_retained=True), 0.6)
    assert is_fact(room, 0.6)


def test_it_is_counted_again_after_a_reconnection() -> None:
    room = connected(LACKING)
    assert is_fact(room, 20.0)
    room.connected(False, 21.0)
    room.look(21.0, None)
    room.connected(True, 22.0)
    room.look(22.0, None)
    assert not is_fact(room, 32.9)
    assert is_fact(room, 33.0)


def test_the_hosts_heartbeat_is_the_one_that_is_waited_for() -> None:
    room = connected(LACKING)
    room.take(RoomEvent("cinema", RoomSettings(heartbeat_s=40)), 1.0)
    assert not is_fact(room, 40.9)
    assert is_fact(room, 41.0)


def test_a_total_is_complete_and_is_held_while_its_viewers_are_counted_again() -> None:
    room = connected(LACKING)
    counts = (321, *[0] * 8)
    room.take(TotalEvent("cinema", 321, counts, boot=1, seq=1), 1.0)
    assert is_fact(room, 2.0)
    room.take(TotalOverEvent("cinema"), 3.0)
    room.look(3.0, None)
    room.take(ReportEvent("cinema", "ann", HAPPY), 4.0)
    seen = room.look(4.0, None)
    assert (seen.viewers, seen.is_counting) == (321, True)
    assert not is_fact(room, 13.9)
    seen = room.look(14.0, None)
    assert (seen.viewers, seen.is_counting) == (1, False)


def test_an_old_total_is_not_held_after_a_reconnection() -> None:
    room = connected(LACKING)
    room.take(TotalEvent("cinema", 321, (321, *[0] * 8), boot=1, seq=1), 1.0)
    room.look(1.0, None)
    room.take(TotalOverEvent("cinema"), 2.0)
    room.look(2.0, None)
    assert is_fact(room, 20.0)
    room.connected(False, 21.0)
    room.look(21.0, None)
    room.connected(True, 22.0)
    assert room.look(23.0, None).viewers == 0


@pytest.mark.parametrize(
    ("traits", "words"),
    [
        (
            BrokerTraits(expires=True, brings_retained=True),
            "MQTT 5, newcomers see the room at once",
        ),
        (
            LACKING,
            "MQTT 5, wildcards bring nothing that is retained: newcomers count for a heartbeat",
        ),
        (
            BrokerTraits(expires=False, brings_retained=True),
            "MQTT 3.1.1, nothing expires: newcomers confirm who is there",
        ),
    ],
)
def test_the_traits_of_a_broker_are_told_as_what_they_mean_for_a_room(
    traits: BrokerTraits, words: str
) -> None:
    assert told(traits) == words


def test_who_was_counted_stays_so_however_often_the_host_changes_the_heartbeat() -> None:
    room = connected(LACKING)
    assert is_fact(room, 11.0)
    for beat in (60, 10, 300):
        room.take(RoomEvent("cinema", RoomSettings(heartbeat_s=beat)), 12.0)
        assert is_fact(room, 12.0)
