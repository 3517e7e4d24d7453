"""How you and the room differ: a line, and the summary of an evening; with a clock of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonance_tui.charting.evening import picture_format, render_evening
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.room.together import LEAST_S, REMARK_S, WINDOW_S, Together

HAPPY, CALM, AWAY = Emotion.HAPPINESS, Emotion.NEUTRAL, Emotion.AWAY
LAUGHS, SITS = (9, 0, 1, 0, 0, 0, 0), (0, 0, 10, 0, 0, 0, 0)
NOBODY, ONE = (0,) * 7, (0, 0, 1, 0, 0, 0, 0)


def after(*parts: tuple[int, Emotion, tuple[int, ...]]) -> tuple[Together, float]:
    """So many seconds of each, four looks a second; and the time after them."""
    together, now = Together(), 100.0
    for seconds, own, others in parts:
        for look in range(4 * seconds):
            together.take(own, others, now + look / 4)
        now += seconds
    return together, now


def test_the_share_is_of_the_seconds_in_which_both_were_read() -> None:
    together, now = after((45, CALM, SITS), (15, HAPPY, SITS), (100, AWAY, SITS))
    assert together.share(now) == pytest.approx(0.75)
    assert together.evening.seconds == 60 and together.evening.alike == 45


def test_nothing_is_said_before_enough_is_known_nor_of_an_empty_room() -> None:
    together, now = after((LEAST_S - 1, CALM, SITS))
    assert together.line(now) == "" and together.evening.lines() == []
    for others in (NOBODY, ONE):
        alone, then = after((300, CALM, others))
        assert alone.line(then) == "" and not alone.evening.is_known


def test_what_is_long_ago_is_no_part_of_lately_and_stays_part_of_the_evening() -> None:
    together, now = after((100, HAPPY, SITS), (WINDOW_S, CALM, SITS))
    assert together.share(now) == 1.0
    assert together.evening.alike == WINDOW_S and together.evening.seconds == WINDOW_S + 100


def test_of_two_moods_that_are_as_common_each_is_alike() -> None:
    together, now = after((40, HAPPY, (5, 0, 5, 0, 0, 0, 0)))
    assert together.share(now) == 1.0


def test_a_laugh_alone_is_told_and_then_no_more() -> None:
    together, now = after((40, CALM, SITS), (3, HAPPY, SITS))
    assert together.line(now) == "you and the room: 93 % alike · you laughed when the room did not"
    assert "laughed" not in together.line(now + REMARK_S)
    assert together.evening.moments == {"alone": 1, "shared": 0, "missed": 0}


def test_a_laugh_with_the_room_and_one_without_you_are_told_apart() -> None:
    shared, now = after((40, CALM, SITS), (4, HAPPY, LAUGHS))
    assert shared.line(now).endswith("you laughed with the room")
    missed, now = after((40, CALM, SITS), (4, CALM, LAUGHS))
    assert missed.line(now).endswith("the room laughed and you did not")
    other, now = after((40, CALM, SITS), (4, Emotion.FEAR, SITS))
    assert other.line(now).endswith("you showed fear when the room did not")


def test_a_single_odd_second_is_no_moment_and_a_gap_begins_anew() -> None:
    together, now = after((40, CALM, SITS), (1, HAPPY, SITS), (5, CALM, SITS))
    assert together.last is None
    together.take(HAPPY, SITS, now)
    together.take(HAPPY, SITS, now + 60)  # nothing is known of the minute between
    assert together.last is None


def test_the_summary_says_how_the_evening_was() -> None:
    together, _ = after((300, CALM, SITS), (300, HAPPY, SITS))
    assert together.evening.lines() == [
        "You and the room: 50 % of 10 min alike.",
        "Moments: 0 with the room, 1 alone, 0 without you.",
        "More than the room you showed happiness: 50 % of the time, the others 0 %.",
    ]
    happiness = together.evening.shares()[0]
    assert happiness == (HAPPY, 0.5, 0.0)


def test_the_summary_is_a_picture_and_the_same_one_each_time() -> None:
    together, _ = after((60, CALM, SITS), (20, HAPPY, LAUGHS))
    picture = render_evening(together.evening, "cats", 1_795_371_000.0, "svg")
    assert picture == render_evening(together.evening, "cats", 1_795_371_000.0, "svg")
    text = picture.decode()
    assert "cats" in text and "You and the room" in text and "the others" in text


@pytest.mark.parametrize("name", ["evening", "evening.gif", "png"])
def test_a_file_that_is_no_picture_is_refused_before_the_evening(name: str) -> None:
    assert picture_format(Path("a.PNG")) == "png"
    with pytest.raises(InputError, match="name of none"):
        picture_format(Path(name))
