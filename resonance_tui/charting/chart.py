"""Pure: the chart of a recording as one value, which painters only paint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resonance_tui.charting.series import Grid, Series, grid, pieces, spikes, stacked
from resonance_tui.charting.ticks import position
from resonance_tui.charting.view_state import ViewState
from resonance_tui.charting.views import LegendEntry, ViewSpec
from resonance_tui.history.marks import Mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Floats, Recorded
from resonance_tui.room.correction import LEAST_VIEWERS
from resonance_tui.texts import tr

if TYPE_CHECKING:
    from resonance_tui.history.questions import KeptQuestion
    from resonance_tui.history.reactions import ReactionSecond
    from resonance_tui.history.teams import TeamTrack


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """What is to be seen, whatever the size of the chart."""

    channel: str
    recorded: Recorded
    state: ViewState
    moments: tuple[Moment, ...] = ()
    zone: tzinfo | None = None  # of the time axis; the machine's own when None
    video: float | None = None  # when the session's video began, epoch s, if that is known
    delay_s: float = 0.0  # how late the room saw it
    marks: tuple[Mark, ...] = ()
    title: str = ""  # of the session
    questions: tuple[KeptQuestion, ...] = ()  # that the host asked, oldest first
    reactions: tuple[ReactionSecond, ...] = ()  # sent with keys, oldest first
    teams: tuple[TeamTrack, ...] = ()  # as they could be shown

    @property
    def points(self) -> tuple[Moment | Mark, ...]:
        """Moments and marks, in order of time."""
        return tuple(sorted((*self.moments, *self.marks), key=lambda point: point.t))

    def position_of(self, point: Moment | Mark) -> str:
        """In the video, as players show it; "" where none is known."""
        return self.position(point.t) if isinstance(point, Moment) else self._position(point.t, 0.0)

    def position(self, t: float) -> str:
        """Of what the room saw at `t`."""
        return self._position(t, self.delay_s)

    def _position(self, t: float, late_s: float) -> str:
        return "" if self.video is None else position(t - late_s, self.video)


@dataclass(frozen=True, slots=True, eq=False)
class ChartLine:
    """One line over B buckets, `float64[B]` each; NaN where nothing is known."""

    legend: LegendEntry
    mean: Floats
    low: Floats  # the edges of what is shaded: the lowest and highest second of each bucket, the
    high: Floats  # 95 % band of a correction, or in a stack the layer itself
    pieces: tuple[NDArray[np.intp], ...]  # the buckets of each unbroken piece; gaps are between
    spikes: tuple[int, ...]  # buckets with a second that the mean does not tell of
    peak: int | None  # the bucket where its sign goes; None where nothing is known
    peak_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Lines, legend, gaps, scale, and the reason where there is nothing to paint."""

    view: ViewSpec
    title: str  # of the left edge; as the reason, in the person's language
    times: Floats  # (B,) middles of the buckets, epoch s
    lines: tuple[ChartLine, ...]  # in the order of the legend; in a stack from below
    top: float  # of the left edge, which begins at 0
    is_corrected: bool
    reason: str  # why no line has a value; "" where one has

    @classmethod
    def build(cls, recorded: Recorded, state: ViewState, bins: int) -> Chart:
        """What `state` shows of `recorded`, in at most `bins` buckets of a second or more."""
        view, window = state.view, state.window
        buckets = grid(recorded.track, window.start, window.end, bins)
        legend = view.legend(is_grouped=state.is_grouped)
        series = view.series(recorded, buckets, legend, is_corrected=state.corrects)
        lines = _layers(legend, series) if view.is_stacked else _lines(legend, series, state)
        title = tr(view.title)
        if state.corrects:
            title = tr("corrected {what}", what=title)
        reason = "" if np.isfinite(series.mean).any() else _reason(state, buckets)
        return cls(view, title, series.times, lines, _top(view, lines), state.corrects, reason)


def _lines(
    legend: tuple[LegendEntry, ...], series: Series, state: ViewState
) -> tuple[ChartLine, ...]:
    """Signs stand above the highest seconds, which strokes reach; corrected lines have none."""
    found: list[ChartLine] = []
    for entry, mean, low, high in zip(legend, series.mean, series.low, series.high, strict=True):
        strokes = () if state.corrects else tuple(spikes(mean, high))
        peak, value = _highest(mean if state.corrects else high)
        parts = tuple(pieces(mean, series.starts))
        found.append(ChartLine(entry, mean, low, high, parts, strokes, peak, value))
    return tuple(found)


def _layers(legend: tuple[LegendEntry, ...], series: Series) -> tuple[ChartLine, ...]:
    """Each on top of those before it, with its sign where it is thickest."""
    found: list[ChartLine] = []
    below = np.zeros_like(series.times)
    for entry, mean, edge in zip(legend, series.mean, stacked(series.mean), strict=True):
        parts = tuple(pieces(edge, series.starts))
        found.append(ChartLine(entry, mean, below, edge, parts, (), *_highest(mean)))
        below = edge
    return tuple(found)


def _highest(line: Floats) -> tuple[int | None, float]:
    """The middle one of the buckets that are as high as any, and how high they are."""
    if not np.isfinite(line).any():
        return None, 0.0
    high = np.flatnonzero(line == np.nanmax(line))
    index = int(high[len(high) // 2])
    return index, float(line[index])


def _top(view: ViewSpec, lines: tuple[ChartLine, ...]) -> float:
    if view.full is not None:
        return float(view.full)
    known = [line.high[np.isfinite(line.high)].max(initial=0.0) for line in lines]
    return max(1.0, *map(float, known))


def _reason(state: ViewState, buckets: Grid) -> str:
    if not buckets.rows.any():
        return tr("nothing was recorded here")
    if state.corrects:
        return tr("fewer than {least} viewers: too few to correct", least=LEAST_VIEWERS)
    return tr(state.view.when_unknown)
