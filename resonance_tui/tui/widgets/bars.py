"""The room in numbers: seven horizontal bars, then everyone who shows no emotion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment

from resonance_tui.emotions import EMOTIONS, LOOKS, Code
from resonance_tui.tui.paint import BOLD, Line, Pen, bar, line_width
from resonance_tui.tui.widgets.lines import LineWidget

if TYPE_CHECKING:
    from resonance_tui.room.state import RoomSnapshot

WORD_CELLS = 10  # "happiness" and a space
NUMBER_CELLS = 11  # "  1234 100 %"
SHORT_NUMBER_CELLS = 9  # "1234 100%", below this width:
SHORT_BELOW = 40
LEADER = "▸"


class Bars(LineWidget):
    """Counts as bars, the largest highlighted; 100 % is everyone who shows an emotion."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[int, tuple[int, ...], int, int] = (0, (0,) * len(EMOTIONS), 0, 0)

    def show(self, room: RoomSnapshot) -> None:
        shown = (room.viewers, room.counts, room.unsure, room.away)
        if shown != self._shown:
            self._shown = shown
            self.redraw()

    def draw(self, pen: Pen, width: int, height: int) -> list[Line]:
        viewers, counts, unsure, away = self._shown
        totals = _totals(pen, viewers, unsure, away, width, height)
        room = height - len(totals)
        gap: list[Line] = [[]] if room >= 2 * len(EMOTIONS) else []
        lines = [
            line
            for code in _codes_that_fit(counts, room)
            for line in (_bar_line(pen, code, counts, width), *gap)
        ]
        if not gap and room > len(EMOTIONS):
            lines.append([])
        return [*lines, *totals]


def _codes_that_fit(counts: tuple[int, ...], room: int) -> tuple[Code, ...]:
    """All seven, or the largest few in their usual order where the screen is too low."""
    if room >= len(EMOTIONS):
        return EMOTIONS
    largest = sorted(EMOTIONS, key=lambda code: -counts[code])[: max(room, 0)]
    return tuple(sorted(largest))


def _bar_line(pen: Pen, code: Code, counts: tuple[int, ...], width: int) -> Line:
    count, total = counts[code], sum(counts)
    share = count / total if total else 0.0
    is_leader = count > 0 and count == max(counts)
    color = pen.emotion(code)
    text = color + BOLD if is_leader else pen.text if count else pen.muted
    is_short = width < SHORT_BELOW
    numbers = f"{count:>4}{share * 100:>4.0f}%" if is_short else f"{count:>5} {share * 100:>3.0f} %"
    line = [
        Segment(
            f"{LEADER if is_leader else ' '}{LOOKS[code].glyph} ", text if is_leader else color
        ),
        Segment(f"{code.word:<{WORD_CELLS}}", text),
    ]
    cells = width - 3 - WORD_CELLS - (SHORT_NUMBER_CELLS if is_short else NUMBER_CELLS)
    if cells >= 3:
        line += bar(share, cells, color, pen.track)
    return [*line, Segment(numbers, text)]


def _totals(pen: Pen, viewers: int, unsure: int, away: int, width: int, height: int) -> list[Line]:
    """One line where it fits, two where there is height for them, else without the words."""
    people = [
        Segment(f"   {viewers} ", pen.strong),
        Segment("viewer" if viewers == 1 else "viewers", pen.muted),
    ]
    states = [
        Segment(f"   {LOOKS[code].glyph} {count} {code.word}", pen.text if count else pen.muted)
        for code, count in ((Code.UNSURE, unsure), (Code.AWAY, away))
    ]
    if line_width([*people, *states]) <= width:
        return [[*people, *states]]
    if height >= len(EMOTIONS) + 2:
        return [people, states]
    short = f" {LOOKS[Code.UNSURE].glyph}{unsure} {LOOKS[Code.AWAY].glyph}{away}"
    return [[*people, Segment(short, pen.text)]]
