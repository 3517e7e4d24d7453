"""Paints a chart as a picture to share: SVG with its text as text, or PNG.

The same recording always gives the same bytes. Matplotlib is loaded by the first picture.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from resonance_tui import palette
from resonance_tui.charting.chart import Chart, ChartLine, ChartRequest
from resonance_tui.charting.lines import is_too_small
from resonance_tui.charting.ticks import clock, day, length, offsets, time_ticks
from resonance_tui.charting.view_state import Viewport, ViewState
from resonance_tui.charting.views import FIRST_VIEW, ViewSpec
from resonance_tui.emotions import STYLES
from resonance_tui.errors import InputError
from resonance_tui.files import free_name, save_bytes
from resonance_tui.history.loading import Request, moments_in, read
from resonance_tui.history.playback import MOST_MOMENTS
from resonance_tui.history.recording import Recorded, cut, with_scores
from resonance_tui.texts import in_english, mark, tr, tr_n
from resonance_tui.widths import cut as cut_text
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
SIZE = (1920, 1080)  # pixels of a PNG
_DPI, _LEAST_DPI = 160, 64  # at SIZE; where letters can still be read
_BINS = 480  # as fine as one can still tell apart
TITLE_CELLS = 40  # of a session's title, and of a mark
_THICK = 0.06  # of the left edge: a layer has room for its letter
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "resonance",  # else ids differ from run to run
    "text.parse_math": False,  # a $ in a name is a $
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": palette.TEXT,
    "axes.edgecolor": palette.QUIET,
    "axes.labelcolor": palette.TEXT,
    "axes.facecolor": palette.BACKGROUND,
    "xtick.color": palette.QUIET,
    "ytick.color": palette.QUIET,
    "xtick.labelcolor": palette.TEXT,
    "ytick.labelcolor": palette.TEXT,
}
# Fonts with East Asian letters that systems bring, in the order of preference.
_EAST_ASIAN = (
    *("Noto Sans CJK TC", "Noto Sans TC", "Source Han Sans TW", "Noto Sans CJK JP"),
    *("PingFang TC", "Heiti TC", "Microsoft JhengHei", "WenQuanYi Zen Hei", "Arial Unicode MS"),
)
_EAST = "\u2e80"  # the first of their letters
_NO_DATE = {"svg": {"Date": None, "Creator": "resonance-tui"}, "png": {"Software": "resonance-tui"}}
_DRAWING = threading.Lock()  # the settings are matplotlib's own, for the whole process


def draw_request(
    request: Request,
    format: str,
    *,
    view: ViewSpec = FIRST_VIEW,
    is_grouped: bool = False,
    size: tuple[int, int] = SIZE,
) -> bytes:
    """What was asked for on the command line. Raises StoreError and InputError (nothing there,
    or nothing that can be corrected)."""
    loaded = read(request)
    track = loaded.track
    if not len(track):
        raise InputError(mark("Nothing was recorded in that range: there is nothing to draw."))
    if request.is_corrected and view.is_of_emotions and is_too_small(track):
        raise InputError(mark("Never 50 viewers showed an emotion: too few to correct."))
    recorded = with_scores(Recorded(track, request.confusion))
    window = Viewport.over(track.start, track.end)
    state = ViewState(window, view, is_grouped, is_corrected=request.is_corrected)
    found = tuple(moments_in(request, track, top=MOST_MOMENTS))
    title = loaded.span.title if loaded.span is not None else ""
    chart = ChartRequest(
        request.channel, recorded, state, found, request.zone, marks=loaded.marks, title=title
    )
    return render(chart, format, size)


def save_picture(request: ChartRequest, folder: Path) -> Path:
    """A new PNG in `folder`, named by channel, time and view. Raises CannotSave."""
    stamp = datetime.fromtimestamp(request.state.window.start, request.zone)
    name = f"{request.channel}-{stamp:%Y%m%d-%H%M%S}-{request.state.view.name}.png"
    path = free_name(folder / name)
    save_bytes(path, [render(request, "png")])
    return path


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Pixels, width and height. Raises InputError where no picture of that size can be drawn."""
    if not all(300 <= side <= 8000 for side in size):
        raise InputError(
            mark("A picture is 300 to 8000 pixels wide and high."), mark("For example 1920x1080.")
        )
    return size


def render(request: ChartRequest, format: str, size: tuple[int, int] = SIZE) -> bytes:
    """The picture. `format` is one of FORMATS; `size` is in pixels.

    Takes a second, most of it for loading matplotlib. Raises InputError.
    """

    def paint(figure: Figure) -> None:
        _paint(figure, Chart.build(request.recorded, request.state, _BINS), request)

    return drawn(paint, format, size)


def drawn(paint: Callable[[Figure], None], format: str, size: tuple[int, int] = SIZE) -> bytes:
    """What `paint` makes of an empty picture. Raises InputError, as `render`."""
    if format not in FORMATS:
        raise InputError(
            mark("No such picture: {format}.", format=format),
            mark("Choose one of {formats}.", formats=", ".join(FORMATS)),
        )
    width, height = check_size(size)
    import matplotlib
    from matplotlib.figure import Figure

    fonts = ["DejaVu Sans", *_fonts_for(tr("shares"))]
    stream = io.BytesIO()
    with _DRAWING, matplotlib.rc_context({**_SETTINGS, "font.family": fonts}), _words(fonts):
        dpi = max(_LEAST_DPI, _DPI * min(width / SIZE[0], height / SIZE[1]))
        figure = Figure((width / dpi, height / dpi), dpi=dpi, facecolor=palette.BACKGROUND)
        figure.set_layout_engine("constrained")
        paint(figure)
        figure.savefig(stream, format=format, metadata=_NO_DATE[format])
    return stream.getvalue()


