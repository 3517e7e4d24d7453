"""What is said of a stay in a room once one has left it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from resonance_tui.engines.base import EngineStatus
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.session.events import SessionView
from resonance_tui.session.visit import Visit

HERE = SessionView(
    channel="cats-live",
    nickname="",
    viewer_id="k7q2m4xa",
    broker_url="mqtt://localhost:1883",
    link=LinkStatus(LinkState.CONNECTED),
    camera=CameraStatus(CameraState.OFF),
    engine=EngineStatus("static"),
)
AWAY = replace(HERE, link=LinkStatus(LinkState.LOST))
DATABASE = Path("/data/history.sqlite")


def room(*counts: int) -> SessionView:
    found = replace(EMPTY_ROOM, viewers=sum(counts), counts=counts)
    return replace(HERE, room=found)


def test_moods_are_means_over_the_time_that_one_was_connected() -> None:
    visit = Visit(AWAY, DATABASE)
    for second in range(61):
        happy = second % 2 * 2
        visit.take(room(happy, 0, 1, 0, 0, 0, 0), 100.0 + second)
    visit.take(AWAY, 500.0)
    assert visit.lines() == [
        "You were in cats-live for 1 min: at most 3 viewers at once.",
        "The room on average: happiness 1.0, neutral 1.0.",
    ]


def test_a_recording_is_named_with_the_command_to_look_at_it() -> None:
    visit = Visit(HERE, DATABASE)
    visit.take(replace(HERE, is_recording=True), 0.0)
    visit.take(HERE, 3725.0)
    assert visit.lines() == [
        "You were in cats-live for 1 h 2 min: at most 0 viewers at once.",
        "Recorded in /data/history.sqlite",
        "Look at it: resonance-tui history cats-live",
    ]


def test_a_room_that_was_never_reached_is_said_to_be_so() -> None:
    visit = Visit(AWAY, DATABASE)
    visit.take(AWAY, 5.0)
    assert visit.lines() == ["You were never in cats-live at mqtt://localhost:1883."]


def test_a_machine_that_slept_counts_no_moods_for_that_time() -> None:
    visit = Visit(HERE, DATABASE)
    visit.take(room(1, 0, 0, 0, 0, 0, 0), 0.0)
    visit.take(room(1, 0, 0, 0, 0, 0, 0), 1.0)
    visit.take(room(0, 1, 0, 0, 0, 0, 0), 3600.0)
    visit.take(room(0, 1, 0, 0, 0, 0, 0), 3601.0)
    assert visit.lines()[1] == "The room on average: sadness 0.8, happiness 0.2."


@pytest.mark.parametrize("unknown", [{"is_counting": True}, {"confirming": 2}])
def test_figures_that_were_no_facts_are_left_out(unknown: dict[str, Any]) -> None:
    visit = Visit(HERE, DATABASE)
    early = room(9, 0, 0, 0, 0, 0, 0)
    provisional = replace(early, room=replace(early.room, **unknown))
    visit.take(provisional, 0.0)
    visit.take(provisional, 1.0)
    assert visit.lines() == ["You were in cats-live for 1 s: too short to know who was there."]
    visit.take(room(0, 1, 0, 0, 0, 0, 0), 2.0)
    assert visit.lines() == [
        "You were in cats-live for 2 s: at most 1 viewer at once.",
        "The room on average: sadness 1.0.",
    ]
