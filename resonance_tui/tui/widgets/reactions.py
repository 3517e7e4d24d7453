"""Reactions on the live screen: the palette of keys, and the column in which they float."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.reaction_kinds import Reaction
from resonance_tui.texts import tr
from resonance_tui.tui.floating import Floating
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles, fit
from resonance_tui.tui.widgets.line_widget import LineWidget

GAP = "  "
COUNT_MOST = 999  # a larger one is drawn as this


class ReactionBar(LineWidget):
    """The keys of the palette, in the place of the key bar while it is open."""

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        back = f"esc {tr('back')}"
        texts = [(f"{kind + 1}", f" {kind.sign} {kind.label}{GAP}") for kind in Reaction]
        if sum(cell_len(key + text) for key, text in texts) + len(back) + 1 > width:
            texts = [(f"{kind + 1}", f"{kind.sign} ") for kind in Reaction]
        line: SegmentLine = [Segment(" ", pen.text)]
        for key, text in texts:
            line += [Segment(key, pen.accent + BOLD), Segment(text, pen.text)]
        left = width - sum(cell_len(segment.text) for segment in line)
        return [[*line, Segment(fit(back, max(left, 0)), pen.muted)]]


class ReactionRail(LineWidget):
    """A small column at the screen's edge. It is there once the room has sent something."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._floating = Floating()
        self._lines: list[tuple[Reaction, int] | None] = []

    @property
    def is_busy(self) -> bool:
        """Whether something is in the air, as of the last `show`."""
        return any(self._lines)

    def show(self, total: Sequence[int], now: float, *, is_still: bool) -> None:
        """`total`: eight counts of the room, or (). `now`: monotonic seconds."""
        self._floating.is_still = is_still
        self._floating.take(total, now)
        lines = self._floating.lines(now, self.size.height)
        if lines != self._lines:
            self._lines = lines
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        return [[Segment(rail_text(each, width), pen.accent)] for each in self._lines[:height]]


def rail_text(line: tuple[Reaction, int] | None, width: int) -> str:
    """ "♥", "♥ 12": a sign, and how many where there is more than one."""
    if line is None:
        return ""
    kind, count = line
    said = kind.sign if count == 1 else f"{kind.sign} {min(count, COUNT_MOST)}"
    return fit(said, width)
