"""Everyone in the room, one line each; draws only what is in view and repaints what changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from resonance_tui.emotions import STYLES, Emotion
from resonance_tui.texts import mark, tr
from resonance_tui.tui.styles import (
    BOLD,
    DIM,
    SegmentLine,
    Styles,
    bar,
    fit,
    label_cells,
    line_width,
)
from resonance_tui.tui.widgets.line_widget import PEN_CLASSES, pen_of

if TYPE_CHECKING:
    from textual.reactive import Reactive

    from resonance_tui.room.state import ViewerRow

WITH_WORD = 26  # content widths from which the emotion's word, the bar, both marks have room
WITH_BAR = 42
WITH_MARKS = 44
BAR_CELLS = 7
PERCENT_CELLS = 4
MARK_CELLS = 4  # a space and one mark
HOST_MARK = "★"
NOBODY = mark("Nobody is here yet.")
NOT_CONNECTED = mark("Not connected yet.")


def anonymous(viewer_id: str) -> str:
    """The name shown for a viewer without a nickname."""
    return f"anon-{viewer_id[:4].lower()}"


def own_index(rows: tuple[ViewerRow, ...], viewer_id: str) -> int | None:
    """Where this viewer stands in the room's rows."""
    return next((i for i, row in enumerate(rows) if row.viewer_id == viewer_id), None)


class Roster(ScrollView):
    """The list on the left. Its own line comes first, then the room's order."""

    COMPONENT_CLASSES = PEN_CLASSES

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[ViewerRow, ...] = ()
        self._own: int | None = None
        self._unlisted: tuple[str, ...] = ()
        self._is_known = True
        self._unknown = ""
        self._own_word = ""
        self._drawn: dict[int, ViewerRow | None] = {}
        self._strips: LRUCache[tuple[ViewerRow, bool, str, int], Strip] = LRUCache(512)
        self._width = 0

    def show(
        self,
        rows: tuple[ViewerRow, ...],
        own: int | None,
        *,
        own_word: str = "",
        unlisted: tuple[str, ...] | None = None,
        is_known: bool = True,
        unknown: str = "",
    ) -> None:
        """Take the room's rows; `own` is the index of this viewer's row, `own_word` what it says
        while no emotion is read. `unlisted`: why nobody else is listed, in lines; None: all are.
        `is_known`: False before the first connection. `unknown`: why nobody is listed although
        somebody may be here."""
        others = own, own_word, unlisted or (), is_known, unknown
        if rows is self._rows and others == self._others:
            return
        if others[1:] != self._others[1:]:
            self._drawn.clear()  # what stands below the rows, or on the own one, changes, too
        self._rows = rows
        self._own, self._own_word, self._unlisted, self._is_known, self._unknown = others
        self._fit_virtual_size()
        self._repaint_changed()

    @property
    def _others(self) -> tuple[int | None, str, tuple[str, ...], bool, str]:
        """What is shown beside the rows."""
        return self._own, self._own_word, self._unlisted, self._is_known, self._unknown

    def row_at(self, index: int) -> ViewerRow | None:
        """The row on line `index` of the whole list, or None past its end."""
        if not 0 <= index < len(self._rows):
            return None
        if self._own is None:
            return self._rows[index]
        if index == 0:
            return self._rows[self._own]
        return self._rows[index - 1 if index <= self._own else index]

    def on_resize(self) -> None:
        self._fit_virtual_size()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        self._drawn.clear()

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        row = self.row_at(index)
        self._drawn[index] = row
        if row is None:
            text = self._below(index - len(self._rows))
            return Strip([Segment(fit(text, width), pen_of(self).muted)], max(width, 0))
        is_own = index == 0 and self._own is not None
        word = self._own_word if is_own else ""
        key = (row, is_own, word, width)
        strip = self._strips.get(key)
        if strip is None:
            pen = pen_of(self)
            strip = Strip(row_line(pen, row, is_own, width, word)).adjust_cell_length(
                width, pen.text
            )
            self._strips[key] = strip
        return strip

    def _below(self, line: int) -> str:
        """What stands in the given line after the last row."""
        if self._unlisted:
            text = ("",) * bool(self._rows) + self._unlisted
            return text[line] if line < len(text) else ""
        if self._rows or line:
            return ""
        if not self._is_known:
            return tr(NOT_CONNECTED)
        return self._unknown or tr(NOBODY)

    def _fit_virtual_size(self) -> None:
        """Past the reactive attribute, which would lay out the whole screen: that costs more than
        all the drawing, and people join and leave a large room in every tick. The scroll bar is
        always there (and not to be seen while there is nothing to scroll), so nothing moves."""
        self.set_reactive(cast("Reactive[Size]", Roster.virtual_size), Size(0, len(self._rows)))
        self.vertical_scrollbar.window_virtual_size = len(self._rows)
        self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def _repaint_changed(self) -> None:
        top = self.scroll_offset.y
        visible = range(top, top + self.size.height)
        drawn = self._drawn
        self._drawn = {index: drawn[index] for index in visible if index in drawn}
        for index in visible:
            below = index - len(self._rows)
            is_note = 0 <= below <= len(self._unlisted) and bool(self._unlisted)
            if is_note or index not in drawn or drawn[index] != self.row_at(index):
                self.refresh_line(index)


