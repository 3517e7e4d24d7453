"""The parts of a picture of a recording, drawn on matplotlib's axes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

import numpy as np

from resonance_tui.charting.legend import LegendEntry
from resonance_tui.charting.series import Series, segments, spikes, stacked
from resonance_tui.charting.ticks import offset, time_ticks
from resonance_tui.charting.view_state import ViewState
from resonance_tui.charting.views import View
from resonance_tui.emotions import STYLES
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET = "#868da0"


def draw_lines(
    axes: Axes, series: Series, bands: tuple[LegendEntry, ...], *, is_corrected: bool
) -> None:
    """Means as lines; shaded to the lowest and highest second, or to the edges of the band."""
    for band, mean, low, high in zip(bands, series.mean, series.low, series.high, strict=True):
        label: str | None = _label(band)
        edges = zip(
            segments(series.times, mean, series.starts),
            segments(series.times, low, series.starts),
            segments(series.times, high, series.starts),
            strict=True,
        )
        for (times, means), (_, lows), (_, highs) in edges:
            axes.plot(times, means, color=band.color, linewidth=1.4, label=label)
            alpha = 0.22 if is_corrected else 0.13
            axes.fill_between(times, lows, highs, color=band.color, alpha=alpha, linewidth=0)
            label = None
        if not is_corrected:
            at = spikes(mean, high)
            axes.vlines(
                series.times[at], mean[at], high[at], color=band.color, linewidth=1, alpha=0.9
            )
        _sign(axes, series, band, mean if is_corrected else high)


def draw_stack(axes: Axes, series: Series, bands: tuple[LegendEntry, ...]) -> None:
    below = np.zeros_like(series.mean[0])
    for band, line, edge in zip(bands, series.mean, stacked(series.mean), strict=True):
        label: str | None = _label(band)
        pieces = zip(
            segments(series.times, edge, series.starts),
            segments(series.times, np.where(np.isnan(edge), np.nan, below), series.starts),
            strict=True,
        )
        for (times, uppers), (_, lowers) in pieces:
            axes.fill_between(times, lowers, uppers, color=band.color, linewidth=0, label=label)
            label = None
        if np.isfinite(line).any() and np.nanmax(line) >= 6:
            top = int(np.nanargmax(line))
            middle = edge[top] - line[top] / 2
            axes.text(
                series.times[top], middle, band.letter, color="black", ha="center", va="center"
            )
        below = edge
    axes.set_ylim(0, 100)


def _sign(axes: Axes, series: Series, band: LegendEntry, line: Floats) -> None:
    """The band's letter above its highest point, so that colour is never alone."""
    if np.isfinite(line).any():
        top = int(np.nanargmax(line))
        axes.annotate(
            band.letter,
            (series.times[top], line[top]),
            xytext=(0, 3),
            textcoords="offset points",
            color=band.color,
            ha="center",
            fontweight="bold",
        )


def dress(axes: Axes, look: ViewState, zone: tzinfo | None) -> None:
    """Axes: whole numbers from zero, round local times."""
    from matplotlib.ticker import MaxNLocator

    window = look.window
    if look.view is View.SCORE:
        axes.set_ylim(0, 105)
    elif look.view is not View.SHARES:
        axes.set_ylim(0, max(1.0, axes.get_ylim()[1] * 1.05))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(window.start, window.end)
    ticks = time_ticks(window.start, window.end, 13, zone)
    axes.set_xticks([t for t, _ in ticks], [label for _, label in ticks])
    axes.set_xlabel(f"local time, {offset(window.start, zone)}")
    axes.set_ylabel(("corrected " if look.corrects else "") + look.view.value)
    axes.grid(color=QUIET, alpha=0.18, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def mark_moments(axes: Axes, found: Sequence[Moment], look: ViewState) -> None:
    """A triangle above the axes in the colour of the emotion, with its letter."""
    for moment in found:
        if look.window.holds(moment.t):
            sign = STYLES[moment.code]
            axes.annotate(
                f"{sign.letter}\n▼",
                (moment.t, 1.0),
                xycoords=("data", "axes fraction"),
                color=sign.color,
                ha="center",
                va="bottom",
                fontsize=7,
                linespacing=0.9,
                annotation_clip=False,
            )


def _label(band: LegendEntry) -> str:
    return f"{band.letter}  {band.word}"
