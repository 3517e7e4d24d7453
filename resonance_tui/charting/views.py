"""Pure: the table of views. Another way to look at a recording is another row of VIEWS.

What computes their lines stands in `lines` and is loaded by the first chart: the command line
names the views without numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from resonance_tui import palette
from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from resonance_tui.charting.series import Grid, Series
    from resonance_tui.history.recording import Recorded


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """What one line of a chart stands for. Colour is never alone: a glyph, a letter and a word
    always stand with it."""

    word: str  # a message id, as are the texts of a view
    glyph: str  # one terminal cell
    letter: str  # where there is no colour
    color: str  # "#rrggbb"
    codes: tuple[Emotion, ...] = ()  # the emotions that are counted together

    @property
    def rgb(self) -> tuple[int, int, int]:
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


Legend = tuple[LegendEntry, ...]
LineFunction = Callable[["Recorded", "Grid", Legend, bool], "Series"]


def _group(word: str, code: Emotion, letter: str = "") -> LegendEntry:
    """A group that looks like its best known member."""
    style = STYLES[code]
    members = tuple(member for member in EMOTIONS if STYLES[member].group == word)
    return LegendEntry(word, style.glyph, letter or style.letter, style.color, members)


CLASSES: Legend = tuple(
    LegendEntry(
        STYLES[code].word, STYLES[code].glyph, STYLES[code].letter, STYLES[code].color, (code,)
    )
    for code in EMOTIONS
)
GROUPS: Legend = (
    _group(mark("happy"), Emotion.HAPPINESS),
    _group(mark("negative"), Emotion.SADNESS, "G"),  # N is taken
    _group(mark("neutral"), Emotion.NEUTRAL),
    _group(mark("surprise"), Emotion.SURPRISE),
)


class Unit(Enum):
    """What the left edge of a chart counts."""

    VIEWERS = auto()
    PERCENT = auto()  # of everyone present, unsure and away included
    POINTS = auto()  # 0 to 100


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """One way to look at a recording: a row of VIEWS.

    Word, title and `when_unknown` are message ids: they are translated where they are drawn.
    """

    name: str  # of --view, and in the names of pictures
    word: str  # in the list of views
    title: str  # of the left edge
    unit: Unit
    load: Callable[[], LineFunction]  # gives the function that computes its lines
    lines: Legend = ()  # empty: the emotions or their groups, which can be corrected
    is_stacked: bool = False  # painted as layers, not as lines
    full: int | None = None  # the top of the left edge; None: as high as the lines are
    when_unknown: str = mark("nobody was there")  # why no line has a value where rows were recorded

    @property
    def is_of_emotions(self) -> bool:
        """Whether its lines can be grouped and corrected."""
        return not self.lines

    def series(
        self, recorded: Recorded, grid: Grid, legend: Legend, *, is_corrected: bool
    ) -> Series:
        """Its lines over the buckets of a grid, one for each entry of the legend; NaN where
        nothing is known. Only views of emotions can be corrected."""
        return self.load()(recorded, grid, legend, is_corrected)

    def legend(self, *, is_grouped: bool) -> Legend:
        return self.lines or (GROUPS if is_grouped else CLASSES)


def _lines():  # no annotation: its type is the module itself
    """Loads numpy."""
    from resonance_tui.charting import lines

    return lines


VIEWS: dict[str, ViewSpec] = {
    view.name: view
    for view in (
        ViewSpec(
            "emotions",
            mark("viewers per emotion"),
            mark("viewers per emotion"),
            Unit.VIEWERS,
            lambda: _lines().counts,
        ),
        ViewSpec(
            "shares",
            mark("shares"),
            mark("% of the room"),
            Unit.PERCENT,
            lambda: _lines().shares,
            is_stacked=True,
            full=100,
        ),
        ViewSpec(
            "viewers",
            mark("viewers"),
            mark("viewers"),
            Unit.VIEWERS,
            lambda: _lines().viewers,
            (
                LegendEntry(mark("viewers"), "●", "V", palette.VIEWERS),
                LegendEntry(mark("read"), "─", "R", palette.READ),  # of whom an emotion is known
            ),
        ),
        ViewSpec(
            "score",
            mark("resonance"),
            mark("resonance, 0 to 100"),
            Unit.POINTS,
            lambda: _lines().scores,
            (LegendEntry(mark("resonance"), "◆", "R", palette.RESONANCE),),
            full=100,
            when_unknown=mark("resonance needs two viewers for ten seconds"),
        ),
    )
}
FIRST_VIEW = next(iter(VIEWS.values()))


def neighbour(view: ViewSpec, by: int) -> ViewSpec:
    """The view `by` rows on in the table, around and around."""
    views = list(VIEWS.values())
    return views[(views.index(view) + by) % len(views)]
