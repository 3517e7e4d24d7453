"""The widget of the history chart: paints the newest request in a thread."""

from __future__ import annotations

import asyncio

from rich.text import Text
from textual import work
from textual.events import Click, Resize
from textual.message import Message
from textual.widgets import Static

from resonance_tui.charting.chart import ChartRequest
from resonance_tui.charting.views import ViewSpec
from resonance_tui.emotions import has_glyphs
from resonance_tui.tui.widgets.drawing import LEFT_CELLS, bins_for, draw


class ChartWidget(Static):
    """Requests that come while one is painted replace each other."""

    class Pointed(Message):
        """A click at a time of the chart."""

        def __init__(self, t: float) -> None:
            super().__init__()
            self.t = t

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._request: ChartRequest | None = None
        self._is_drawing = False

    def show(self, request: ChartRequest) -> None:
        self._request = request
        self._paint()

    def say(self, text: str) -> None:
        """Words in place of a picture."""
        self._request = None
        self.update(Text(text, justify="center"))

    def bins(self, view: ViewSpec) -> int:
        """How many buckets this size has room for."""
        return bins_for(view, self.content_size.width)

    def on_resize(self, _event: Resize) -> None:
        self._paint()

    def on_click(self, event: Click) -> None:
        columns = self.content_size.width - LEFT_CELLS
        if self._request is not None and columns > 0:
            window = self._request.state.window
            part = (event.x - LEFT_CELLS + 0.5) / columns
            self.post_message(self.Pointed(window.start + part * (window.span + 1)))

    def _paint(self) -> None:
        if not self._is_drawing:
            self._is_drawing = True
            self._draw()

    @work(group="chart")
    async def _draw(self) -> None:
        drawn = None
        while (job := (self._request, self.content_size)) != drawn and job[0] is not None:
            if job[1].width >= 12 and job[1].height >= 4:
                picture = await asyncio.to_thread(
                    draw,
                    *(job[0], job[1].width, job[1].height),
                    is_plain=self.app.no_color or not has_glyphs(),
                    has_colour=not self.app.no_color,
                )
                if self._request is not None:
                    self.update(picture)
            drawn = job
        self._is_drawing = False
