"""Moments as a video's chapters: what a player accepts, whatever was found."""

from __future__ import annotations

import itertools
import re
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.history.cues.chapters import youtube, youtube_remark
from resonance_tui.history.cues.cue import CueSheet
from resonance_tui.history.cues.from_moments import Clip, note_of, sheet
from resonance_tui.history.cues.rates import DEFAULT_RATE
from resonance_tui.history.export import MOMENT_COLUMNS, moment_records
from resonance_tui.history.moments import NAMES, Moment

T0 = 1_795_345_080
END = T0 + 60_000


def moment(
    at: int, code: Emotion = Emotion.HAPPINESS, after: float = 0.61, chance: float = 0.0
) -> Moment:
    return Moment(T0 + at, 0.4, code, 0.2, after, 0.123456, "reaction", 8, chance)


def chapters(found: list[Moment], end: float = END) -> str:
    return "".join(youtube(sheet(found, T0, end), DEFAULT_RATE))


def test_chapters_as_in_a_description() -> None:
    found = [moment(754), moment(1201, Emotion.FEAR, 0.4)]
    assert chapters(found) == (
        "00:00 Start\n12:34 Laughter: happiness 61 %\n20:01 Scare: fear 40 %\n"
    )


def test_hours_are_written_throughout() -> None:
    assert chapters([moment(61), moment(3600)]).splitlines() == [
        "0:00:00 Start",
        "0:01:01 Laughter: happiness 61 %",
        "1:00:00 Laughter: happiness 61 %",
    ]


def test_none_is_a_start() -> None:
    assert chapters([]) == "00:00 Start\n"


def test_of_two_that_are_too_near_the_stronger_one_stays() -> None:
    assert "00:55 " in chapters([moment(50, after=0.4), moment(55, after=0.9)])
    assert "00:50 " in chapters([moment(50, after=0.9), moment(55, after=0.4)])


def test_the_last_chapter_is_ten_seconds_long() -> None:
    assert chapters([moment(100)], T0 + 109) == "00:00 Start\n"
    assert "01:40" in chapters([moment(100)], T0 + 110)


def test_two_chapters_are_too_few_for_youtube_and_that_is_said() -> None:
    assert "these are 2" in youtube_remark(sheet([moment(60)], T0, END))
    assert youtube_remark(sheet([moment(60), moment(90)], T0, END)) == ""


def test_chance_is_told_by_a_word() -> None:
    doubtful = moment(60, chance=0.5)
    assert "01:00 Laughter, perhaps: happiness 61 %" in chapters([doubtful])
    assert note_of(doubtful) == "most of the room, 8 s, perhaps"
    assert note_of(moment(60)) == "most of the room, 8 s, sure"


# Clips


def clip_of(at: int, clip: Clip, zero: float = T0, end: float = END) -> tuple[float, float]:
    (cue,) = sheet([moment(at)], zero, end, clip=clip).cues
    return float(cue.start), float(cue.end)


def test_a_clip_has_a_lead_in_and_stays_within_the_video() -> None:
    assert clip_of(100, Clip()) == (100, 108)
    assert clip_of(100, Clip(30)) == (90, 120)
    assert clip_of(100, Clip(30, 5)) == (95, 125)
    assert clip_of(100, Clip(None, 5)) == (95, 108)
    assert clip_of(4, Clip(30)) == (0, 30)
    assert clip_of(100, Clip(30), end=T0 + 110) == (90, 110)
    assert clip_of(100, Clip(30), zero=T0 + 26.5) == (63.5, 93.5)


def test_what_lies_before_the_video_is_left_out() -> None:
    found = sheet([moment(10), moment(100)], T0 + 26, END)
    assert [float(cue.at) for cue in found.cues] == [74]


def test_records_for_programs() -> None:
    (record,) = moment_records(sheet([moment(754)], T0 + 0.5, END, clip=Clip(30)))
    found = dict(zip(MOMENT_COLUMNS, record, strict=True))
    assert found["t"] == "2026-11-22T11:10:34Z"
    assert found["offset_s"] == 753.5
    assert (found["name"], found["emotion"], found["strength"]) == ("Laughter", "happiness", 0.123)
    assert (found["start_s"], found["end_s"], found["length_s"]) == (743.5, 773.5, 8)
    assert (found["part"], found["certainty"]) == ("most of the room", "sure")


def test_every_emotion_has_a_name_of_its_own() -> None:
    assert set(NAMES) == set(EMOTIONS)
    assert len(set(NAMES.values())) == len(EMOTIONS)


@given(st.lists(st.integers(-100, 50_000), unique=True).map(sorted), st.integers(1, 50_000))
def test_players_accept_them(offsets: list[int], length: int) -> None:
    """The first at zero, rising, each ten seconds or more, the last one included."""
    found: CueSheet = sheet([moment(at) for at in offsets], T0, T0 + length)
    lines = list(youtube(found, DEFAULT_RATE))
    stamps = [re.fullmatch(r"(?:(\d+):)?(\d\d):(\d\d) \S.*\n", line) for line in lines]
    times = [3600 * int(m[1] or 0) + 60 * int(m[2]) + int(m[3]) for m in stamps if m]
    assert len(times) == len(lines)
    assert times[0] == 0
    assert all(b - a >= 10 for a, b in itertools.pairwise(times))
    assert len(times) == 1 or length - times[-1] >= 10


@given(st.lists(st.integers(-100, 5_000), unique=True).map(sorted), st.integers(1, 5_000))
def test_no_cue_is_empty_or_leaves_the_video(offsets: list[int], length: int) -> None:
    for clip in (Clip(), Clip(30), Clip(0.5, 0.1), Clip(None, 20)):
        found = sheet([moment(at) for at in offsets], T0, T0 + length, clip=clip)
        starts = [cue.start for cue in found.cues]
        assert starts == sorted(starts)
        for cue in found.cues:
            assert 0 <= cue.start < cue.end <= max(found.length, Fraction(1))
