"""Pure: the table of views. Another way to look at a recording is another row of VIEWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from resonance_tui import palette
from resonance_tui.charting.series import Grid, Series, means, min_max, parted
from resonance_tui.emotions import EMOTIONS, STYLES, Emotion
from resonance_tui.history.recording import Floats, Recorded, Recording
from resonance_tui.room.correction import LEAST_VIEWERS, correct_counts


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """What one line of a chart stands for. Colour is never alone: a glyph, a letter and a word
    always stand with it."""

    word: str
    glyph: str  # one terminal cell
    letter: str  # where there is no colour
    color: str  # "#rrggbb"
    codes: tuple[Emotion, ...] = ()  # the emotions that are counted together

    @property
    def rgb(self) -> tuple[int, int, int]:
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


Legend = tuple[LegendEntry, ...]


def _group(word: str, code: Emotion, letter: str = "") -> LegendEntry:
    """A group that looks like its best known member."""
    style = STYLES[code]
    members = tuple(member for member in EMOTIONS if STYLES[member].group == word)
    return LegendEntry(word, style.glyph, letter or style.letter, style.color, members)


CLASSES: Legend = tuple(
    LegendEntry(code.word, STYLES[code].glyph, STYLES[code].letter, STYLES[code].color, (code,))
    for code in EMOTIONS
)
GROUPS: Legend = (
    _group("happy", Emotion.HAPPINESS),
    _group("negative", Emotion.SADNESS, "G"),  # N is taken
    _group("neutral", Emotion.NEUTRAL),
    _group("surprise", Emotion.SURPRISE),
)


class Unit(Enum):
    """What the left edge of a chart counts."""

    VIEWERS = auto()
    PERCENT = auto()  # of everyone present, unsure and away included
    POINTS = auto()  # 0 to 100


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """One way to look at a recording: a row of VIEWS."""

    name: str  # of --view, and in the names of pictures
    word: str  # in the list of views
    title: str  # of the left edge
    unit: Unit
    # The lines over the buckets of a grid, corrected or not; of a view of emotions one for each
    # entry of the legend. NaN where nothing is known.
    series: Callable[[Recorded, Grid, Legend, bool], Series]
    lines: Legend = ()  # empty: the emotions or their groups, which can be corrected
    is_stacked: bool = False  # painted as layers, not as lines
    full: int | None = None  # the top of the left edge; None: as high as the lines are
    when_unknown: str = "nobody was there"  # why no line has a value where rows were recorded

    @property
    def is_of_emotions(self) -> bool:
        """Whether its lines can be grouped and corrected."""
        return not self.lines

    def legend(self, *, is_grouped: bool) -> Legend:
        return self.lines or (GROUPS if is_grouped else CLASSES)


def measured(
    values: Callable[[Recorded], NDArray],
) -> Callable[[Recorded, Grid, Legend, bool], Series]:
    """Lines of what is known of each second: `values` gives `[N, K]`, a row for each of the
    recording's."""
    return lambda recorded, grid, _legend, _is_corrected: min_max(values(recorded), grid)


def _counts(recorded: Recorded, grid: Grid, legend: Legend, is_corrected: bool) -> Series:
    if is_corrected and recorded.confusion is not None:
        return _corrected(recorded.track, grid, legend, recorded.confusion)
    return min_max(collect(recorded.track.counts, legend), grid)


def _shares(recorded: Recorded, grid: Grid, legend: Legend, is_corrected: bool) -> Series:
    """Means in per cent of everyone present, 0 to 100."""
    track = recorded.track
    if is_corrected and recorded.confusion is not None:
        return _per_cent(_corrected(track, grid, legend, recorded.confusion), track, grid)
    mean = collect(means(track.counts, grid), legend).T
    return _per_cent(Series(grid.times, mean, mean, mean, grid.starts), track, grid)


def _viewers(recorded: Recorded) -> NDArray:
    track = recorded.track
    return np.stack([track.viewers, track.viewers - track.others], axis=1)


