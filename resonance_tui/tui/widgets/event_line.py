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

    def show(self, happenings: tuple[HappeningUpdate, ...], now: float) -> None:
        """`now`: epoch seconds."""
        self._happenings, self._now = happenings, now
        if event_texts(happenings, now, self.size.width) != self._drawn:
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        self._drawn = event_texts(self._happenings, self._now, width)
        line = [Segment(" ", pen.text)]
        for index, text in enumerate(self._drawn):
            line.append(Segment(SEPARATOR * (index > 0) + text, pen.muted if index else pen.text))
        return [line]
