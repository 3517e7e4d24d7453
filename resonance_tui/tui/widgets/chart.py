"""The history chart: one line per emotion, or the stacked shares of the room."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import tzinfo

import plotext
from rich.text import Text
from textual import work
from textual.events import Resize
from textual.widgets import Static

from resonance_tui.emotions import EMOTIONS, LOOKS, Look
from resonance_tui.history.axes import count_ticks, time_ticks
from resonance_tui.history.charts import Series, Track, resample, segments, shares, stacked
from resonance_tui.history.window import Window

_FIGURE = threading.Lock()  # plotext draws on one global figure
_TICK_CELLS = 11  # a time label and the space around it
_MARK = "▾"

Line = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ChartView:
    """What is to be seen, whatever the size of the chart."""

    track: Track
    window: Window
    is_share: bool = False
    moments: tuple[int, ...] = ()  # epoch s, marked on the upper edge
    mark: int | None = None  # epoch s, drawn as an upright line
    zone: tzinfo | None = None


class Chart(Static):
    """Draws the newest view in a thread; views that come meanwhile replace each other."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: ChartView | None = None
        self._is_drawing = False

    def show(self, view: ChartView) -> None:
        self._view = view
        self._request()

    def say(self, text: str) -> None:
        """Words in place of a picture."""
        self._view = None
        self.update(Text(text, justify="center"))

    def on_resize(self, _event: Resize) -> None:
        self._request()

    def _request(self) -> None:
        if not self._is_drawing:
            self._is_drawing = True
            self._draw()

    @work(group="chart")
    async def _draw(self) -> None:
        drawn = None
        while (job := (self._view, self.content_size)) != drawn and job[0] is not None:
            if job[1].width >= 12 and job[1].height >= 4:
                picture = await asyncio.to_thread(
                    draw, job[0], job[1].width, job[1].height, is_plain=self.app.no_color
                )
                if self._view is not None:
                    self.update(picture)
            drawn = job
        self._is_drawing = False


def draw(view: ChartView, width: int, height: int, *, is_plain: bool = False) -> Text:
    """A picture of `width` x `height` cells. `is_plain` tells lines apart without colour."""
    columns = width - 4
    with _FIGURE:
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        if view.is_share:
            series = _draw_shares(view, columns, is_plain)
        else:
            series = _draw_lines(view, columns, height, is_plain)
        _draw_time(view, series, columns)
        return Text.from_ansi(plotext.build(), no_wrap=True, end="")


def _draw_lines(view: ChartView, columns: int, height: int, is_plain: bool) -> Series:
    """One point in two columns: finer ones make seven lines a thicket, and zooming shows them."""
    series = resample(view.track, view.window.start, view.window.end, columns // 2)
    top = max((value for line in series.lines for value in line if value), default=0)
    ticks = count_ticks(max(top, 1), max(3, height // 3))
    plotext.ylim(0, ticks[-1])
    plotext.yticks(ticks, [f"{tick:>3}" for tick in ticks])
    _draw_marks(view, ticks[-1])
    for code, line in sorted(zip(EMOTIONS, series.lines, strict=True), key=_prominence):
        look = LOOKS[code]
        for times, values in segments(series, line):
            _draw_piece(times, values, look.letter if is_plain else "braille", look, is_plain)
    if not is_plain:
        for code, line in zip(EMOTIONS, series.lines, strict=True):
            _sign_peak(series, line, LOOKS[code], ticks[-1], height)
    return series


def _draw_shares(view: ChartView, columns: int, is_plain: bool) -> Series:
    """From the highest edge down, each drawn over the one above it."""
    part = shares(view.track, view.window.start, view.window.end, columns)
    series = stacked(part)
    plotext.ylim(0, 100)
    plotext.yticks([0, 25, 50, 75, 100], ["  0", " 25", " 50", " 75", "100"])
    for code, line in reversed(list(zip(EMOTIONS, series.lines, strict=True))):
        look = LOOKS[code]
        for times, values in segments(series, line):
            marker = look.letter if is_plain else "sd"
            _draw_piece(times, values, marker, look, is_plain, is_filled=True)
    if not is_plain:
        for code, line, edge in zip(EMOTIONS, part.lines, series.lines, strict=True):
            _sign_band(series, line, edge, LOOKS[code])
    _draw_marks(view, 100)
    return series


def _draw_piece(
    times: list[float],
    values: list[float],
    marker: str,
    look: Look,
    is_plain: bool,
    *,
    is_filled: bool = False,
) -> None:
    color = "default" if is_plain else _rgb(look.color)
    plotext.plot(times, values, marker=marker, color=color, fillx=is_filled)


def _sign_peak(series: Series, line: Line, look: Look, top: float, height: int) -> None:
    """The emotion's sign above its highest point, so that colour is never alone."""
    index = _highest(line)
    value = 0.0 if index is None else line[index] or 0.0
    if index is not None and value >= top / 8:
        above = min(value + 1.3 * top / height, top)
        plotext.text(look.glyph, series.times[index], above, color=_rgb(look.color))


def _sign_band(series: Series, line: Line, edge: Line, look: Look) -> None:
    """The emotion's sign in the thickest part of its band."""
    index = _highest(line)
    value = 0.0 if index is None else line[index] or 0.0
    if index is not None and value >= 8:
        middle = (edge[index] or 0.0) - value / 2
        color = _rgb(look.color)
        plotext.text(look.glyph, series.times[index], middle, color=(0, 0, 0), background=color)


def _highest(line: Line) -> int | None:
    """The middle one of the buckets that are as high as any."""
    most = max((value for value in line if value is not None), default=None)
    if most is None:
        return None
    high = [i for i, value in enumerate(line) if value is not None and value >= 0.98 * most]
    return high[len(high) // 2]


def _draw_marks(view: ChartView, top: float) -> None:
    if view.mark is not None and view.window.holds(view.mark):
        plotext.plot([view.mark] * 2, [0, top], marker="│", color="default")
    for t in view.moments:
        if view.window.holds(t):
            plotext.text(_MARK, t, top, color="default")


def _draw_time(view: ChartView, series: Series, columns: int) -> None:
    """The edges are the middles of the outer buckets, so that each bucket fills its column."""
    plotext.xlim(series.times[0], series.times[-1])
    ticks = time_ticks(series.times[0], series.times[-1], max(2, columns // _TICK_CELLS), view.zone)
    plotext.xticks([t for t, _ in ticks], [label for _, label in ticks])


def _prominence(item: tuple[object, Line]) -> float:
    """Where lines cross in a cell the last one gives the colour: the busiest is drawn last."""
    return sum(value for value in item[1] if value)


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