def _scores(recorded: Recorded) -> Floats:
    known = recorded.scores if len(recorded.scores) else np.full(len(recorded.track), np.nan)
    return 100 * known[:, None]


VIEWS: dict[str, ViewSpec] = {
    view.name: view
    for view in (
        ViewSpec("emotions", "viewers per emotion", "viewers per emotion", Unit.VIEWERS, _counts),
        ViewSpec(
            "shares", "shares", "% of the room", Unit.PERCENT, _shares, is_stacked=True, full=100
        ),
        ViewSpec(
            "viewers",
            "viewers",
            "viewers",
            Unit.VIEWERS,
            measured(_viewers),
            (
                LegendEntry("viewers", "●", "V", palette.VIEWERS),
                LegendEntry("read", "─", "R", palette.READ),  # of whom an emotion is known
            ),
        ),
        ViewSpec(
            "score",
            "resonance",
            "resonance, 0 to 100",
            Unit.POINTS,
            measured(_scores),
            (LegendEntry("resonance", "◆", "R", palette.RESONANCE),),
            full=100,
            when_unknown="resonance needs two viewers for ten seconds",
        ),
    )
}
FIRST_VIEW = next(iter(VIEWS.values()))


def neighbour(view: ViewSpec, by: int) -> ViewSpec:
    """The view `by` rows on in the table, around and around."""
    views = list(VIEWS.values())
    return views[(views.index(view) + by) % len(views)]


def means_over(
    recorded: Recorded, view: ViewSpec, part: Recording, *, is_grouped: bool, is_corrected: bool
) -> tuple[Floats, Floats, Floats]:
    """Mean of each line over `part` with the edges of its error band, `[K]` each.

    Views of emotions are told in viewers whatever their unit. NaN where `part` is empty, or
    corrected means cannot be told; the edges are the mean where nothing is corrected.
    """
    legend = view.legend(is_grouped=is_grouped)
    if not len(part):
        nothing = np.full(len(legend), np.nan)
        return nothing, nothing, nothing
    rows = recorded.rows(part)
    whole = Grid(np.zeros(1), np.array([rows.start, rows.stop]))
    lines = _counts if view.is_of_emotions else view.series
    found = lines(recorded, whole, legend, is_corrected)
    mean = found.mean[:, 0]
    if is_corrected and view.is_of_emotions and recorded.confusion is not None:
        return mean, found.low[:, 0], found.high[:, 0]
    return mean, mean, mean


def is_too_small(part: Recording) -> bool:
    """No second of it has enough viewers for a correction."""
    return not len(part) or int(part.counts.sum(axis=1).max()) < LEAST_VIEWERS


def collect(counts: NDArray, legend: Legend) -> NDArray:
    """`[N, 7]` by emotion to `[N, K]` by line."""
    if legend is CLASSES:
        return counts
    return np.stack([counts[:, list(entry.codes)].sum(axis=1) for entry in legend], axis=1)


def _corrected(track: Recording, grid: Grid, legend: Legend, confusion: Floats) -> Series:
    """Means with the edges of their 95 % band; NaN where fewer than LEAST_VIEWERS showed an
    emotion.

    The error bands of a group's members add up like those of independent numbers, which is rather
    too wide: members are mistaken for each other.
    """
    found = correct_counts(means(track.counts, grid), confusion)
    mean = collect(found.counts, legend).T
    below = np.sqrt(collect((found.counts - found.low) ** 2, legend)).T
    above = np.sqrt(collect((found.high - found.counts) ** 2, legend)).T
    return Series(grid.times, mean, np.maximum(mean - below, 0), mean + above, parted(grid, mean))


def _per_cent(found: Series, track: Recording, grid: Grid) -> Series:
    """Of everyone present, unsure and away included; NaN where nobody was."""
    with np.errstate(invalid="ignore"):
        present = means(track.viewers[:, None], grid).T
        percent = np.where(present > 0, 100 / np.maximum(present, 1e-9), np.nan)
        mean, low, high = (percent * lines for lines in (found.mean, found.low, found.high))
    return Series(grid.times, mean, low, high, parted(grid, mean))
