"""Moments as a video's chapters: what a player accepts, whatever was found."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.history.export import MOMENT_COLUMNS, moment_records, to_chapters
from resonance_tui.history.moments import NAMES, Moment

T0 = 1_795_345_080


def moment(at: int, code: Emotion = Emotion.HAPPINESS, after: float = 0.61) -> Moment:
    return Moment(T0 + at, 0.4, code, 0.2, after, 0.123456, "reaction")


def test_chapters_as_in_a_description() -> None:
    found = [moment(754), moment(1201, Emotion.FEAR, 0.4)]
    assert "".join(to_chapters(found, T0)) == (
        "00:00 Start\n12:34 Laughter: happiness 61 %\n20:01 Scare: fear 40 %\n"
    )


def test_hours_are_written_throughout() -> None:
    assert list(to_chapters([moment(61), moment(3600)], T0)) == [
        "0:00:00 Start\n",
        "0:01:01 Laughter: happiness 61 %\n",
        "1:00:00 Laughter: happiness 61 %\n",
    ]


def test_none_is_a_start() -> None:
    assert list(to_chapters([], T0)) == ["00:00 Start\n"]


def test_records_for_programs() -> None:
    (record,) = moment_records([moment(754)], T0)
    found = dict(zip(MOMENT_COLUMNS, record, strict=True))
    assert found["t"] == "2026-11-22T11:10:34Z"
    assert found["offset_s"] == 754
    assert (found["name"], found["emotion"], found["strength"]) == ("Laughter", "happiness", 0.123)


def test_every_emotion_has_a_name_of_its_own() -> None:
    assert set(NAMES) == set(EMOTIONS)
    assert len(set(NAMES.values())) == len(EMOTIONS)


@given(st.lists(st.integers(-100, 50_000), unique=True).map(sorted))
def test_players_accept_them(offsets: list[int]) -> None:
    """The first at zero, rising, each ten seconds or more."""
    lines = list(to_chapters([moment(at) for at in offsets], T0))
    stamps = [re.fullmatch(r"(?:(\d+):)?(\d\d):(\d\d) \S.*\n", line) for line in lines]
    times = [3600 * int(m[1] or 0) + 60 * int(m[2]) + int(m[3]) for m in stamps if m]
    assert len(times) == len(lines)
    assert times[0] == 0
    assert all(b - a >= 10 for a, b in itertools.pairwise(times))
