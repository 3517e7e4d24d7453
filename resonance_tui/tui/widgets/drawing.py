"""Draws one view of a recording in terminal cells, with plotext."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import plotext
from rich.text import Text

from resonance_tui.charting.legend import LegendEntry
from resonance_tui.charting.series import Series, grid, segments, spikes, stacked
from resonance_tui.charting.ticks import count_ticks, time_ticks
from resonance_tui.charting.view_state import ViewState
from resonance_tui.charting.views import View, bands_of, series_of
from resonance_tui.history.recording import Floats, Recorded
from resonance_tui.room.correction import LEAST_VIEWERS

LEFT_CELLS = 4  # the count's label and the axis
_FIGURE = threading.Lock()  # plotext draws on one global figure
_TICK_CELLS = 11  # a time label and the space around it
_MARK = "▾"
_ABOVE = 2.2  # rows above the highest point: its sign, and the moments
_HUNDRED = (0, 25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class ChartView:
    """What is to be seen, whatever the size of the chart."""

    recorded: Recorded
    look: ViewState
    moments: tuple[int, ...] = ()  # epoch s, marked on the upper edge
    zone: tzinfo | None = None


def bins_for(view: View, width: int) -> int:
    """How many buckets a chart `width` cells wide draws.

    One in two columns for the emotions: finer ones make seven lines a thicket, and zooming shows
    them.
    """
    columns = max(1, width - LEFT_CELLS)
    return max(1, columns // 2) if view is View.EMOTIONS else columns


def draw(view: ChartView, width: int, height: int, *, is_plain: bool = False) -> Text:
    """A picture of `width` x `height` cells. `is_plain` tells lines apart without colour."""
    look, window = view.look, view.look.window
    buckets = grid(view.recorded.track, window.start, window.end, bins_for(look.view, width))
    series = series_of(
        view.recorded,
        look.view,
        buckets,
        is_grouped=look.is_grouped,
        is_corrected=look.is_corrected,
    )
    with _FIGURE:
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        if look.view is View.SHARES:
            _draw_shares(view, series, is_plain)
        else:
            _draw_lines(view, series, height, is_plain)
        if not np.isfinite(series.mean).any():
            _say_why(look, series, is_recorded=bool(buckets.rows.any()))
        _draw_time(view, series, width - LEFT_CELLS)
        return Text.from_ansi(plotext.build(), no_wrap=True, end="")


def _draw_lines(view: ChartView, series: Series, height: int, is_plain: bool) -> None:
    top = _top(view.look.view, series) * (1 + _ABOVE / height)
    ticks = [tick for tick in _ticks(view.look.view, top, height) if tick <= top]
    plotext.ylim(0, top)
    plotext.yticks(ticks, [f"{tick:>3}" for tick in ticks])
    _draw_marks(view, top)
    bands = bands_of(view.look.view, view.look.is_grouped)
    is_peaked = not view.look.corrects
    for index in np.argsort(np.nan_to_num(series.mean).sum(axis=1), kind="stable"):
        # Where lines cross in a cell the last one gives the colour: the busiest is drawn last.
        _draw_line(series, int(index), bands[index], is_plain, is_peaked=is_peaked)
    if not is_plain:
        for band, line in zip(bands, series.high if is_peaked else series.mean, strict=True):
            _sign_peak(series, line, band, top, height)


def _draw_line(
    series: Series, index: int, band: LegendEntry, is_plain: bool, *, is_peaked: bool
) -> None:
    """The means, and a stroke up to each second that stands out of them."""
    mean, high = series.mean[index], series.high[index]
    marker = band.letter if is_plain else "braille"
    for times, values in segments(series.times, mean, series.starts):
        _draw_piece(times, values, marker, band, is_plain)
    for bucket in spikes(mean, high) if is_peaked else ():
        t = float(series.times[bucket])
        _draw_piece([t, t], [float(mean[bucket]), float(high[bucket])], marker, band, is_plain)


def _draw_shares(view: ChartView, series: Series, is_plain: bool) -> None:
    """From the highest edge down, each drawn over the one above it."""
    plotext.ylim(0, 100)
    plotext.yticks(_HUNDRED, [f"{tick:>3}" for tick in _HUNDRED])
    bands = bands_of(view.look.view, view.look.is_grouped)
    edges = stacked(series.mean)
    for band, edge in reversed(list(zip(bands, edges, strict=True))):
        marker = band.letter if is_plain else "sd"
        for times, values in segments(series.times, edge, series.starts):
            _draw_piece(times, values, marker, band, is_plain, is_filled=True)
    if not is_plain:
        for band, line, edge in zip(bands, series.mean, edges, strict=True):
            _sign_share(series, line, edge, band)
    _draw_marks(view, 100)


def _draw_piece(
    times: list[float],
    values: list[float],
    marker: str,
    band: LegendEntry,
    is_plain: bool,
    *,
    is_filled: bool = False,
) -> None:
    color = "default" if is_plain else band.rgb
    plotext.plot(times, values, marker=marker, color=color, fillx=is_filled)


def _sign_peak(series: Series, line: Floats, band: LegendEntry, top: float, height: int) -> None:
    """The band's sign above its highest point, so that colour is never alone."""
    index = _highest(line)
    if index is not None and line[index] >= top / 8:
        above = min(line[index] + 1.3 * top / height, top)
        plotext.text(band.glyph, series.times[index], above, color=band.rgb)


