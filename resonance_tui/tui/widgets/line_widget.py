"""The base of widgets that draw themselves line by line and repaint only lines that changed."""

from __future__ import annotations

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from resonance_tui.tui.styles import SegmentLine, Styles

PEN_CLASSES = {
    "pen--text",
    "pen--muted",
    "pen--good",
    "pen--warn",
    "pen--bad",
    "pen--accent",
    "pen--track",
}


OLD = "-old"  # the class of a widget that shows what was known before the connection was lost


def pen_of(widget: Widget) -> Styles:
    """The pen under the widget's present style sheet (Textual caches the look-ups)."""
    style = widget.get_component_rich_style
    if widget.has_class(OLD):
        grey, track = style("pen--muted"), style("pen--track")
        return Styles(grey, grey, grey, grey, grey, grey, track, is_old=True)
    return Styles(
        text=style("pen--text"),
        muted=style("pen--muted"),
        good=style("pen--good"),
        warn=style("pen--warn"),
        bad=style("pen--bad"),
        accent=style("pen--accent"),
        track=style("pen--track"),
    )


class LineWidget(Widget):
    """Subclasses implement `draw`; call `redraw` after changing their data."""

    COMPONENT_CLASSES = PEN_CLASSES

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] = []

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        """Lines of at most `width` cells, top to bottom; missing ones stay empty."""
        return []

    def redraw(self) -> None:
        """Draw anew and repaint the lines that differ."""
        width, height = self.size
        if not self.is_attached or width <= 0 or height <= 0:
            return
        before, self._strips = self._strips, self._build(width, height)
        for y, strip in enumerate(self._strips):
            if y >= len(before) or strip != before[y]:
                self.refresh(Region(0, y, width, 1))

    def _build(self, width: int, height: int) -> list[Strip]:
        pen = pen_of(self)
        lines = self.draw(pen, width, height)[:height]
        lines += [[]] * (height - len(lines))
        return [Strip(line).adjust_cell_length(width, pen.text) for line in lines]

    def on_resize(self) -> None:
        self.redraw()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips = []
        self.redraw()

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)
