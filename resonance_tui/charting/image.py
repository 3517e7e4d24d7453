"""A view of a recording as a picture to share: SVG with its text as text, or PNG.

The same recording always gives the same bytes. Matplotlib is loaded by the first picture.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resonance_tui.charting.image_parts import (
    QUIET,
    draw_lines,
    draw_stack,
    dress,
    mark_moments,
)
from resonance_tui.charting.series import grid
from resonance_tui.charting.ticks import clock, day, length
from resonance_tui.charting.view_state import ViewState
from resonance_tui.charting.viewport import Viewport
from resonance_tui.charting.views import View, bands_of, is_too_small, series_of
from resonance_tui.errors import InputError
from resonance_tui.history.atomic_write import free_name, save_bytes
from resonance_tui.history.loading import Request, read
from resonance_tui.history.moments import Moment, moments
from resonance_tui.history.recording import Recorded, Recording, cut, with_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
SIZE = (1920, 1080)  # pixels of a PNG
_DPI, _LEAST_DPI = 160, 64  # at SIZE; where letters can still be read
_BINS = 480  # as fine as one can still tell apart
_GROUND, _PANEL, _INK = "#11131a", "#161922", "#d5d8e0"
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "resonance",  # else ids differ from run to run
    "text.parse_math": False,  # a $ in a name is a $
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": _INK,
    "axes.facecolor": _GROUND,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
}
_NO_DATE = {"svg": {"Date": None, "Creator": "resonance-tui"}, "png": {"Software": "resonance-tui"}}
_DRAWING = threading.Lock()  # the settings are matplotlib's own, for the whole process


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be drawn."""

    channel: str
    recorded: Recorded
    look: ViewState
    moments: tuple[Moment, ...] = ()
    zone: tzinfo | None = None  # of the time axis; the machine's own when None


def draw_request(
    request: Request,
    format: str,
    *,
    view: View = View.EMOTIONS,
    is_grouped: bool = False,
    size: tuple[int, int] = SIZE,
) -> bytes:
    """What was asked for on the command line. Raises StoreError and InputError (nothing there,
    or nothing that can be corrected)."""
    track = read(request).track
    if not len(track):
        raise InputError("Nothing was recorded in that range: there is nothing to draw.")
    if request.is_corrected and view.is_of_emotions and is_too_small(track):
        raise InputError("Never 20 viewers showed an emotion: too few to correct.")
    recorded = with_scores(Recorded(track, request.confusion))
    look = ViewState(
        Viewport.over(track.start, track.end), view, is_grouped, is_corrected=request.is_corrected
    )
    found = tuple(moments(track))
    return render(Subject(request.channel, recorded, look, found, request.zone), format, size)


def save_picture(subject: Subject, folder: Path) -> Path:
    """A new PNG in `folder`, named by channel, time and view. Raises CannotSave."""
    stamp = datetime.fromtimestamp(subject.look.window.start, subject.zone)
    name = f"{subject.channel}-{stamp:%Y%m%d-%H%M%S}-{subject.look.view.name.lower()}.png"
    path = free_name(folder / name)
    save_bytes(path, [render(subject, "png")])
    return path


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    """Pixels, width and height. Raises InputError where no picture of that size can be drawn."""
    if not all(300 <= side <= 8000 for side in size):
        raise InputError("A picture is 300 to 8000 pixels wide and high.", "For example 1920x1080.")
    return size


def render(subject: Subject, format: str, size: tuple[int, int] = SIZE) -> bytes:
    """The picture. `format` is one of FORMATS; `size` is in pixels.

    Takes a second, most of it for loading matplotlib. Raises InputError.
    """
    if format not in FORMATS:
        raise InputError(f"No such picture: {format}.", f"Choose one of {', '.join(FORMATS)}.")
    width, height = check_size(size)
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.BytesIO()
    with _DRAWING, matplotlib.rc_context(_SETTINGS):
        dpi = max(_LEAST_DPI, _DPI * min(width / SIZE[0], height / SIZE[1]))
        figure = Figure((width / dpi, height / dpi), dpi=dpi, facecolor=_GROUND)
        figure.set_layout_engine("constrained")
        _draw(figure, subject)
        figure.savefig(stream, format=format, metadata=_NO_DATE[format])
    return stream.getvalue()


def _draw(figure: Figure, subject: Subject) -> None:
    axes: Axes = figure.subplots()
    look, recorded = subject.look, subject.recorded
    series = series_of(
        recorded,
        look.view,
        grid(recorded.track, look.window.start, look.window.end, _BINS),
        is_grouped=look.is_grouped,
        is_corrected=look.is_corrected,
    )
    bands = bands_of(look.view, look.is_grouped)
    if look.view is View.SHARES:
        draw_stack(axes, series, bands)
    else:
        draw_lines(axes, series, bands, is_corrected=look.corrects)
    dress(axes, look, subject.zone)
    mark_moments(axes, subject.moments, look)
    visible = cut(recorded.track, look.window.start, look.window.end)
    axes.set_title(_title(subject, visible), loc="left", fontsize=12, pad=18)
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            loc="upper left",
            bbox_to_anchor=(1.005, 1),
            facecolor=_PANEL,
            edgecolor=QUIET,
        )


def _title(subject: Subject, visible: Recording) -> str:
    window, zone = subject.look.window, subject.zone
    peak = int(visible.viewers.max()) if len(visible) else 0
    pieces = (
        subject.channel,
        f"{day(window.start, zone)} {clock(window.start, zone)} – {clock(window.end, zone)}",
        length(window.span + 1),
        f"peak {peak} viewers" if peak != 1 else "peak 1 viewer",
        "corrected for the engine's mistakes, 95 % bands" if subject.look.corrects else "",
    )
    return " · ".join(piece for piece in pieces if piece)