def _fonts_for(text: str) -> list[str]:
    """A font that is installed here for letters which the usual one lacks."""
    if max(text, default="") < _EAST:
        return []
    from matplotlib.font_manager import fontManager

    installed = set(fontManager.get_font_names())
    return [name for name in _EAST_ASIAN if name in installed][:1]


def _words(fonts: list[str]) -> AbstractContextManager[None]:
    """English, where no font here has the letters of the language."""
    is_drawn = len(fonts) > 1 or max(tr("shares"), default="") < _EAST
    return nullcontext() if is_drawn else in_english()


def _paint(figure: Figure, chart: Chart, request: ChartRequest) -> None:
    axes: Axes = figure.subplots()
    for line in chart.lines:
        if chart.view.is_stacked:
            _paint_layer(axes, chart, line)
        else:
            _paint_line(axes, chart, line)
    _paint_edges(axes, chart, request)
    _paint_moments(axes, request)
    _paint_marks(axes, request)
    axes.set_title(_headline(request), loc="left", fontsize=12, pad=18)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(1.005, 1),
            facecolor=palette.SURFACE,
            edgecolor=palette.QUIET,
        )


def _paint_line(axes: Axes, chart: Chart, line: ChartLine) -> None:
    """The means, shaded to the edges, with a stroke up to each second that stands out."""
    color, alpha = line.legend.color, 0.22 if chart.is_corrected else 0.13
    for label, piece in _labelled(line):
        times = chart.times[piece]
        axes.plot(times, line.mean[piece], color=color, linewidth=1.4, label=label)
        axes.fill_between(
            times, line.low[piece], line.high[piece], color=color, alpha=alpha, linewidth=0
        )
    at = list(line.spikes)
    if not chart.is_corrected:
        axes.vlines(
            chart.times[at], line.mean[at], line.high[at], color=color, linewidth=1, alpha=0.9
        )
    if line.peak is not None:
        axes.annotate(
            line.legend.letter,
            (float(chart.times[line.peak]), line.peak_value),
            xytext=(0, 3),
            textcoords="offset points",
            color=color,
            ha="center",
            fontweight="bold",
        )


def _paint_layer(axes: Axes, chart: Chart, line: ChartLine) -> None:
    for label, piece in _labelled(line):
        axes.fill_between(
            chart.times[piece],
            line.low[piece],
            line.high[piece],
            color=line.legend.color,
            linewidth=0,
            label=label,
        )
    if line.peak is not None and line.peak_value >= _THICK * chart.top:
        middle = line.high[line.peak] - line.peak_value / 2
        axes.text(
            float(chart.times[line.peak]),
            middle,
            line.legend.letter,
            color="black",
            ha="center",
            va="center",
        )


def _labelled(line: ChartLine) -> list[tuple[str | None, NDArray[np.intp]]]:
    """Each piece of a line; the first one names it in the legend."""
    name = f"{line.legend.letter}  {tr(line.legend.word)}"
    return [(None if index else name, piece) for index, piece in enumerate(line.pieces)]


def _paint_edges(axes: Axes, chart: Chart, request: ChartRequest) -> None:
    """Axes: whole numbers from zero, round local times; and why there is nothing between them."""
    from matplotlib.ticker import MaxNLocator

    window, zone = request.state.window, request.zone
    if chart.view.full is None:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    room = 1.0 if chart.view.is_stacked else 1.05 if chart.view.full else 1.1
    axes.set_ylim(0, chart.top * room)
    axes.set_xlim(window.start, window.end)
    ticks = time_ticks(window.start, window.end, 13, zone)
    axes.set_xticks([t for t, _ in ticks], [label for _, label in ticks])
    axes.set_xlabel(tr("local time, {offset}", offset=offsets(window.start, window.end, zone)))
    axes.set_ylabel(chart.title)
    axes.grid(color=palette.QUIET, alpha=0.18, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if chart.reason:
        axes.text(0.5, 0.5, chart.reason, transform=axes.transAxes, ha="center", va="center")


def _paint_moments(axes: Axes, request: ChartRequest) -> None:
    """A triangle above the axes in the colour of the emotion, with its letter."""
    for moment in request.moments:
        if request.state.window.holds(moment.t):
            style = STYLES[moment.code]
            axes.annotate(
                f"{style.letter}\n▼",
                (moment.t, 1.0),
                xycoords=("data", "axes fraction"),
                color=style.color,
                ha="center",
                va="bottom",
                fontsize=7,
                linespacing=0.9,
                annotation_clip=False,
            )


def _paint_marks(axes: Axes, request: ChartRequest) -> None:
    """A line through the chart with the mark's words along it."""
    for each in request.marks:
        if request.state.window.holds(each.t):
            axes.axvline(each.t, color=palette.TEXT, linewidth=0.8, linestyle=":", alpha=0.8)
            axes.annotate(
                cut_text(printable(tr(each.name)), TITLE_CELLS),
                (each.t, 0.98),
                xycoords=("data", "axes fraction"),
                xytext=(-2, 0),
                textcoords="offset points",
                rotation=90,
                ha="right",
                va="top",
                fontsize=7,
            )


def _headline(request: ChartRequest) -> str:
    state, zone = request.state, request.zone
    window = state.window
    visible = cut(request.recorded.track, window.start, window.end)
    peak = int(visible.viewers.max()) if len(visible) else 0
    pieces = (
        request.channel,
        cut_text(printable(request.title), TITLE_CELLS),
        f"{day(window.start, zone)} {clock(window.start, zone)} – {clock(window.end, zone)}",
        length(window.span + 1),
        tr_n("peak {count} viewer", "peak {count} viewers", peak),
        tr("corrected for the engine's mistakes, 95 % bands") if state.corrects else "",
    )
    return " · ".join(piece for piece in pieces if piece)
