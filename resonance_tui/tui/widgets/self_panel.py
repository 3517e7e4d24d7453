"""What this viewer's machine reads from their face, and whether it is shared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment

from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.texts import tr
from resonance_tui.tui.state_words import fitting, percent
from resonance_tui.tui.styles import BOLD, SegmentLine, Styles, bar, column
from resonance_tui.tui.widgets.line_widget import LineWidget

if TYPE_CHECKING:
    from resonance_tui.session import SelfView

WIDE = 56  # cells, from which on a panel without a frame says what its edge would


class SelfPanel(LineWidget):
    """The viewer's own line, with how sure and the whole reading where there is room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[SelfView | None, tuple[str, ...], str, str] = (None, (), "", "")

    def show(self, me: SelfView, note: tuple[str, ...], absent: str, baseline: str = "") -> None:
        """`note`: what is to be known of this state (see `state_words.own_note`), `absent`: what
        stands there while no emotion is read, and `baseline`: that the own neutral is in use."""
        if (me, note, absent, baseline) != self._shown:
            if baseline != self._shown[-1]:
                self.border_subtitle = baseline
            self._shown = (me, note, absent, baseline)
            self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        me, note, absent, baseline = self._shown
        if me is None:
            return []
        label = "" if self.styles.border_top[0] else f" {_who(baseline, width)}: "
        word = me.code.label if me.code is not Emotion.AWAY else absent
        head = _own_head(pen, me, word, label, note, width, has_bar=height == 1)
        if height == 1:
            return [head]
        air: list[SegmentLine] = [[]] if height >= 4 else []
        lines = [head, *air, _sure_line(pen, me, width)]
        return [*lines, _reading_line(pen, me, width)] if height >= 3 else lines


def _who(baseline: str, width: int) -> str:
    """The title of a panel without a frame; a narrow one has a star for the baseline."""
    if not baseline:
        return tr("you")
    return f"{tr('you')}, {baseline}" if width >= WIDE else f"{tr('you')}*"


def _own_head(
    pen: Styles,
    me: SelfView,
    word: str,
    label: str,
    notes: tuple[str, ...],
    width: int,
    *,
    has_bar: bool,
) -> SegmentLine:
    shows_emotion = me.code.is_emotion
    color = pen.emotion(me.code) + BOLD
    line = [Segment(label, pen.muted)] if label else []
    line.append(Segment(f"{STYLES[me.code].glyph} {word} ", color))
    if shows_emotion:
        line.append(Segment(f"{percent(me)} %", pen.strong))
    used = sum(cell_len(segment.text) for segment in line)
    note = fitting(notes, width - used - 3)
    if note and width - used >= cell_len(note) + 3:
        return [*line, Segment(f"   {note}", pen.warn)]
    if has_bar and shows_emotion and width - used >= 8:
        cells = min(width - used - 3, 24)
        return [*line, Segment("  ", pen.text), *bar(me.confidence, cells, color, pen.track)]
    return line


def _sure_line(pen: Styles, me: SelfView, width: int) -> SegmentLine:
    sure = me.confidence if me.code.is_emotion else 0.0
    return bar(sure, width, pen.emotion(me.code), pen.track)


def _reading_line(pen: Styles, me: SelfView, width: int) -> SegmentLine:
    """All seven probabilities as one column each: the reading behind the word."""
    label = f"{tr('reading')}  "
    line = [Segment(label, pen.muted)]
    if len(me.probabilities) != len(EMOTIONS):
        return [*line, Segment("─", pen.muted)]
    step = 5 if width >= cell_len(label) + 5 * len(EMOTIONS) else 3
    for code, share in zip(EMOTIONS, me.probabilities, strict=True):
        cell = f"{STYLES[code].glyph} {column(share)}" if step == 5 else column(share)
        line.append(Segment(cell.ljust(step), pen.emotion(code)))
    return line