def _sign_share(series: Series, line: Floats, edge: Floats, band: LegendEntry) -> None:
    """The band's sign where it is thickest."""
    index = _highest(line)
    if index is not None and line[index] >= 8:
        middle = edge[index] - line[index] / 2
        plotext.text(band.glyph, series.times[index], middle, color=(0, 0, 0), background=band.rgb)


def _highest(line: Floats) -> int | None:
    """The middle one of the buckets that are as high as any."""
    if not np.isfinite(line).any():
        return None
    high = np.flatnonzero(line == np.nanmax(line))
    return int(high[len(high) // 2])


def _draw_marks(view: ChartView, top: float) -> None:
    cursor = view.look.cursor
    if cursor is not None:
        plotext.plot([cursor] * 2, [0, top], marker="│", color="default")
    for t in view.moments:
        if view.look.window.holds(t):
            plotext.text(_MARK, t, top, color="default")


def _draw_time(view: ChartView, series: Series, columns: int) -> None:
    """The edges are the middles of the outer buckets, so that each bucket fills its column."""
    first, last = float(series.times[0]), float(series.times[-1])
    plotext.xlim(first, last)
    ticks = time_ticks(first, last, max(2, columns // _TICK_CELLS), view.zone)
    plotext.xticks([t for t, _ in ticks], [label for _, label in ticks])


def _say_why(look: ViewState, series: Series, *, is_recorded: bool) -> None:
    """Why nothing is drawn."""
    if not is_recorded:
        reason = "nothing was recorded here"
    elif look.corrects:
        reason = f"fewer than {LEAST_VIEWERS} viewers: too few to correct"
    elif look.view is View.SCORE:
        reason = "resonance needs two viewers for ten seconds"
    else:
        reason = "nobody was there"
    height = 50 if look.view in (View.SHARES, View.SCORE) else 0.5
    middle = float(series.times[0] + series.times[-1]) / 2
    plotext.text(reason, middle, height, color="default", alignment="center")


def _top(view: View, series: Series) -> float:
    if view is View.SCORE:
        return 100.0
    is_known = np.isfinite(series.high)
    return max(float(series.high[is_known].max()) if is_known.any() else 0.0, 1.0)


def _ticks(view: View, top: float, height: int) -> Sequence[int]:
    return _HUNDRED if view is View.SCORE else count_ticks(top, max(3, height // 3))
