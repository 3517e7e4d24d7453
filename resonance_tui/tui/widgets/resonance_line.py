"""How much the room moves together, on one line: number, words, the last five minutes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.texts import mark, tr
from resonance_tui.tui.styles import SegmentLine, Styles, column, fit, line_width

if TYPE_CHECKING:
    from resonance_tui.room.timeline import TimelinePoint

SPAN_S = 300
MOST_CELLS = 60  # of the past
LEAST_CELLS = 5
# Up to which score, 0-1, a room is said to be what.
WORDS = (
    (0.15, mark("each alone")),
    (0.35, mark("a little together")),
    (0.60, mark("partly together")),
    (0.85, mark("mostly together")),
    (1.00, mark("as one")),
)
UNKNOWN, TOO_FEW = mark("listening …"), mark("needs two viewers")


def resonance_words(score: float) -> str:
    return tr(next(words for top, words in WORDS if score <= top))


def past(points: Sequence[TimelinePoint], cells: int) -> list[float | None]:
    """Mean scores over the last five minutes in `cells` steps, the newest last; None where there
    was none. Steps start at whole multiples of their length, so they slide and never flicker."""
    if not points or cells <= 0:
        return [None] * max(cells, 0)
    step = SPAN_S / cells
    bins: dict[int, list[float]] = {}
    for point in points:
        if point.resonance is not None:
            bins.setdefault(int(point.t // step), []).append(point.resonance)
    last = int(points[-1].t // step)
    means = {index: sum(scores) / len(scores) for index, scores in bins.items()}
    return [means.get(index) for index in range(last - cells + 1, last + 1)]


def resonance_line(
    pen: Styles,
    score: float | None,
    points: Sequence[TimelinePoint],
    width: int,
    *,
    is_crowd: bool,
) -> SegmentLine:
    """`is_crowd`: at least two viewers are read, so that there can be a score."""
    line = [Segment(f" {tr('resonance')} ", pen.muted)]
    if score is None:
        return [*line, Segment(tr(UNKNOWN if is_crowd else TOO_FEW), pen.muted)]
    line.append(Segment(f"{100 * score:>3.0f} %", pen.strong))
    left = width - line_width(line)
    words_cells = max(cell_len(tr(words)) for _, words in WORDS)
    if left >= words_cells + 2:
        line.append(Segment(f"  {fit(resonance_words(score), words_cells)}", pen.text))
        left -= words_cells + 2
    cells = min(left - 2, MOST_CELLS)
    if cells < LEAST_CELLS:
        return line
    steps = "".join(
        " " if step is None else column(max(step, 0.01)) for step in past(points, cells)
    )
    return [*line, Segment("  ", pen.text), Segment(steps, pen.accent)]
