"""The summary of an evening as a picture: you and the room, side by side."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resonance_tui import palette
from resonance_tui.charting.image import FORMATS, drawn
from resonance_tui.charting.ticks import clock, day
from resonance_tui.emotions import STYLES
from resonance_tui.errors import InputError
from resonance_tui.files import free_name, save_bytes
from resonance_tui.room.together import Evening
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (1200, 800)  # pixels of a PNG
_THICK = 0.38  # of a bar; a row is 1


def picture_format(file: Path) -> str:
    """What the file's name says. Raises InputError."""
    format = file.suffix.lstrip(".").lower()
    if format not in FORMATS:
        raise InputError(
            mark("A summary is a picture, and {name!r} is the name of none.", name=file.name),
            mark(
                "End it in {endings}, as evening.png",
                endings=", ".join(f".{each}" for each in FORMATS),
            ),
        )
    return format


def save_evening(evening: Evening, channel: str, at: float, folder: Path) -> Path:
    """A new PNG in `folder`, named by channel and time (`at`, epoch s). Raises CannotSave."""
    stamp = datetime.fromtimestamp(at).astimezone()
    path = free_name(folder / f"{channel}-{stamp:%Y%m%d-%H%M%S}-you.png")
    save_bytes(path, [render_evening(evening, channel, at, "png")])
    return path


def render_evening(
    evening: Evening, channel: str, at: float, format: str, zone: tzinfo | None = None
) -> bytes:
    """`format`: of `image.FORMATS`; `at`: the end, epoch seconds. Raises InputError."""
    title = f"{channel} · {day(at, zone)} {clock(at, zone)}"
    return drawn(lambda figure: _paint(figure, evening, title), format, SIZE)


def _paint(figure: Figure, evening: Evening, title: str) -> None:
    axes = figure.subplots()
    rows = evening.shares()
    places = np.arange(len(rows))
    colors = [STYLES[code].color for code, _, _ in rows]
    own, room = ([100 * row[at] for row in rows] for at in (1, 2))
    axes.barh(places - _THICK / 2, own, _THICK, color=colors, label=tr("you"))
    axes.barh(places + _THICK / 2, room, _THICK, color=colors, alpha=0.45, label=tr("the others"))
    for place, one, other in zip(places, own, room, strict=True):
        axes.annotate(f" {tr('you')} {one:.0f} %", (one, place - _THICK / 2), va="center")
        axes.annotate(
            f" {tr('the others')} {other:.0f} %", (other, place + _THICK / 2), va="center"
        )
    axes.set_yticks(places, [f"{STYLES[code].letter}  {code.label}" for code, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, max(10.0, *own, *room) * 1.15)
    axes.set_xlabel(tr("per cent of the time"))
    axes.grid(axis="x", color=palette.QUIET, alpha=0.18, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontsize=12)
    figure.supxlabel("\n".join(evening.lines()), fontsize=9.5, x=0.02, ha="left")
