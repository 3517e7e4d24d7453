"""The room over the last five minutes: a row of columns per emotion, or one strip of moods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.texts import tr
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles, centred, column, fit, label_cells
from resonance_tui.tui.widgets.line_widget import LineWidget

if TYPE_CHECKING:
    from resonance_tui.room.timeline import TimelinePoint

SPAN_S = 300
VALUE_CELLS = 6  # " 100 %"
NO_LABEL_BELOW = 36
GAP = " "
NOBODY_SHOWS = "·"


@dataclass(frozen=True, slots=True)
class Column:
    """What the room was like during one column: means over its seconds."""

    viewers: float
    counts: tuple[float, ...]

    @property
    def shown(self) -> float:
        return sum(self.counts)

    def share(self, code: Emotion) -> float:
        return self.counts[code] / self.shown if self.shown else 0.0

    @property
    def leader(self) -> Emotion | None:
        if not self.shown:
            return None
        return max(EMOTIONS, key=lambda code: self.counts[code])


def columns(points: Sequence[TimelinePoint], width: int) -> list[Column | None]:
    """`width` columns that end with the newest point; None where nothing is known.

    Columns start at whole multiples of their duration, so they slide and never flicker."""
    if not points or width <= 0:
        return [None] * max(width, 0)
    seconds = max(SPAN_S / width, 1.0)
    bins: dict[int, list[TimelinePoint]] = {}
    for point in points:
        bins.setdefault(int(point.t // seconds), []).append(point)
    last = int(points[-1].t // seconds)
    return [_mean(bins.get(index)) for index in range(last - width + 1, last + 1)]


def _mean(points: list[TimelinePoint] | None) -> Column | None:
    if not points:
        return None
    n = len(points)
    sums = [sum(values) / n for values in zip(*(point.counts for point in points), strict=True)]
    return Column(sum(point.viewers for point in points) / n, tuple(sums))


class TimelinePanel(LineWidget):
    """By its height: seven rows and an axis; the moods, their strength, an axis; the moods."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._points: tuple[TimelinePoint, ...] = ()

    def show(self, points: tuple[TimelinePoint, ...]) -> None:
        if points != self._points:
            self._points = points
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        label, value = (2 + label_cells(), VALUE_CELLS) if width >= NO_LABEL_BELOW else (0, 0)
        cols = columns(self._points, min(width - label - value, SPAN_S))
        pad = width - label - value - len(cols)
        if height > len(EMOTIONS):
            return _emotion_rows(pen, cols, label + pad)
        lines = [_mood_strip(pen, cols, label + pad)]
        if height >= 3:
            lines.append(_shared_by(pen, cols, label + pad))
        if height >= 2:
            lines.append(_axis(pen, len(cols), label + pad, ""))
        return lines


def _emotion_rows(pen: Styles, cols: list[Column | None], label: int) -> list[SegmentLine]:
    known = [col for col in cols if col]
    shares = [col.share(code) for col in known for code in EMOTIONS]
    top = max(ceil(max(shares, default=0.0) * 4) / 4, 0.25)
    newest = known[-1] if known else None
    lines = [_emotion_row(pen, code, cols, top, newest, label) for code in EMOTIONS]
    return [*lines, _axis(pen, len(cols), label, tr("full height {share:.0f} %", share=top * 100))]


def _emotion_row(
    pen: Styles,
    code: Emotion,
    cols: list[Column | None],
    top: float,
    newest: Column | None,
    label: int,
) -> SegmentLine:
    text = "".join(column(col.share(code) / top) if col else GAP for col in cols)
    share = newest.share(code) if newest else 0.0
    is_leader = newest is not None and newest.leader == code
    style = pen.text if share else pen.muted
    color = pen.emotion(code)
    line = _label(f"{STYLES[code].glyph} {code.label}", label, color if share else pen.muted)
    line.append(Segment(text, color))
    if label and newest:
        value = style + BOLD if is_leader else style
        line.append(Segment(f"{share * 100:>4.0f} %", value))
    return line


def _mood_strip(pen: Styles, cols: list[Column | None], label: int) -> SegmentLine:
    """The largest emotion of each moment by its glyph: needs no colour to be read."""
    cells: list[tuple[str, Style]] = []
    for col in cols:
        leader = col.leader if col else None
        if col is None or leader is None:
            cells.append((NOBODY_SHOWS if col else GAP, pen.muted))
        else:
            cells.append((STYLES[leader].glyph, pen.emotion(leader)))
    return [*_label(tr("mood"), label, pen.muted), *_runs(cells)]


def _shared_by(pen: Styles, cols: list[Column | None], label: int) -> SegmentLine:
    """How many of the room share that largest emotion, as columns in its colour."""
    cells: list[tuple[str, Style]] = []
    share: float | None = None
    for col in cols:
        leader = col.leader if col else None
        if col is None or leader is None:
            cells.append((GAP, pen.muted))
        else:
            share = col.share(leader)
            cells.append((column(share), pen.emotion(leader)))
    line = [*_label(tr("shared by"), label, pen.muted), *_runs(cells)]
    if not label or share is None:
        return line
    return [*line, Segment(f"{share * 100:>4.0f} %", pen.text)]


def _runs(cells: list[tuple[str, Style]]) -> SegmentLine:
    """Neighbours of one style become one segment."""
    return [
        Segment("".join(text for text, _ in run), style)
        for style, run in groupby(cells, key=lambda cell: cell[1])
    ]


def _axis(pen: Styles, cells: int, label: int, note: str) -> SegmentLine:
    left, right = tr("5 min ago"), tr("now")
    free = cells - cell_len(left) - cell_len(right)
    if free < 2:
        shown = fit(" " * (cells - cell_len(right)) + right, cells)
        return [*_label("", label, pen.muted), Segment(shown, pen.muted)]
    note = note if cell_len(note) + 4 <= free else ""
    return [*_label("", label, pen.muted), Segment(left + centred(note, free) + right, pen.muted)]


def _label(text: str, cells: int, style: Style) -> SegmentLine:
    return [Segment(fit(text, cells), style)] if cells > 0 else []
