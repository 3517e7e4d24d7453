"""Everything the history screen shows: the chart, and the lines and the list around it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from resonance_tui.charting.chart import ChartRequest
from resonance_tui.emotions import has_glyphs
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Recording, cut
from resonance_tui.tui.actions import Action
from resonance_tui.tui.widgets.chart import ChartWidget
from resonance_tui.tui.widgets.history_lines import (
    LIST_CELLS,
    legend_lines,
    moment_line,
    moment_list,
    reading_line,
    title_line,
    together_line,
)
from resonance_tui.tui.widgets.keys import key_line
from resonance_tui.tui.widgets.team_bars import TeamBars

_TOGETHER_NEEDS = 18  # rows of the screen
_TEAMS_NEED = 20  # rows of the screen beside those of the teams
_LIST_NEEDS = (100, 20)  # cells of the screen; smaller ones have the list's lines one at a time


class HistoryPanes(Vertical):
    """Shows the newest of what it is given, and the same again when its size changes."""

    DEFAULT_CSS = f"""
    HistoryPanes #title {{ height: 1; padding: 0 1; background: $boost; }}
    HistoryPanes #middle {{ height: 1fr; }}
    HistoryPanes #chart {{ width: 1fr; height: 1fr; }}
    HistoryPanes #moments {{
        width: {LIST_CELLS + 2}; height: 1fr; padding: 0 1; display: none; background: $surface;
    }}
    HistoryPanes #reading {{ height: 1; padding: 0 1; display: none; }}
    HistoryPanes #together {{ height: 1; padding: 0 1; display: none; }}
    HistoryPanes #teams {{ padding: 0 1; display: none; }}
    HistoryPanes #legend {{ height: auto; }}
    HistoryPanes #keys {{ height: 1; padding: 0 1; background: $boost; color: $text-muted; }}
    """

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions
        self._request: ChartRequest | None = None
        self._moment: Moment | Mark | None = None  # the one that was jumped to
        self._is_live = False

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="middle"):
            yield ChartWidget(id="chart")
            yield Static(id="moments")
        yield Static(id="reading")
        yield Static(id="together")
        yield TeamBars(id="teams")
        yield Static(id="legend")
        yield Static(id="keys")

    def on_resize(self) -> None:
        self._line("keys").update(key_line(self._width, self._actions))
        if self._request is not None:
            self.show(self._request, self._moment, is_live=self._is_live)

    @property
    def bins(self) -> int:
        """How many buckets of time the chart has room for."""
        if self._request is None:
            return 1
        return self.query_one(ChartWidget).bins(self._request.state.view)

    def say(self, title: str, text: str) -> None:
        """Words in place of a picture."""
        self._request = None
        self._line("title").update(Text(title, "bold"))
        for name in ("moments", "reading", "together"):
            self._line(name).display = False
        self.query_one(TeamBars).display = False
        self._line("legend").update("")
        self.query_one(ChartWidget).say(text)

    def show(self, request: ChartRequest, moment: Moment | Mark | None, *, is_live: bool) -> None:
        """`moment` is the one that was jumped to; `is_live` says that the recording goes on."""
        self._request, self._moment, self._is_live = request, moment, is_live
        window = request.state.window
        part = cut(request.recorded.track, window.start, window.end)
        self._line("title").update(title_line(self._width, request, part, is_live=is_live))
        self._show_moments(request)
        part = self._show_reading(request, part)
        self._show_together(request)
        self._show_teams(request)
        self._line("legend").update(
            legend_lines(
                self.size.width, request, part, is_plain=self.app.no_color or not has_glyphs()
            )
        )
        self.query_one(ChartWidget).show(request)

    def _show_reading(self, request: ChartRequest, visible: Recording) -> Recording:
        """The line of the cursor; returns what the legend is to tell of."""
        line, bucket = self._line("reading"), request.state.bucket(self.bins)
        line.display = bucket is not None
        if bucket is None:
            return visible
        part = cut(request.recorded.track, *bucket)
        if self._moment is not None:
            line.update(moment_line(self._width, self._moment, request))
        else:
            line.update(reading_line(self._width, request, part, bucket))
        return part

    def _show_together(self, request: ChartRequest) -> None:
        """What was sent and asked: under the cursor, or in all that is visible."""
        window, line = request.state.window, self._line("together")
        bucket = request.state.bucket(self.bins) or (window.start, window.end)
        words = together_line(request, *bucket)
        line.display = bool(words) and self.size.height >= _TOGETHER_NEEDS
        line.update(words)

    def _show_teams(self, request: ChartRequest) -> None:
        """What each felt under the cursor, or in all that is visible; one that never could be
        shown there has an empty bar."""
        window, bars = request.state.window, self.query_one(TeamBars)
        first, last = request.state.bucket(self.bins) or (window.start, window.end)
        teams = [(each.name, each.mean(first, last)) for each in request.teams]
        bars.display = bool(teams) and self.size.height >= _TEAMS_NEED + len(teams)
        bars.show(teams)

    def _show_moments(self, request: ChartRequest) -> None:
        box, (width, height) = self._line("moments"), _LIST_NEEDS
        has_room = self.size.width >= width and self.size.height >= height
        box.display = has_room and bool(request.points)
        if box.display:
            rows = self.query_one("#middle").size.height
            box.update(moment_list(rows, request, self._moment))

    def _line(self, name: str) -> Static:
        return self.query_one(f"#{name}", Static)

    @property
    def _width(self) -> int:
        return max(10, self.size.width - 2)
