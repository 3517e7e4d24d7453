"""What happened in the room lately, on one line: the newest first, older ones while they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.texts import tr
from resonance_tui.tui.styles import SegmentLine, Styles, fit
from resonance_tui.tui.widgets.line_widget import LineWidget
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from resonance_tui.session import HappeningUpdate

SIGNS = {
    "joined": "→",
    "left": "←",
    "laugh": "☺",
    "gasp": "○",
    "link_lost": "✕",
    "link_back": "●",
    "host": "»",
    "recording_on": "◉",
    "recording_off": "■",
}
GONE_AFTER_S = 600.0
SEPARATOR = "   "


def age_words(seconds: float) -> str:
    """ "just now", "3 min ago": as seldom another text as is useful."""
    minutes = int(max(seconds, 0.0) // 60)
    return tr("{minutes} min ago", minutes=minutes) if minutes else tr("just now")


def event_texts(happenings: Sequence[HappeningUpdate], now: float, width: int) -> list[str]:
    """The newest happening first, cut where it must be; older ones as long as they fit whole.
    `now`: epoch seconds, as the happenings have."""
    texts: list[str] = []
    room = width - 2
    for event in reversed(happenings):
        if now - event.t > GONE_AFTER_S:
            break
        line = f"{SIGNS[event.kind]} {printable(tr(event.text))} · {age_words(now - event.t)}"
        cells = cell_len(line) + len(SEPARATOR) * bool(texts)
        if texts and cells > room:
            break
        texts.append(line if cells <= room else fit(line, max(room, 0)))
        room -= cells
    return texts


class EventLine(LineWidget):
    """Always one line, so that nothing moves when something happens."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._happenings: tuple[HappeningUpdate, ...] = ()
        self._now = 0.0
        self._drawn: list[str] | None = None
        self._aside = ""

    def show(self, happenings: tuple[HappeningUpdate, ...], now: float, aside: str = "") -> None:
        """`now`: epoch seconds. `aside`: stands at the end of the line, where there is room beside
        the newest happening; older ones make room for it."""
        is_same = aside == self._aside
        self._happenings, self._now, self._aside = happenings, now, aside
        if not is_same or self._texts(self.size.width) != self._drawn:
            self.redraw()

    def _texts(self, width: int) -> list[str]:
        return event_texts(self._happenings, self._now, width - self._aside_cells(width))

    def _aside_cells(self, width: int) -> int:
        """Of the aside and the gap before it; 0 where it does not fit."""
        newest = event_texts(self._happenings[-1:], self._now, width)
        taken = 2 + sum(map(cell_len, newest))
        cells = cell_len(self._aside) + len(SEPARATOR) if self._aside else 0
        return cells if taken + cells <= width else 0

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        self._drawn = self._texts(width)
        line = [Segment(" ", pen.text)]
        for index, text in enumerate(self._drawn):
            line.append(Segment(SEPARATOR * (index > 0) + text, pen.muted if index else pen.text))
        if aside_cells := self._aside_cells(width):
            used = sum(cell_len(segment.text) for segment in line)
            gap = width - 1 - used - (aside_cells - len(SEPARATOR))
            line += [Segment(" " * gap, pen.text), Segment(self._aside, pen.muted)]
        return [line]
