"""Brushes for widgets that draw line by line: styles, bars, and text that cannot do harm."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from resonance_tui.emotions import STYLES, Emotion
from resonance_tui.widths import cut, printable

SegmentLine = list[Segment]

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
    is_old: bool = False  # what is drawn holds no more: no colour, that of emotions included

    def emotion(self, code: Emotion) -> Style:
        return self.muted if self.is_old else self.text + _emotion_style(code)

    @property
    def strong(self) -> Style:
        return self.text + BOLD


BOLD = Style(bold=True)
DIM = Style(dim=True)
_EMOTION_STYLES = {code: Style(color=look.color) for code, look in STYLES.items()}


def _emotion_style(code: Emotion) -> Style:
    return _EMOTION_STYLES[code]


def fit(text: str, width: int) -> str:
    """`text` made harmless and exactly `width` cells wide, cut with an ellipsis.

    It is cut by the most that a terminal may take for it, and filled by what Rich counts: with
    `placed`, whatever the terminal counts stays inside.
    """
    if width <= 0:
        return ""
    return set_cell_size(cut(printable(text), width), width)


def centred(text: str, width: int) -> str:
    """`text` in the middle of `width` cells; cut where it is longer."""
    free = width - cell_len(text)
    return fit(" " * (free // 2 + (free & width & 1)) + text, width)  # as `str.center` would


def bar(share: float, width: int, filled: Style, track: Style) -> SegmentLine:
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


def banded(
    low: float, share: float, high: float, width: int, filled: Style, track: Style
) -> SegmentLine:
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


def label_cells() -> int:
    """Room for any emotion's word and a space: 10 in English."""
    return 1 + max(cell_len(code.label) for code in STYLES)


def line_width(line: SegmentLine) -> int:
    return sum(cell_len(segment.text) for segment in line)
