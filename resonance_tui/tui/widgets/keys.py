"""The keys at the bottom of a screen, from its table of actions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from resonance_tui.tui.actions import Action, bar_entries
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles
from resonance_tui.tui.widgets.line_widget import LineWidget

GAP = "  "


class KeyBar(LineWidget):
    """The keys by name; a click does the same."""

    def __init__(self, actions: Sequence[Action], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions = actions

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        line: SegmentLine = [Segment(" ", pen.text)]
        for entry in bar_entries(self._actions, width - 1, len(GAP)):
            meta = {"@click": f"screen.{entry.action}"}
            click = Style.from_meta(meta) if entry.action else Style.null()
            line += [
                Segment(f"{entry.keys} ", pen.accent + BOLD + click),
                Segment(entry.label, pen.muted + click),
                Segment(GAP, pen.text),
            ]
        return [line]


def key_line(width: int, actions: Sequence[Action]) -> Text:
    """The keys as one line of at most `width` cells."""
    line = Text(no_wrap=True)
    for entry in bar_entries(actions, width + len(GAP), len(GAP)):
        line.append(GAP if line else "").append(entry.keys, "bold").append(f" {entry.label}")
    return line