def row_line(pen: Styles, row: ViewerRow, is_own: bool, width: int, word: str = "") -> SegmentLine:
    """One viewer in at most `width` cells, by what has room. `word`: instead of an emotion."""
    quiet = DIM if row.is_stale else Style.null()
    if row.is_private and not is_own:  # what it answers says nothing of this viewer
        row, word = replace(row, code=Emotion.UNSURE), tr("private")
    color = pen.emotion(row.code) + quiet
    name = (pen.accent + BOLD if is_own else pen.text) + quiet
    shown = _fitting_marks(row, is_own, width)
    mark_cells = MARK_CELLS * (2 if width >= WITH_MARKS else 1)
    tail: SegmentLine = []
    if width >= WITH_WORD and word:
        sure_cells = PERCENT_CELLS + BAR_CELLS * (width >= WITH_BAR)
        tail.append(Segment(fit(word, label_cells() + sure_cells), color))
    elif width >= WITH_WORD:
        tail.append(Segment(fit(row.code.label, label_cells()), color))
    if not (word and width >= WITH_WORD):
        tail += _how_sure(pen, row, color, width, quiet)
    tail.append(Segment(fit(" " + " ".join(shown), mark_cells), pen.muted + quiet))
    name_cells = max(width - 2 - line_width(tail), 0)
    called = row.nickname or anonymous(row.viewer_id)
    return [
        Segment(STYLES[row.code].glyph + " ", color + BOLD),
        Segment(fit(called, name_cells - 1) + " " if name_cells else "", name),
        *tail,
    ]


def _how_sure(pen: Styles, row: ViewerRow, color: Style, width: int, quiet: Style) -> SegmentLine:
    has_bar = width >= WITH_BAR
    if not row.code.is_emotion:
        return [Segment(" " * (PERCENT_CELLS + BAR_CELLS * has_bar), pen.text)]
    sure = min(max(row.confidence, 0), 100)
    line = bar(sure / 100, BAR_CELLS, color, pen.track + quiet) if has_bar else []
    return [*line, Segment(f"{sure:>3}%", pen.text + quiet)]


def _fitting_marks(row: ViewerRow, is_own: bool, width: int) -> list[str]:
    """Two where there is room. With room for one, the own line is known by its place and says what
    the own panel marks."""
    words = marks(row, is_own)
    if width >= WITH_MARKS:
        return words[:2]
    return words[1:2] or words if is_own else words[:1]


def marks(row: ViewerRow, is_own: bool) -> list[str]:
    """Words in order of weight."""
    words = [
        (is_own, tr("you")),
        (row.is_host, HOST_MARK),
        (row.is_simulated, tr("sim")),
        (row.is_film, tr("vid")),
        (row.is_manual, tr("key")),
        (row.is_stale, "…"),
    ]
    return [word for holds, word in words if holds]
