"""What screens say of private reports: counts beside the bars, no single one, what is spent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from resonance_tui.emotions import Emotion
from resonance_tui.room.state import ViewerRow
from resonance_tui.session import PrivateCounts
from resonance_tui.session.private_voice import PrivacyView
from resonance_tui.tui.widgets.bars import Bars
from resonance_tui.tui.widgets.roster import row_line
from resonance_tui.tui.widgets.status import sharing_chip, size_chip

from .fakes import corrected, room, view
from .test_drawing import PEN, text

COUNTS = (44.0, -3.0, 58.4, 2.0, 12.0, 0.0, 3.0, 7.0, 15.0)
LOW = tuple(max(count - 10, 0) for count in COUNTS)
HIGH = tuple(count + 10 for count in COUNTS)
CROWD = PrivateCounts(121, 2.0, COUNTS, LOW, HIGH)
FEW = PrivateCounts(3, 2.0, lacking="fewer than 34 viewers")


def drawn(width: int, height: int, private: PrivateCounts) -> list[str]:
    bars = Bars()
    bars.show(room(30), private=private)
    return [text(line) for line in bars.draw(PEN, width, height)]


def test_the_estimate_stands_beside_the_bars_with_half_its_band() -> None:
    (line,) = [each for each in drawn(60, 12, CROWD) if "private" in each]
    assert line.split()[:5] == ["121", "private", "─", "58±10", "☺"]
    assert "-3" not in line and len(line) <= 60


def test_a_crowd_that_is_too_small_is_told_as_such() -> None:
    (line,) = [each for each in drawn(60, 12, FEW) if "private" in each]
    assert line.strip() == "3 private fewer than 34 viewers"


@pytest.mark.parametrize("width", [30, 40, 60])
@pytest.mark.parametrize("height", [4, 8, 9, 12])
@pytest.mark.parametrize("private", [CROWD, FEW])
def test_it_stays_inside_and_private_viewers_in_sight(
    width: int, height: int, private: PrivateCounts
) -> None:
    lines = drawn(width, height, private)
    assert len(lines) <= height
    assert any(str(private.viewers) in line for line in lines)


def test_beside_corrected_counts_on_a_narrow_screen_both_are_told() -> None:
    bars, seen = Bars(), room(60)
    bars.show(seen, corrected(seen), private=CROWD)
    last = text(bars.draw(PEN, 30, 8)[-1])
    assert "+121" in last and last.endswith("corrected")


def test_no_single_private_viewer_is_shown_with_an_emotion() -> None:
    row = ViewerRow("mia", "mia", Emotion.ANGER, 0, False, False, False, is_private=True)
    line = text(row_line(PEN, row, False, 44))
    assert "private" in line and "anger" not in line and "%" not in line
    assert line.startswith("?")


def test_what_is_spent_is_shown_while_one_shares_privately() -> None:
    chip = sharing_chip(view(privacy=PrivacyView(2.0, 6.0, 18.0)))
    assert "ε 2 a state: 6 of 18 spent" in chip.long and chip.short.endswith("6/18")
    assert "private" not in sharing_chip(view()).long


def test_everybody_is_here_those_too_who_report_privately() -> None:
    seen = replace(room(5), private=(3, 0, 0, 0, 0, 0, 0, 0, 1))
    chip = size_chip(view(room=seen))
    assert chip is not None and chip.long == "9 here"
