"""What the line widgets draw, without a screen: bars, columns, chips, text made harmless."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.room.state import ViewerRow
from resonance_tui.room.timeline import TimelinePoint
from resonance_tui.session import EngineState, EngineStatus
from resonance_tui.tui.actions import LIVE, history_actions
from resonance_tui.tui.state_words import NO_ENGINE, NO_FACE
from resonance_tui.tui.styles import Styles, banded, bar, column, fit, line_width
from resonance_tui.tui.widgets.bars import Bars, Shown
from resonance_tui.tui.widgets.keys import KeyBar, key_line
from resonance_tui.tui.widgets.preview import half_blocks
from resonance_tui.tui.widgets.resonance_line import (
    TOO_FEW,
    UNKNOWN,
    past,
    resonance_line,
    resonance_words,
)
from resonance_tui.tui.widgets.roster import anonymous, row_line
from resonance_tui.tui.widgets.self_panel import SelfPanel
from resonance_tui.tui.widgets.status import (
    SEPARATOR,
    Chip,
    arrange,
    chips,
    countdown,
    engine_chip,
)
from resonance_tui.tui.widgets.timeline import TimelinePanel, columns
from resonance_tui.widths import JOINERS, is_new_emoji, printable

from .fakes import corrected, points, room, view

PLAIN = Style(color="white", bgcolor="black")
PEN = Styles(PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN, PLAIN)
WIDTHS = st.integers(0, 200)


def text(line: list[Segment]) -> str:
    assert all(segment.style is not None for segment in line)
    return "".join(segment.text for segment in line)


PECULIAR = st.text("a 1漢👩🇩🏽\u0301\U0001faadශ්ر" + JOINERS, max_size=12)


@example("\U0001faad", 2)  # an emoji that Python 3.11 does not know
@example(JOINERS, 1)
@given(st.text(max_size=60) | PECULIAR, st.integers(0, 40))
def test_fitted_text_is_harmless_and_exact(raw: str, width: int):
    fitted = fit(raw, width)
    assert cell_len(fitted) == width
    assert all(c.isprintable() or c in JOINERS or is_new_emoji(c) for c in fitted)


def test_a_joiner_stays_between_letters_only():
    assert printable("ශ්\u200dරී می\u200cخ") == "ශ්\u200dරී می\u200cخ"
    assert printable("\u200da\u200c \u200d👩\u200d👩\u200c") == "a 👩👩"


def test_harmless_text_is_left_alone():
    assert printable("[red]Zoë 日本[/]") == "[red]Zoë 日本[/]"
    assert printable("\x1b[31mred\x07\n\u202e") == "[31mred"


@given(st.floats(-1, 2), WIDTHS)
def test_a_bar_fills_its_width(share: float, width: int):
    assert line_width(bar(share, width, PLAIN, PLAIN)) == width


def test_bars_and_columns_show_the_smallest_share():
    assert text(bar(0.0, 4, PLAIN, PLAIN)) == "────"
    assert text(bar(0.001, 4, PLAIN, PLAIN)) == "╸───"
    assert text(bar(0.5, 4, PLAIN, PLAIN)) == "━━──"
    assert text(bar(1.0, 4, PLAIN, PLAIN)) == "━━━━"
    assert [column(share) for share in (0, 0.001, 0.5, 1, 7)] == [" ", "▁", "▄", "█", "█"]


def test_the_largest_count_is_marked_not_only_coloured():
    bars = Bars()
    bars.show(room(30))
    lines = [text(line) for line in bars.draw(PEN, 60, 8)]
    counts = room(30).counts
    leaders = [line for line in lines if line.startswith("▸")]
    assert leaders and all(f" {max(counts)} " in line for line in leaders)
    assert sum(counts) + room(30).unsure + room(30).away == 30
    assert "30 viewers" in lines[-1]


@given(WIDTHS, st.integers(0, 30))
def test_bars_stay_inside_and_totals_stay_in_sight(width: int, height: int):
    bars = Bars()
    bars.show(room(9))
    lines = [text(line) for line in bars.draw(PEN, width, height)]
    assert len(lines) <= max(height, 1)
    assert "9 viewers" in "".join(lines)


def test_low_screens_keep_the_largest_counts():
    bars = Bars()
    bars._shown = Shown(20, (1, 2, 3, 4, 5, 5, 0))
    words = [text(line).split()[1] for line in bars.draw(PEN, 60, 4)[:3]]
    assert words == ["anger", "surprise", "disgust"]


# How the room moves together


def test_a_score_is_a_number_and_words():
    line = text(resonance_line(PEN, 0.42, points(9), 60, is_crowd=True))
    assert " resonance  42 %  partly together" in line
    assert any(step in line for step in "▁▂▃▄▅▆▇█")
    assert [resonance_words(score) for score in (0.0, 0.2, 1.0)] == [
        "each alone",
        "a little together",
        "as one",
    ]


def test_without_a_score_the_line_says_why():
    assert UNKNOWN in text(resonance_line(PEN, None, (), 60, is_crowd=True))
    assert TOO_FEW in text(resonance_line(PEN, None, (), 60, is_crowd=False))


@given(st.integers(28, 200), st.none() | st.floats(0, 1), st.booleans())
def test_the_line_of_the_score_stays_inside(width: int, score: float | None, is_crowd: bool):
    assert line_width(resonance_line(PEN, score, points(3), width, is_crowd=is_crowd)) <= width


def test_the_past_of_the_score_slides_and_keeps_gaps():
    made = points(20)
    before, after = past(made[:-3], 50), past(made, 50)
    assert before[1:-1] == after[1:-1]
    assert len(after) == 50 and after[0] is None
    assert all(step is not None for step in after[3:])
    gap = [TimelinePoint(point.t, 3, point.counts) for point in made[100:200]]
    known = [step is not None for step in past([*made[:100], *gap, *made[200:]], 50)]
    assert known.count(False) > 12
    assert past((), 3) == [None] * 3 and past(made, 0) == []


def test_the_screen_shows_the_score_under_the_counts():
    bars = Bars()
    bars.show(room(30), None, 0.42)
    assert "42 %" in text(bars.draw(PEN, 28, 10)[-1])
    assert not any("resonance" in text(line) for line in bars.draw(PEN, 40, 8))  # no room for it


# Corrected counts


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), WIDTHS)
def test_a_bar_with_a_band_fills_its_width(a: float, b: float, c: float, width: int):
    low, share, high = sorted((a, b, c))
    assert line_width(banded(low, share, high, width, PLAIN, PLAIN)) == width


def test_a_band_is_dashed_and_its_middle_marked():
    assert text(banded(0.2, 0.4, 0.8, 10, PLAIN, PLAIN)) == "━━╍╍┿╍╍╍──"
    assert text(banded(0.0, 0.0, 0.0, 4, PLAIN, PLAIN)) == "────"
    assert text(banded(1.0, 1.0, 1.0, 4, PLAIN, PLAIN)) == "━━━┿"


@pytest.mark.parametrize(
    ("width", "height"),
    [(68, 21), (38, 10), (38, 9), (28, 10), (28, 9), (28, 8), (40, 8), (200, 60)],
)
def test_corrected_counts_are_always_labelled(width: int, height: int):
    crowd = room(60)
    bars = Bars()
    bars.show(crowd, corrected(crowd), 0.4)
    lines = [text(line) for line in bars.draw(PEN, width, height)]
    assert "corrected" in "".join(lines)
    assert len(lines) <= height and all(cell_len(line) <= width for line in lines)
    neutral = next(line for line in lines if "neutral" in line)
    found = corrected(crowd)
    assert f" {found.counts[Emotion.NEUTRAL]:.0f} " in neutral
    low, high = found.low[Emotion.NEUTRAL], found.high[Emotion.NEUTRAL]
    assert f"{low:.0f}–{high:.0f}" in neutral
    assert bars.border_title == "the room feels · corrected"


@pytest.mark.parametrize(("width", "height"), [(68, 21), (38, 10), (28, 10)])
def test_a_small_room_is_shown_as_it_was_read(width: int, height: int):
    crowd = room(12)
    bars, plain = Bars(), Bars()
    plain.show(crowd)
    bars.show(crowd, corrected(crowd))
    lines = [text(line) for line in bars.draw(PEN, width, height)]
    assert "fewer than 50 viewers" in "".join(lines)
    raw = [text(line) for line in plain.draw(PEN, width, height)]
    assert [line for line in lines if "anger" in line] == [line for line in raw if "anger" in line]
    assert bars.border_title != "the room feels · corrected"


def test_back_to_raw_counts_the_label_goes():
    crowd = room(60)
    bars = Bars()
    bars.show(crowd, corrected(crowd))
    bars.show(crowd)
    assert bars.border_title == "the room feels"
    assert "corrected" not in "".join(text(line) for line in bars.draw(PEN, 68, 21))


@given(st.integers(20, 200), st.integers(0, 30), st.sampled_from([5, 60]))
def test_bars_stay_inside_whatever_they_show(width: int, height: int, viewers: int):
    crowd = room(viewers)
    bars = Bars()
    bars.show(crowd, corrected(crowd), 0.4)
    lines = [text(line) for line in bars.draw(PEN, width, height)]
    assert len(lines) <= max(height, 1)
    assert f" {viewers} " in "".join(lines)
    assert any(label in "".join(lines) for label in ("corrected", "raw"))


@given(WIDTHS)
def test_a_row_never_leaves_its_line(width: int):
    row = ViewerRow("abcd1234", "日本語の名前", Emotion.ANGER, 100, True, True, True)
    assert line_width(row_line(PEN, row, True, width)) <= max(width, 11)


def test_a_row_says_it_all_by_words():
    row = ViewerRow("ABCD1234", "", Emotion.FEAR, 71, True, True, False)
    line = text(row_line(PEN, row, False, 60))
    for part in ("◊", "anon-abcd", "fear", "71%", "sim key"):
        assert part in line
    away = ViewerRow("abcd1234", "zoe", Emotion.AWAY, 0, False, False, True)
    assert "away" in text(row_line(PEN, away, True, 60)) and "%" not in text(
        row_line(PEN, away, True, 60)
    )
    assert anonymous("") == "anon-"


def test_columns_end_now_and_keep_gaps():
    made = [TimelinePoint(1000.0 + s, 4, (4, 0, 0, 0, 0, 0, 0)) for s in (0, 1, 2, 90)]
    cols = columns(made, 100)
    assert len(cols) == 100 and cols[-1] is not None
    assert sum(col is not None for col in cols) in (2, 3)
    assert cols[-1].leader == Emotion.HAPPINESS and cols[-1].share(Emotion.HAPPINESS) == 1.0
    assert columns([], 5) == [None] * 5 and columns(made, 0) == []


def test_columns_slide_without_flicker():
    made = points(20)
    before, after = columns(made[:-3], 100), columns(made, 100)
    assert before[1:-1] == after[:-2]


def test_a_room_without_emotions_has_no_leader():
    [col] = columns([TimelinePoint(1.0, 3, (0,) * 7)], 1)
    assert col is not None and col.leader is None and col.share(Emotion.FEAR) == 0.0


@pytest.mark.parametrize("height", [1, 2, 3, 8])
@given(WIDTHS)
def test_the_timeline_stays_inside(height: int, width: int):
    timeline = TimelinePanel()
    timeline.show(points(5))
    lines = timeline.draw(PEN, width, height)
    assert len(lines) == height
    assert all(line_width(line) <= width for line in lines)


def test_the_mood_strip_needs_no_colour():
    timeline = TimelinePanel()
    timeline.show(points(40))
    strip = text(timeline.draw(PEN, 100, 1)[0])
    assert STYLES[Emotion.NEUTRAL].glyph in strip and STYLES[Emotion.HAPPINESS].glyph in strip


@pytest.mark.parametrize("at", [None, 103.0, 99.0])
def test_countdowns(at: float | None):
    assert countdown(at, 100.2) == {None: "", 103.0: "retry in 3 s", 99.0: "retrying"}[at]


@given(st.integers(0, 160))
def test_chips_fit_and_the_channel_goes_last(width: int):
    for group in chips(view(), 0.0):
        shown = arrange(group, width)
        cells = sum(cell_len(words) for words, _ in shown) + len(SEPARATOR) * (len(shown) - 1)
        assert cells <= max(width - 2, 0)
        assert len(shown) >= 1
    assert arrange(chips(view(), 0.0)[0], 14)[0][0] == "#movie-night"


def test_chips_shorten_before_they_go():
    items = [Chip("long words", "long", "text", 1), Chip("other words", "other", "text", 2)]
    assert [words for words, _ in arrange(items, 30)] == ["long words", "other words"]
    assert [words for words, _ in arrange(items, 20)] == ["long words", "other"]
    assert [words for words, _ in arrange(items, 15)] == ["long", "other"]
    assert [words for words, _ in arrange(items, 8)] == ["long"]


@given(st.integers(1, 100))
def test_help_and_quit_are_the_last_keys_to_go(width: int):
    line = text(KeyBar(LIVE).draw(PEN, width, 1)[0])
    assert cell_len(line) <= max(width, 1)
    if width >= 18:
        assert "? help" in line and "q quit" in line
    if width >= 24:
        assert "? help" in key_line(width, history_actions()).plain
        assert "q quit" in key_line(width, history_actions()).plain


def test_an_untrained_engine_that_failed_has_failed():
    failed = EngineStatus("c3d", EngineState.FAILED, "out of memory", is_trained=False)
    chip = engine_chip(view(engine=failed))
    assert (chip.long, chip.tone) == (f"✕ {NO_ENGINE[0]}", "bad")


@given(st.integers(10, 100), st.integers(1, 4), st.sampled_from(["", "own neutral, by key"]))
def test_own_state_names_the_emotion_and_a_baseline(width: int, height: int, baseline: str):
    own = SelfPanel()
    own._shown = (view().me, (), NO_FACE[0], baseline)
    lines = own.draw(PEN, width, height)
    assert len(lines) <= height
    assert "☺ happiness" in text(lines[0])
    assert ("you*" in text(lines[0]) or "own neutral" in text(lines[0])) == bool(baseline)


def test_half_blocks_show_the_upper_pixel_in_front():
    image = np.zeros((4, 4), np.uint8)
    image[0] = 255
    lines = half_blocks(image, 4, 2)
    assert [text(line) for line in lines] == ["▀▀▀▀", "▀▀▀▀"]
    style = lines[0][0].style
    assert style and style.color and style.color.name == "#ffffff"
    assert style.bgcolor and style.bgcolor.name == "#000000"
    assert len(lines[0]) == 1


def test_every_key_is_used_once_and_every_emotion_has_one():
    for table in (LIVE, history_actions()):
        keys = [key for action in table for key in action.keys]
        assert len(keys) == len(set(keys))
    assert {f"say({int(code)})" for code in EMOTIONS} <= {action.name for action in LIVE}
