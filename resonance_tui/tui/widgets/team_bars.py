"""What each team of a recording felt, a bar a team."""

from __future__ import annotations

from collections.abc import Sequence

from resonance_tui.tui.styles import SegmentLine, Styles
from resonance_tui.tui.widgets.bars import team_lines
from resonance_tui.tui.widgets.line_widget import LineWidget


class TeamBars(LineWidget):
    """As high as there are teams. Means of nine counts; () for a team that was too small."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._teams: tuple[tuple[str, Sequence[float]], ...] = ()

    def show(self, teams: Sequence[tuple[str, Sequence[float]]]) -> None:
        if tuple(teams) == self._teams:
            return
        self._teams = tuple(teams)
        self.styles.height = len(self._teams)
        self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        return team_lines(pen, self._teams, width)
