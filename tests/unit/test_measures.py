"""What a session works out from the counts, and what it says where it cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from resonance_tui.commands.headless import room_text
from resonance_tui.emotions import Emotion
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot, ViewerRow
from resonance_tui.session import CorrectedCounts, RoomUpdate
from resonance_tui.session.json_events import room_json
from resonance_tui.session.metrics import RoomMetrics

T0 = 1_767_225_600.0


def room(*codes: Emotion) -> RoomSnapshot:
    rows = tuple(
        ViewerRow(f"v{i}", "", code, 60, False, False, False) for i, code in enumerate(codes)
    )
    counts = tuple(codes.count(code) for code in list(Emotion)[:7])
    return replace(EMPTY_ROOM, viewers=len(codes), counts=counts, rows=rows)


CALM = room(*[Emotion.NEUTRAL] * 60, *[Emotion.SADNESS] * 6)


def taken(measures: RoomMetrics, what: RoomSnapshot, engine: str = "static") -> RoomMetrics:
    measures.take(what, T0, engine, is_fact=True)
    return measures


async def correcting(engine: str = "static") -> RoomMetrics:
    measures = RoomMetrics()
    measures.correct(True)
    await measures.learn(engine)
    return measures


def test_the_room_moves_together() -> None:
    measures = RoomMetrics()
    for second in range(40):
        mood = Emotion(second // 4 % 7)
        measures.take(room(mood, mood, mood), T0 + second, "static", is_fact=True)
    assert measures.resonance == 1.0
    measures.take(EMPTY_ROOM, T0 + 40, "static", is_fact=False)
    assert measures.resonance is None


def test_seconds_that_are_no_facts_are_not_added_up() -> None:
    measures = RoomMetrics()
    for second in range(40):
        measures.take(room(*[Emotion(second % 7)] * 3), T0 + second, "static", is_fact=second > 35)
    assert measures.resonance is None


async def test_nothing_is_corrected_unless_it_is_wanted() -> None:
    measures = RoomMetrics()
    await measures.learn("static")
    assert taken(measures, CALM).corrected is None
    measures = taken(await correcting(), CALM)
    assert measures.corrected is not None
    measures.correct(False)
    assert taken(measures, CALM).corrected is None


async def test_calm_that_was_taken_for_sadness_is_calm_again() -> None:
    found = taken(await correcting(), CALM).corrected
    assert found is not None and not found.lacking
    assert found.engine == "static"
    assert found.counts[Emotion.NEUTRAL] > 60
    assert sum(found.counts) == pytest.approx(66, abs=0.5)
    for low, count, high in zip(found.low, found.counts, found.high, strict=True):
        assert 0 <= low <= count <= high <= 66


async def test_few_viewers_are_not_corrected() -> None:
    found = taken(await correcting(), room(*[Emotion.NEUTRAL] * 19)).corrected
    assert found == CorrectedCounts("static", lacking="fewer than 50 viewers")


async def test_an_engine_of_which_nobody_knows_how_often_it_errs() -> None:
    found = taken(await correcting("former_dfer"), CALM, "former_dfer").corrected
    assert found is not None
    assert found.counts == ()
    assert "former_dfer" in found.lacking


async def test_another_engine_has_other_mistakes() -> None:
    measures = taken(await correcting(), CALM)
    first = measures.corrected
    assert taken(measures, CALM, "mae_dfer").corrected == first  # its card is not read yet
    await measures.learn("mae_dfer")
    second = taken(measures, CALM, "mae_dfer").corrected
    assert second is not None
    assert second.engine == "mae_dfer"


async def test_without_a_camera_the_default_engine_stands_for_auto() -> None:
    found = taken(await correcting("auto"), CALM, "auto").corrected
    assert found is not None
    assert found.engine == "static"


# Private reports

ANSWERS = (30, 8, 50, 9, 10, 7, 8, 12, 10)


def test_private_answers_are_estimated_with_a_band() -> None:
    measures = taken(RoomMetrics(), replace(CALM, private=ANSWERS))
    found = measures.private
    assert found is not None and (found.viewers, found.epsilon) == (144, 2.0)
    assert sum(found.counts) == pytest.approx(144, abs=0.5)
    assert found.counts[Emotion.NEUTRAL] > ANSWERS[Emotion.NEUTRAL]
    assert taken(measures, CALM).private is None


def test_too_few_private_answers_are_counted_and_not_read() -> None:
    found = taken(RoomMetrics(), replace(CALM, private=(3, *(0,) * 8))).private
    assert found is not None and found.viewers == 3
    assert (found.counts, found.lacking) == ((), "fewer than 34 viewers")


async def test_corrected_counts_hold_open_and_private_viewers_with_both_doubts() -> None:
    open_ones = taken(await correcting(), CALM).corrected
    both = taken(await correcting(), replace(CALM, private=ANSWERS)).corrected
    assert open_ones is not None and both is not None
    assert both.counts[Emotion.NEUTRAL] > open_ones.counts[Emotion.NEUTRAL] + 30
    assert sum(both.counts) < 66 + 144  # away and unsure are no emotions
    for code in Emotion(0), Emotion.NEUTRAL:
        width = both.high[code] - both.low[code]
        assert width > open_ones.high[code] - open_ones.low[code]


def test_a_line_tells_of_private_viewers() -> None:
    found = taken(RoomMetrics(), replace(CALM, private=ANSWERS)).private
    told = room_text(RoomUpdate(T0, CALM, private=found))
    assert "; 144 private, about: happiness " in told and "±" in told
    data = room_json(RoomUpdate(T0, CALM, private=found))["private"]
    assert data["viewers"] == 144 and data["counts"].keys() == {each.word for each in Emotion}
    nobody = replace(EMPTY_ROOM, private=ANSWERS)
    assert room_text(RoomUpdate(T0, nobody, private=found)).startswith(
        "room  nobody reports openly"
    )


# As lines


def event(score: float | None, corrected: CorrectedCounts | None = None) -> RoomUpdate:
    return RoomUpdate(T0, CALM, score, corrected)


def test_a_line_of_json_holds_the_score() -> None:
    assert room_json(event(0.4234))["resonance"] == 0.42
    assert room_json(event(None))["resonance"] is None
    assert "corrected" not in room_json(event(0.4))
    assert room_text(event(0.42)) == "room  66 viewers: sadness 6, neutral 60; resonance 40 %"
    assert room_text(event(None)) == "room  66 viewers: sadness 6, neutral 60"


async def test_a_line_holds_corrected_counts_when_asked() -> None:
    found = taken(await correcting(), CALM).corrected
    line = json.loads(json.dumps(room_json(event(0.4, found))))
    assert line["corrected"]["counts"]["neutral"] > 60
    assert line["corrected"]["low"]["neutral"] < 60 < line["corrected"]["high"]["neutral"]
    assert line["corrected"]["engine"] == "static"
    assert "; corrected: " in room_text(event(0.4, found))


def test_a_line_says_why_there_are_none() -> None:
    none = CorrectedCounts("static", lacking="fewer than 50 viewers")
    line = room_json(event(0.4, none))["corrected"]
    assert (line["counts"], line["lacking"]) == (None, "fewer than 50 viewers")
    assert room_text(event(0.4, none)).endswith("; corrected: fewer than 50 viewers")
