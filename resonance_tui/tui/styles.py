"""Brushes for widgets that draw line by line: styles, bars, and text that cannot do harm."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from resonance_tui.emotions import STYLES, Emotion
from resonance_tui.widths import JOINERS, cut, is_new_emoji

Line = list[Segment]

RISING = " ▁▂▃▄▅▆▇█"  # a cell filled by 0/8 to 8/8 from below


@dataclass(frozen=True, slots=True)
class Styles:
    """The styles of one widget under the current theme. None is ever absent: a segment without a
    style ends the app under NO_COLOR."""

    text: Style
    muted: Style
    good: Style
    warn: Style
    bad: Style
    accent: Style
    track: Style

    def emotion(self, code: Emotion) -> Style:
        return self.text + _emotion_style(code)

    @property
    def strong(self) -> Style:
        return self.text + BOLD


BOLD = Style(bold=True)
DIM = Style(dim=True)
_EMOTION_STYLES = {code: Style(color=look.color) for code, look in STYLES.items()}


def _emotion_style(code: Emotion) -> Style:
    return _EMOTION_STYLES[code]


# A joiner that stands before no letter or behind nothing joins what we put beside it.
_LOOSE_JOINER = re.compile(rf"(?<!\S)[{JOINERS}]+|[{JOINERS}]+(?![^\W\d_])")


def printable(text: str) -> str:
    """`text` without anything that a terminal could act on. Of the joiners, those before a letter
    stay; so do emoji that are newer than this Python."""
    if text.isprintable():
        return text
    return _LOOSE_JOINER.sub("", "".join(filter(_is_drawn, text)))


def _is_drawn(char: str) -> bool:
    return char.isprintable() or char in JOINERS or is_new_emoji(char)


def fit(text: str, width: int) -> str:
    """`text` made harmless and exactly `width` cells wide, cut with an ellipsis.

    It is cut by the most that a terminal may take for it, and filled by what Rich counts: with
    `placed`, whatever the terminal counts stays inside.
    """
    if width <= 0:
        return ""
    return set_cell_size(cut(printable(text), width), width)


def bar(share: float, width: int, filled: Style, track: Style) -> Line:
    """A horizontal bar of `width` cells in steps of half a cell; `share` is 0-1."""
    halves = round(min(max(share, 0.0), 1.0) * width * 2)
    if share > 0 and width > 0:
        halves = max(halves, 1)  # something is never drawn as nothing
    full, rest = divmod(halves, 2)
    head = "━" * full + "╸" * rest
    pieces = [Segment(head, filled)] if head else []
    if len(head) < width:
        pieces.append(Segment("─" * (width - len(head)), track))
    return pieces


def banded(low: float, share: float, high: float, width: int, filled: Style, track: Style) -> Line:
    """A bar that says how sure it is: full up to `low`, dashed to `high`, a mark at `share`."""
    ends = (round(min(max(edge, 0.0), 1.0) * width) for edge in (low, share, high))
    full, mark, end = ends
    cells = ["━"] * full + ["╍"] * (max(end, full) - full)
    if cells:
        cells[min(mark, len(cells) - 1)] = "┿"
    pieces = [Segment("".join(cells), filled)] if cells else []
    if len(cells) < width:
        pieces.append(Segment("─" * (width - len(cells)), track))
    return pieces


def column(share: float) -> str:
    """One cell of a sparkline; `share` is 0-1."""
    level = round(min(max(share, 0.0), 1.0) * 8)
    return RISING[max(level, 1) if share > 0 else 0]


def line_width(line: Line) -> int:
    return sum(cell_len(segment.text) for segment in line)
