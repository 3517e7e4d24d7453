"""Pure: which rows go into which tab, and the next call to make."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from resonance_tui.sinks.sheets.layout import HEADER_ROWS, WIDTH

BATCH_ROWS = 60
CELL_LIMIT = 10_000_000  # of one spreadsheet
GAP_S = 900  # a longer pause, without a recorder that starts, begins a new tab
LEAST_GRID, MOST_AHEAD = 600, 3600  # rows


@dataclass(frozen=True, slots=True)
class Tab:
    """The tab of one recording. `confirmed <= placed`; see `history/schema.py` for each field."""

    id: int
    channel: str
    source: str
    started: int
    book: str
    gid: int
    title: str
    placed: int = 0
    confirmed: int = 0
    grid: int = 0
    is_left: bool = False
    newest: int = 0  # the latest second placed in it; `started` while there is none

    @property
    def is_behind(self) -> bool:
        return not self.is_left and self.confirmed < self.placed


@dataclass(frozen=True, slots=True)
class Make:
    """Make the tab, with a grid of `rows` rows."""

    tab: Tab
    rows: int


@dataclass(frozen=True, slots=True)
class Grow:
    """Grow the grid of the tab to `rows` rows, so that the next batch fits."""

    tab: Tab
    rows: int


@dataclass(frozen=True, slots=True)
class Send:
    """Write positions `first` to `last` of the tab."""

    tab: Tab
    first: int
    last: int


Step = Make | Grow | Send


def next_step(tabs: Iterable[Tab]) -> Step | None:
    """The next step for the oldest tab that is behind; None when Google has everything."""
    behind = [tab for tab in tabs if tab.is_behind]
    if not behind:
        return None
    tab = min(behind, key=lambda tab: (tab.started, tab.id))
    last = min(tab.placed, tab.confirmed + BATCH_ROWS)
    if tab.grid == 0:
        return Make(tab, grid_rows(tab.placed))
    if HEADER_ROWS + last > tab.grid:
        return Grow(tab, grid_rows(tab.placed))
    return Send(tab, tab.confirmed + 1, last)


def grid_rows(placed: int) -> int:
    """The grid for `placed` rows: twice as many, with at most an hour to spare."""
    return HEADER_ROWS + placed + min(max(placed, LEAST_GRID), MOST_AHEAD)


def is_too_full(cells: int, more_rows: int) -> bool:
    """Whether a spreadsheet that holds `cells` cannot take `more_rows` rows."""
    return cells + more_rows * WIDTH > CELL_LIMIT


@dataclass(slots=True)
class _Run:
    started: int
    newest: int
    tab: Tab | None
    seconds: list[int]


def place(tabs: Iterable[Tab], seconds: Iterable[int]) -> list[tuple[Tab | None, list[int]]]:
    """Where the seconds of one channel and source go that have no place yet.

    A second belongs to the latest tab that had started by then, unless nothing was recorded for
    GAP_S: None stands for a new tab that starts with its first second. Nothing goes into a tab
    that was left.
    """
    ours = sorted((tab for tab in tabs if not tab.is_left), key=lambda tab: (tab.started, tab.id))
    runs = [_Run(tab.started, max(tab.newest, tab.started), tab, []) for tab in ours]
    for second in sorted(set(seconds)):
        after = bisect_right(runs, second, key=lambda run: run.started)
        run = runs[after - 1] if after else None
        if run is None or second - run.newest > GAP_S:
            run = _Run(second, second, None, [])
            runs.insert(after, run)
        run.seconds.append(second)
        run.newest = max(run.newest, second)
    return [(run.tab, run.seconds) for run in runs if run.seconds]
