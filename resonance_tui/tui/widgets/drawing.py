"""Paints a chart in terminal cells, with plotext."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import plotext
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from resonance_tui.charting.chart import Chart, ChartLine, ChartRequest
from resonance_tui.charting.ticks import count_ticks, time_ticks
from resonance_tui.charting.views import ViewSpec
from resonance_tui.history.recording import Floats

LEFT_CELLS = 4  # the count's label and the axis
_FIGURE = threading.Lock()  # plotext draws on one global figure
_SECOND_CELL = "\ue000"  # of a wide letter; in no font, and in no text of ours
_TICK_CELLS = 11  # a time label and the space around it
_MOMENT, MARK_SIGN = "▾", "✦"
_ABOVE = 2.2  # rows above the highest point: its sign, and the moments
_HIGH, _THICK = 1 / 8, 0.08  # of the left edge: a line or a layer has room for its sign


@dataclass(frozen=True, slots=True)
class _Ink:
    """How lines are told apart: by letters instead of strokes, by colour, or both."""

    is_plain: bool
    has_colour: bool

    def color(self, line: ChartLine) -> str | tuple[int, int, int]:
        return line.legend.rgb if self.has_colour else "default"


def bins_for(view: ViewSpec, width: int) -> int:
    """How many buckets a chart `width` cells wide draws.

    One in two columns for lines of emotions: finer ones make seven lines a thicket, and zooming
    shows them.
    """
    columns = max(1, width - LEFT_CELLS)
    is_thicket = view.is_of_emotions and not view.is_stacked
    return max(1, columns // 2) if is_thicket else columns


def draw(
    request: ChartRequest,
    width: int,
    height: int,
    *,
    is_plain: bool = False,
    has_colour: bool = True,
) -> Text:
    """A picture of `width` x `height` cells. `is_plain` tells lines apart by letters."""
    state = request.state
    chart = Chart.build(request.recorded, state, bins_for(state.view, width))
    with _FIGURE:
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        paint = _paint_layers if chart.view.is_stacked else _paint_lines
        paint(chart, request, height, _Ink(is_plain, has_colour))
        if chart.reason:
            middle = float(chart.times[0] + chart.times[-1]) / 2
            half = chart.top / 2
            plotext.text(_in_cells(chart.reason), middle, half, color="default", alignment="center")
        _paint_time(chart, request, width - LEFT_CELLS)
        drawn = plotext.build().replace(_SECOND_CELL, "")
        return Text.from_ansi(drawn, no_wrap=True, end="")


def _in_cells(text: str) -> str:
    """A letter for each cell, as plotext counts: what follows wide ones is taken out again."""
    return "".join(char + _SECOND_CELL * (cell_len(char) - 1) for char in text)


def _paint_lines(chart: Chart, request: ChartRequest, height: int, ink: _Ink) -> None:
    top = chart.top * (1 + _ABOVE / height)
    _paint_left_edge(chart, top, height)
    _paint_marks(request, top)
    for index in np.argsort(
        [np.nan_to_num(line.mean).sum() for line in chart.lines], kind="stable"
    ):
        # Where lines cross in a cell the last one gives the colour: the busiest is drawn last.
        _paint_line(chart.times, chart.lines[int(index)], ink)
    for line in () if ink.is_plain else chart.lines:
        if line.peak is not None and line.peak_value >= top * _HIGH:
            above = min(line.peak_value + 1.3 * top / height, top)
            sign = line.legend
            plotext.text(sign.glyph, chart.times[line.peak], above, color=sign.rgb)


def _paint_line(times: Floats, line: ChartLine, ink: _Ink) -> None:
    """The means, and a stroke up to each second that stands out of them."""
    marker = line.legend.letter if ink.is_plain else "braille"
    for piece in line.pieces:
        _paint_piece(times, line.mean, piece, line, marker, ink)
    color = ink.color(line)
    for bucket in line.spikes:
        t, ends = float(times[bucket]), [float(line.mean[bucket]), float(line.high[bucket])]
        plotext.plot([t, t], ends, marker=marker, color=color, fillx=False)


def _paint_layers(chart: Chart, request: ChartRequest, height: int, ink: _Ink) -> None:
    """From the highest edge down, each drawn over the one above it."""
    _paint_left_edge(chart, chart.top, height)
    for line in reversed(chart.lines):
        marker = line.legend.letter if ink.is_plain else "sd"
        for piece in line.pieces:
            _paint_piece(chart.times, line.high, piece, line, marker, ink, is_filled=True)
    for line in () if ink.is_plain else chart.lines:
        if line.peak is not None and line.peak_value >= chart.top * _THICK:
            middle = line.high[line.peak] - line.peak_value / 2
            sign, t = line.legend, chart.times[line.peak]
            plotext.text(sign.glyph, t, middle, color=(0, 0, 0), background=sign.rgb)
    _paint_marks(request, chart.top)


def _paint_piece(
    times: Floats,
    values: Floats,
    piece: NDArray[np.intp],
    line: ChartLine,
    marker: str,
    ink: _Ink,
    *,
    is_filled: bool = False,
) -> None:
    color = ink.color(line)
    xs, ys = times[piece].tolist(), values[piece].tolist()
    plotext.plot(xs, ys, marker=marker, color=color, fillx=is_filled)


def _paint_marks(request: ChartRequest, top: float) -> None:
    """The cursor, and moments and marks on the upper edge."""
    cursor, window = request.state.cursor, request.state.window
    if cursor is not None:
        plotext.plot([cursor] * 2, [0, top], marker="│", color="default")
    for sign, points in ((_MOMENT, request.moments), (MARK_SIGN, request.marks)):
        for point in points:
            if window.holds(point.t):
                plotext.text(sign, point.t, top, color="default")


def _paint_left_edge(chart: Chart, top: float, height: int) -> None:
    full = chart.view.full
    quarters = [full * quarter // 4 for quarter in range(5)] if full else None
    ticks = [t for t in quarters or count_ticks(top, max(3, height // 3)) if t <= top]
    plotext.ylim(0, top)
    plotext.yticks(ticks, [f"{t:>3}" for t in ticks])


def _paint_time(chart: Chart, request: ChartRequest, columns: int) -> None:
    """The edges are the middles of the outer buckets, so that each bucket fills its column."""
    first, last = float(chart.times[0]), float(chart.times[-1])
    plotext.xlim(first, last)
    ticks = time_ticks(first, last, max(2, columns // _TICK_CELLS), request.zone)
    plotext.xticks([t for t, _ in ticks], [_in_cells(label) for _, label in ticks])
