"""The keys at the bottom, from the registry of actions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from resonance_tui.tui.actions import Action, key_name
from resonance_tui.tui.styles import BOLD, Line, Styles
from resonance_tui.tui.widgets.line_widget import LineWidget

GAP = "  "


class KeyBar(LineWidget):
    """The keys by name, from the registry; a click does the same."""

    def __init__(self, actions: Sequence[Action], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions = [action for action in actions if action.label]

    def draw(self, pen: Styles, width: int, height: int) -> list[Line]:
        line: Line = [Segment(" ", pen.text)]
        for key, label, action in self._that_fit(width - 1):
            click = Style.from_meta({"@click": f"screen.{action}"}) if action else Style.null()
            line += [
                Segment(f"{key} ", pen.accent + BOLD + click),
                Segment(label, pen.muted + click),
                Segment(GAP, pen.text),
            ]
        return [line]

    def _that_fit(self, room: int) -> list[tuple[str, str, str]]:
        """(key, label, action) in the registry's order; the last ones lead out and go last."""
        own = [(key_name(action.keys[0]), action.label, action.name) for action in self._actions]
        entries = [*own[:-2], ("1-7", "say", ""), ("0", "unsay", ""), *own[-2:]]
        kept: set[str] = set()
        for key, label, _ in [*reversed(own[-2:]), *entries]:
            cells = len(key) + 1 + len(label) + len(GAP)
            if key not in kept and cells <= room:
                kept.add(key)
                room -= cells
        return [entry for entry in entries if entry[0] in kept]
