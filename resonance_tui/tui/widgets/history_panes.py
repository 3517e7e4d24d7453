"""Everything the history screen shows: the chart, and the lines and the list around it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from resonance_tui.charting.view_state import ViewState
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Recorded, Recording, cut
from resonance_tui.tui.widgets.chart import Chart
from resonance_tui.tui.widgets.drawing import ChartView
from resonance_tui.tui.widgets.history_lines import (
    hint_line,
    legend_lines,
    reading_line,
    title_line,
)
from resonance_tui.tui.widgets.moment_list import LIST_CELLS, moment_line, moment_list

_LIST_NEEDS = (100, 20)  # cells of the screen; smaller ones have the list's lines one at a time


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be seen, whatever the size of the screen."""

    channel: str
    recorded: Recorded
    look: ViewState
    moments: tuple[Moment, ...]
    moment: Moment | None  # the one that was jumped to
    is_live: bool
    zone: tzinfo | None


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
    HistoryPanes #legend {{ height: auto; }}
    HistoryPanes #hint {{ height: 1; padding: 0 1; background: $boost; color: $text-muted; }}
    """

    def __init__(self, *, is_correctable: bool) -> None:
        super().__init__()
        self._is_correctable = is_correctable
        self._shown: Shown | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal(id="middle"):
            yield Chart(id="chart")
            yield Static(id="moments")
        yield Static(id="reading")
        yield Static(id="legend")
        yield Static(id="hint")

    def on_resize(self) -> None:
        self._line("hint").update(hint_line(self._width, is_correctable=self._is_correctable))
        if self._shown is not None:
            self.show(self._shown)

    @property
    def bins(self) -> int:
        """How many buckets of time the chart has room for."""
        if self._shown is None:
            return 1
        return self.query_one(Chart).bins(self._shown.look.view)

    def say(self, title: str, text: str) -> None:
        """Words in place of a picture."""
        self._shown = None
        self._line("title").update(Text(title, "bold"))
        for name in ("moments", "reading"):
            self._line(name).display = False
        self._line("legend").update("")
        self.query_one(Chart).say(text)

    def show(self, shown: Shown) -> None:
        self._shown = shown
        recorded, look = shown.recorded, shown.look
        part = cut(recorded.track, look.window.start, look.window.end)
        self._line("title").update(
            title_line(self._width, shown.channel, look, part, shown.zone, is_live=shown.is_live)
        )
        self._show_moments(shown)
        part = self._show_reading(shown, part)
        self._line("legend").update(
            legend_lines(self.size.width, recorded, part, look, is_plain=self.app.no_color)
        )
        times = tuple(moment.t for moment in shown.moments)
        self.query_one(Chart).show(ChartView(recorded, look, times, shown.zone))

    def _show_reading(self, shown: Shown, visible: Recording) -> Recording:
        """The line of the cursor; returns what the legend is to tell of."""
        line, bucket = self._line("reading"), shown.look.bucket(self.bins)
        line.display = bucket is not None
        if bucket is None:
            return visible
        part = cut(shown.recorded.track, *bucket)
        if shown.moment is not None:
            line.update(moment_line(self._width, shown.moment, shown.moments, shown.zone))
        else:
            line.update(reading_line(self._width, shown.recorded, part, bucket, shown.zone))
        return part

    def _show_moments(self, shown: Shown) -> None:
        box, (width, height) = self._line("moments"), _LIST_NEEDS
        has_room = self.size.width >= width and self.size.height >= height
        box.display = has_room and bool(shown.moments)
        if box.display:
            rows = self.query_one("#middle").size.height
            box.update(moment_list(rows, shown.moments, shown.moment, shown.zone))

    def _line(self, name: str) -> Static:
        return self.query_one(f"#{name}", Static)

    @property
    def _width(self) -> int:
        return max(10, self.size.width - 2)
