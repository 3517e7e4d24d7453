"""What of a room its host's rules let one see, wherever the counts come from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resonance_tui.commands.headless import room_text
from resonance_tui.emotions import Emotion
from resonance_tui.protocol.asides import Answers, Aside
from resonance_tui.protocol.events import AsideTotalEvent, ReportEvent, TotalEvent
from resonance_tui.protocol.questions import Question
from resonance_tui.protocol.values import PRIVATE, Report
from resonance_tui.room.conduct import Conduct
from resonance_tui.room.state import RoomSnapshot, ViewerRow
from resonance_tui.session.events import RoomUpdate
from resonance_tui.session.json_events import room_json
from resonance_tui.session.room_model import RoomModel

ME = ViewerRow("me", "ann", Emotion.FEAR, 60, False, False, False)
QUESTION = Question(7, "Which map?", ("Dust", "Mirage"), 2**40)
SMALL, BLIND = Conduct(least=5), Conduct(blind_s=3)


def filled(viewers: int, conduct: Conduct) -> RoomModel:
    room = RoomModel()
    room.obey(conduct)
    for number in range(viewers):
        say(room, f"v{number}", Emotion.HAPPINESS)
    return room


def say(room: RoomModel, viewer_id: str, code: Emotion, seq: int = 1) -> None:
    room.take(ReportEvent("room", viewer_id, Report(1, seq, code, 50)), 0)


def figures(room: RoomSnapshot) -> tuple[int, int, int]:
    return room.viewers, room.counts[Emotion.HAPPINESS], room.missing


def test_below_so_many_viewers_no_count_is_seen_and_nobody_is_listed() -> None:
    room = filled(4, SMALL)
    seen = room.look(0, ME)
    assert (figures(seen), seen.rows, seen.is_withheld) == ((4, 0, 1), (ME,), True)
    say(room, "v4", Emotion.HAPPINESS)
    seen = room.look(0, ME)
    assert (figures(seen), seen.rows, seen.is_withheld) == ((5, 3, 0), (ME,), False)


def test_one_who_changes_is_not_seen_to() -> None:
    room = filled(8, SMALL)
    before = room.look(0, ME)
    say(room, "v0", Emotion.FEAR, seq=2)
    assert room.look(0, ME) == replace(before, changed=frozenset(), gone=frozenset())


def test_a_rule_that_ends_shows_everybody_anew() -> None:
    room = filled(2, SMALL)
    room.look(0, ME)
    room.obey(Conduct())
    seen = room.look(0, ME)
    assert figures(seen) == (2, 2, 0)
    assert (seen.changed, seen.gone) == ({"v0", "v1"}, {"me"})
    room.obey(SMALL)
    assert room.look(0, ME).gone == {"v0", "v1"}


def test_a_total_under_the_rule_is_shown_as_it_came() -> None:
    room, counts = RoomModel(), (297, *[0] * 8)
    room.obey(SMALL)
    room.take(TotalEvent("room", 300, counts, 1, 1, least=5), 0)
    seen = room.look(0, ME)
    assert (seen.is_total, figures(seen), seen.least) == (True, (300, 297, 0), 5)


def test_an_exact_total_by_an_older_aggregator_is_rounded_here() -> None:
    room = RoomModel()
    room.obey(SMALL)
    room.take(TotalEvent("room", 300, (300, *[0] * 8), 1, 1), 0)
    assert figures(room.look(0, ME)) == (300, 297, 0)


def test_a_total_that_holds_no_counts_says_how_many_are_missing() -> None:
    room = RoomModel()
    room.take(TotalEvent("room", 3, (0,) * 9, 1, 1, edges=2, least=5), 0)
    seen = room.look(0, None)
    assert (seen.is_total, seen.viewers, seen.missing, seen.is_withheld) == (True, 3, 2, True)


@pytest.mark.parametrize(("ruled", "least", "missing"), [(0, 5, 1), (12, 3, 8)])
def test_below_so_many_nothing_of_a_total_is_shown_nor_beside_it(
    ruled: int, least: int, missing: int
) -> None:
    """Counts and what is beside them come in two messages; a rule can be newer than both."""
    room = RoomModel()
    room.obey(Conduct(least=ruled, teams=2, question=QUESTION))
    room.take(TotalEvent("room", 3, (3, *[0] * 8), 1, 1, edges=2, least=least), 0)
    nine = (0, 1, *[0] * 7)
    aside = Aside(nine, Answers(7, (3, 0)), (1,) * 8, {1: (6, *[0] * 8)})
    room.take(AsideTotalEvent("room", aside, 1, 1), 0)
    seen = room.look(0, ME)
    assert (figures(seen), seen.people) == ((4, 0, missing), 4)
    assert (seen.private, seen.answers, seen.reactions, seen.teams) == ((), None, (), {})
    assert room.subscribes_all is False


def test_a_blind_room_counts_those_too_who_report_privately() -> None:
    room = filled(2, BLIND)
    room.take(ReportEvent("room", "v9", Report(1, 1, Emotion.ANGER, 0, PRIVATE)), 0)
    seen = room.look(0, ME)
    assert (seen.is_blind, seen.viewers, seen.private) == (True, 3, ())


def test_a_blind_room_shows_itself_some_seconds_after_the_own_reaction() -> None:
    room = filled(3, BLIND)
    assert room.look(0, ME).is_blind
    room.react(10, is_reaction=False, is_sharing=True)
    assert room.look(9, ME).is_blind
    room.react(10, is_reaction=True, is_sharing=True)
    assert figures(room.look(12.9, ME)) == (3, 0, 0)
    assert figures(room.look(13, ME)) == (3, 3, 0)
    room.react(14, is_reaction=False, is_sharing=False)
    assert room.look(14, None).is_blind


@pytest.mark.parametrize(
    ("conduct", "words", "more"),
    [
        (SMALL, "2 viewers: 3 more for counts", {"withheld": "few", "missing": 3, "step": 3}),
        (BLIND, "2 viewers: the room shows", {"withheld": "blind", "missing": 0}),
    ],
)
def test_scripts_are_told_why_there_are_no_counts(
    conduct: Conduct, words: str, more: dict[str, object]
) -> None:
    event = RoomUpdate(1.0, filled(2, conduct).look(0, ME))
    told = room_json(event)
    assert [told[key] for key in ("counts", "unsure", "away")] == [None] * 3
    assert told == told | more
    assert words in room_text(event)


def test_counts_in_steps_are_said_to_be() -> None:
    event = RoomUpdate(1.0, filled(8, SMALL).look(0, ME))
    assert room_json(event)["step"] == 3
    assert "happiness 6 (in steps of 3)" in room_text(event)
