"""A recorded room as it was live, and as people watched it later, side by side and never added."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.texts import tr, tr_n
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles, bar, fit, label_cells
from resonance_tui.tui.widgets.line_widget import LineWidget
from resonance_tui.widths import printable

if TYPE_CHECKING:
    from resonance_tui.history.replayed_room import People

GAP = 2  # cells between the halves
NO_BAR_BELOW = 16


@dataclass(frozen=True, slots=True)
class Half:
    """One of the two rooms. `words` say why `people` are not shown, where that is None."""

    title: str
    short_title: str
    people: People | None = None
    words: str = ""


class TwoRooms(LineWidget):
    """Seven lines, each with a bar and numbers for the live room and for the late one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._halves: tuple[Half, ...] = ()

    def show(self, live: Half, late: Half) -> None:
        if (live, late) != self._halves:
            self._halves = (live, late)
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        label = 3 + max(label_cells(), cell_len(tr("no emotion")))
        cells = max((width - label - GAP) // 2, 0)
        columns = [_column(pen, half, cells) for half in self._halves]
        labels: list[SegmentLine] = [
            [Segment(" " * label, pen.text)],
            *([_label(pen, code, label)] for code in EMOTIONS),
            [Segment(fit(f"   {tr('no emotion')}", label), pen.muted)],
        ]
        gap = Segment(" " * GAP, pen.text)
        return [
            [*head, *(segment for half in halves for segment in (*half, gap))][:-1]
            for head, *halves in zip(labels, *columns, strict=True)
        ]


def _label(pen: Styles, code: Emotion, cells: int) -> Segment:
    return Segment(fit(f" {STYLES[code].glyph} {code.label}", cells), pen.emotion(code))


def _column(pen: Styles, half: Half, cells: int) -> list[SegmentLine]:
    """A title, a line for each emotion, and who shows none."""
    people = half.people
    if people is None:
        title = fit(half.title if cell_len(half.title) <= cells else half.short_title, cells)
        words = wrap(printable(half.words), max(cells, 1))[: len(EMOTIONS)]
        texts = [*words, *[""] * (1 + len(EMOTIONS) - len(words))]
        lines: list[SegmentLine] = [[Segment(fit(text, cells), pen.muted)] for text in texts]
        return [[Segment(title, pen.text)], *lines]
    many = tr_n("{count} viewer", "{count} viewers", people.all)
    titles = (f"{half.title} · {many}", f"{half.title} · {people.all}", half.short_title)
    title = next((text for text in titles if cell_len(text) <= cells), titles[-1])
    others = fit(f"{people.others:>4}".rjust(max(cells - 5, 4)), cells)
    return [
        [Segment(fit(title, cells), pen.strong)],
        *(_bar_line(pen, people, code, cells) for code in EMOTIONS),
        [Segment(others, pen.text if people.others else pen.muted)],
    ]


def _bar_line(pen: Styles, people: People, code: Emotion, cells: int) -> SegmentLine:
    count, read = people.counts[code], sum(people.counts)
    share = count / read if read else 0.0
    is_leader = count > 0 and count == max(people.counts)
    style = pen.emotion(code) + BOLD if is_leader else pen.text if count else pen.muted
    numbers = fit(f"{count:>4}{100 * share:>4.0f}%", min(cells, 9))
    if cells < NO_BAR_BELOW:
        return [Segment(fit(numbers, cells), style)]
    drawn = bar(share, cells - len(numbers), pen.emotion(code), pen.track)
    return [*drawn, Segment(numbers, style)]
