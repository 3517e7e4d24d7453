"""Sends the outbox of one channel to Google, one step at a time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from resonance_tui.errors import (
    SheetNotOurs,
    SheetsBusy,
    SheetsError,
    SheetsFull,
    SheetsRefused,
    StoreError,
)
from resonance_tui.listeners import Listeners
from resonance_tui.sinks.backoff import Backoff
from resonance_tui.sinks.deliveries import LATE_S
from resonance_tui.sinks.sheets.layout import (
    WIDTH,
    Cell,
    Cells,
    Expected,
    edited,
    header,
    header_range,
    rows_range,
    second_of,
    seconds_range,
    tab_title,
    to_cells,
)
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.plan import Grow, Make, Send, Step, Tab, is_too_full, next_step
from resonance_tui.sinks.sheets.spreadsheets import make_successor
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:  # gspread takes a while to load
    from resonance_tui.sinks.sheets.client import Sheets, Spreadsheet

MANY_TABS = 200  # Google's limit of old; how it says so today is not documented
REMOVED = mark("it was removed")


class Sender:
    """Blocks only while it waits for Google. Nothing counts as sent before Google has confirmed it,
    and every write is idempotent, so that the program may be killed at any point."""

    def __init__(
        self,
        outbox: Outbox,
        sheets: Sheets,
        channel: str,
        book: str,
        backoff: Backoff,
        *,
        tell: Callable[[str], None] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._sheets = sheets
        self._channel = channel
        self._book = book
        self._backoff = backoff
        self._tell = Listeners(tell)
        self._clock = clock
        self._draw = draw
        self._since = 0
        self._is_fresh = False  # a new spreadsheet that has not taken a row yet
        self._has_trouble = outbox.trouble(channel) is not None
        self.trouble = ""  # why the last step did not work; "" when it did

    @property
    def is_hopeless(self) -> bool:
        """Whether calls have failed so often in a row that a notice is due."""
        return self._backoff.is_hopeless

    def step(self) -> float | None:
        """Does the next step, if it may be done now. Returns the seconds to wait before the one
        after it, or None when Google has everything.

        What may work later goes into `trouble` and is tried again. Raises SheetsRefused for what
        a person has to fix, and StoreError.
        """
        if wait := self._backoff.wait_s(self._clock()):
            return wait
        self._claim()
        step = next_step(self._outbox.tabs(self._channel))
        if step is None:
            return None
        try:
            self._do(step)
        except SheetsBusy as error:
            self._backoff = self._backoff.failed(self._clock(), self._draw(), error.retry_after_s)
            self._note(error.message)
        except SheetsError as error:
            self._note(f"{error.message} {error.hint}".strip())
            raise
        else:
            self._backoff = self._backoff.worked()
            self._note("")
        return self._backoff.wait_s(self._clock())

    def _claim(self) -> None:
        """Gives places to new rows: at first to all, then from LATE_S before the newest on."""
        latest = self._since
        while (newest := self._outbox.claim(self._channel, self._book, latest)) is not None:
            latest = newest
        self._since = max(self._since, latest - LATE_S)

    def _do(self, step: Step) -> None:
        try:
            match step:
                case Make():
                    self._make(step.tab, step.rows)
                case Grow():
                    self._grow(step.tab, step.rows)
                case Send():
                    self._send(step)
        except SheetsFull:
            self._change_book(step.tab)
        except SheetNotOurs:
            if step.tab.book == self._book:
                raise
            self._move(step.tab, self._book, set())  # another sheet was named since

    def _make(self, tab: Tab, rows: int) -> None:
        book = self._sheets.book(tab.book)
        if (there := book.tabs.get(tab.gid)) is not None:  # made before, and the answer was lost
            self._outbox.made(tab, there.rows, there.title)
            return
        if is_too_full(book.cells, rows):
            raise SheetsFull("")
        title = self._free_title(tab, book)
        self._count_write()
        try:
            self._sheets.make_tab(tab.book, tab.gid, title, rows, header(tab.channel, tab.source))
        except SheetNotOurs:
            raise
        except SheetsRefused as refusal:
            tabs = self._sheets.book(tab.book).tabs
            if tab.gid not in tabs:
                raise (SheetsFull("") if len(tabs) >= MANY_TABS else refusal) from refusal
            # another program that sends the same channel has made it in between
        self._outbox.made(tab, rows, title)

    def _free_title(self, tab: Tab, book: Spreadsheet) -> str:
        taken = {info.title for info in book.tabs.values()}
        title = tab.title
        while title in taken:
            title = tab_title(tab.channel, tab.started, f"{random.getrandbits(24):06x}")
        return title

    def _grow(self, tab: Tab, rows: int) -> None:
        book = self._sheets.book(tab.book)
        there = book.tabs.get(tab.gid)
        if there is None:
            self._leave(tab, self._outbox.follow(tab.book), REMOVED)
        elif there.rows >= rows:  # grown before, and the answer was lost
            self._outbox.made(tab, there.rows, there.title)
        elif is_too_full(book.cells, rows - there.rows):
            raise SheetsFull("")
        else:
            self._count_write()
            self._sheets.add_rows(tab.book, tab.gid, there.rows, rows - there.rows)
            self._outbox.made(tab, rows, there.title)

    def _send(self, step: Send) -> None:
        tab, is_first = step.tab, step.first == 1
        rows = self._outbox.rows(tab, step.first - (not is_first), step.last)
        anchor = None if is_first else rows.pop(0)
        expected = Expected(
            header(tab.channel, tab.source),
            anchor[0] if anchor else None,
            [second for second, _ in rows],
            anchor is not None and anchor[1] is None,
        )
        try:
            if change := self._check_unedited(step, expected):
                self._leave(tab, self._outbox.follow(tab.book), change)
                return
            self._count_write()
            self._sheets.write(
                tab.book,
                rows_range(tab.title, step.first, step.last),
                [to_cells(row) for _, row in rows],
            )
        except SheetsRefused as refusal:
            self._relocate(tab, refusal)
        else:
            self._outbox.confirm(tab, step.last)
            self._is_fresh = False

    def _check_unedited(self, step: Send, expected: Expected) -> str:
        """What a person has changed where the step would write; "" when nothing."""
        title = step.tab.title
        start = max(step.first - 1, 1)
        ranges = [header_range(title), rows_range(title, start, step.last)]
        heads, found = self._sheets.read(step.tab.book, ranges)
        blank: list[Cells] = [[]]
        found = [*found, *(blank * (step.last - start + 1 - len(found)))]
        anchor = found.pop(0) if step.first > 1 else list[Cell]()
        return edited(heads[0] if heads else [], anchor, found, expected)

    def _relocate(self, tab: Tab, refusal: SheetsRefused) -> None:
        """Adapts to a tab that was renamed, shortened, narrowed or removed. Raises the refusal
        when none of that is the reason."""
        there = self._sheets.book(tab.book).tabs.get(tab.gid)
        if there is None:
            self._leave(tab, self._outbox.follow(tab.book), REMOVED)
        elif there.columns < WIDTH:
            self._leave(tab, self._outbox.follow(tab.book), mark("columns were removed"))
        elif (there.title, there.rows) != (tab.title, tab.grid):
            self._outbox.made(tab, there.rows, there.title)
        else:
            raise refusal

    def _leave(self, tab: Tab, book: str, change: str) -> None:
        """Goes on in a new tab; what arrived in the old one stays there."""
        arrived = set[int]() if change == REMOVED else self._arrived(tab)
        self._outbox.leave(tab, book, arrived)
        words = mark("The tab {tab!r} was edited by hand ({change}): a new one goes on.")
        self._tell(tr(words, tab=tab.title, change=tr(change)))

    def _arrived(self, tab: Tab) -> set[int]:
        """The seconds that the tab holds at Google."""
        there = self._sheets.book(tab.book).tabs.get(tab.gid)
        if there is None or there.columns < 2:
            return set()
        (column,) = self._sheets.read(tab.book, [seconds_range(there.title, there.rows)])
        cells: list[Cells] = [["", *cell] for cell in column]
        return {second for cell in cells if (second := second_of(cell)) is not None}

    def _change_book(self, tab: Tab) -> None:
        """Goes on in the successor of a full spreadsheet, which is made if need be."""
        book = self._outbox.follow(tab.book)
        if book == tab.book and self._is_fresh:
            raise SheetsRefused("Google calls every sheet full, also the new one.", "")
        if book == tab.book:
            self._count_write()
            book = make_successor(self._outbox, self._sheets, tab.book, self._tell)
            self._is_fresh = True
        self._move(tab, book, self._arrived(tab) if tab.grid else set())
        self._book = book

    def _move(self, tab: Tab, book: str, arrived: set[int]) -> None:
        if tab.grid == 0:
            self._outbox.rebook(tab, book)
        else:
            self._outbox.leave(tab, book, arrived)

    def _count_write(self) -> None:
        self._backoff = self._backoff.tried(self._clock())

    def _note(self, trouble: str) -> None:
        self.trouble = trouble
        if trouble or self._has_trouble:
            with suppress(StoreError):  # a note is no reason to stop
                self._outbox.set_trouble(self._channel, trouble, time.time())
        self._has_trouble = bool(trouble)
