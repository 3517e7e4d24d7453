"""A sender with a clock of its own, on the way to the fake, and what arrives there."""

from __future__ import annotations

import random
from collections.abc import Callable

from fake_sheets import Call, FakeBook, FakeSheets, session_to

from resonance_tui.history.samples import Sample
from resonance_tui.sinks.backoff import Backoff
from resonance_tui.sinks.sheets.client import Sheets
from resonance_tui.sinks.sheets.layout import owner, to_row
from resonance_tui.sinks.sheets.outbox import Outbox
from resonance_tui.sinks.sheets.sender import Sender

T0 = 1_795_345_080
BOOK = "the-streamers-own-sheet"


def row(n: int, channel: str = "lobby", source: str = "local") -> Sample:
    counts = (n % 7, 0, 3, n % 2, 0, 0, 1)
    return Sample(channel, T0 + n, sum(counts) + 2 + n % 3, counts, 2, n % 3, source)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class Run:
    """A sender, its clock, and what it told."""

    def __init__(
        self, fake: FakeSheets, outbox: Outbox, writes_a_minute: int = 6, book: str = BOOK
    ) -> None:
        self.clock, self.told = Clock(), []
        fake.clock = self.clock
        self.sheets = Sheets(session_to(fake.url), "robot@project.example")
        self.sender = Sender(
            outbox,
            self.sheets,
            "lobby",
            outbox.follow(book),
            Backoff(writes_a_minute),
            tell=self.told.append,
            clock=self.clock,
            draw=random.Random(5).random,
        )

    def to_the_end(self, most: int = 5000) -> None:
        for _ in range(most):
            wait = self.sender.step()
            if wait is None:
                return
            self.clock.sleep(wait)
        raise AssertionError("no end in sight")


def in_sheets(fake: FakeSheets, channel: str = "lobby") -> list[Sample]:
    """Every row that stands in any tab of the channel, in whatever order, duplicates included."""
    found = []
    for book in fake.books.values():
        for tab in book.tabs.values():
            head, *rows = tab.all() or [[]]
            if (whose := owner(head)) and whose[0] == channel:
                found += [row for cells in rows if (row := to_row(cells, *whose))]
    return sorted(found, key=lambda row: (row.t, row.source))


def tabs(book: FakeBook) -> list[list[list[object]]]:
    return [tab.all() for gid, tab in book.tabs.items() if gid]


def edit(book: FakeBook, change: Callable[[list[list[object]]], None]) -> list[list[object]]:
    """What the first tab of ours holds after a person was at it."""
    tab = next(tab for gid, tab in book.tabs.items() if gid)
    cells = tab.all()
    change(cells)
    tab.cells.clear()
    tab.put(0, 0, cells)
    return cells


def is_values_put(call: Call) -> bool:
    return call.method == "PUT"
