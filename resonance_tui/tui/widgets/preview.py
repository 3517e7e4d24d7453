"""What the engine sees of this viewer, in grey half-blocks; drawn here and nowhere else."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from resonance_tui.texts import mark, tr
from resonance_tui.tui.styles import SegmentLine, Styles, centred
from resonance_tui.tui.widgets.line_widget import LineWidget

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

GREYS = 16
ONLY_HERE = mark("only you see this")


class Preview(LineWidget):
    """A square picture, two pixels a cell. The screen feeds it only while it is shown."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._image: NDArray[uint8] | None = None
        self._absent = ""

    def show(self, image: NDArray[uint8] | None, absent: str = "") -> None:
        """Draw a grey picture (side, side), or say why there is none: `absent`."""
        self._image, self._absent = image, absent
        self.redraw()

    def draw(self, pen: Styles, width: int, height: int) -> list[SegmentLine]:
        caption = [Segment(centred(tr(ONLY_HERE), width), pen.muted)]
        rows = height - 1 if height > 4 else height
        if self._image is None or min(self._image.shape) < 1:
            empty: list[SegmentLine] = [[] for _ in range(rows)]
            empty[rows // 2] = [Segment(centred(self._absent, width), pen.muted)]
            return [*empty, caption]
        side = min(width, 2 * rows)
        left = [Segment(" " * ((width - side) // 2), pen.text)]
        lines = [left + line for line in half_blocks(self._image, side, side // 2)]
        return [*lines, caption]


def half_blocks(image: NDArray[uint8], columns: int, rows: int) -> list[SegmentLine]:
    """A grey picture on `columns` x `rows` cells: upper pixel in front, lower pixel behind."""
    height, width = image.shape[:2]
    ys = [int((y + 0.5) * height / (2 * rows)) for y in range(2 * rows)]
    xs = [int((x + 0.5) * width / columns) for x in range(columns)]
    pixels = (image[ys][:, xs] // (256 // GREYS)).tolist()
    return [_run_lengths(pixels[y], pixels[y + 1]) for y in range(0, 2 * rows, 2)]


def _run_lengths(upper: list[int], lower: list[int]) -> SegmentLine:
    line: SegmentLine = []
    start = 0
    pairs = list(zip(upper, lower, strict=True))
    for x in range(1, len(pairs) + 1):
        if x == len(pairs) or pairs[x] != pairs[start]:
            line.append(Segment("▀" * (x - start), _shade(*pairs[start])))
            start = x
    return line


@lru_cache(GREYS * GREYS)
def _shade(upper: int, lower: int) -> Style:
    return Style(color=_grey(upper), bgcolor=_grey(lower))


def _grey(level: int) -> str:
    value = level * 255 // (GREYS - 1)
    return f"#{value:02x}{value:02x}{value:02x}"
