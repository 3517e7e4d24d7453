"""Which spreadsheet a channel goes to, and the new one that takes over when it is full."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from resonance_tui.errors import SheetsRefused
from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets.layout import book_url
from resonance_tui.texts import tr

if TYPE_CHECKING:  # gspread takes a while to load
    from resonance_tui.sinks.sheets.client import Sheets

_SUFFIX = re.compile(r" \(from \d{4}-\d\d-\d\d [0-9a-f]{4}\)$")


class Spreadsheets:
    """Over an open history database. Everything raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def target(self, channel: str) -> str | None:
        """The spreadsheet where the channel's next tab goes; None when none was named."""
        first = self.first_target(channel)
        return self.follow(first) if first else None

    def first_target(self, channel: str) -> str | None:
        """The spreadsheet that was named for the channel, which may be full by now."""
        with self._store.reading() as db:
            found = db.execute(
                "SELECT book FROM sheet_target WHERE channel IN (?, '') ORDER BY channel DESC",
                (channel,),
            ).fetchone()
        return found[0] if found else None

    def targets(self) -> dict[str, str]:
        """Spreadsheet by channel; "" stands for every other channel."""
        with self._store.reading() as db:
            return dict(db.execute("SELECT channel, book FROM sheet_target ORDER BY channel"))

    def set_target(self, channel: str, book: str) -> None:
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO sheet_target VALUES (?, ?)", (channel, book))

    def follow(self, book: str) -> str:
        """The last successor of `book`; itself when it has none."""
        return self.chain(book)[-1]

    def chain(self, book: str) -> list[str]:
        """The spreadsheet and its successors, each once, in order."""
        books = [book]
        with self._store.reading() as db:
            while True:
                row = db.execute(
                    "SELECT successor FROM sheet_book WHERE id = ?", (books[-1],)
                ).fetchone()
                if row is None or not row[0] or row[0] in books:
                    return books
                books.append(row[0])

    def draft_successor(self, book: str, title: str) -> tuple[str, bool]:
        """The title of the successor to be made, and whether making it was tried before."""
        with self._store.transaction() as db:
            row = db.execute("SELECT draft FROM sheet_book WHERE id = ?", (book,)).fetchone()
            if row is not None and row[0]:
                return row[0], True
            db.execute("INSERT OR REPLACE INTO sheet_book VALUES (?, ?, '')", (book, title))
            return title, False

    def set_successor(self, book: str, successor: str) -> None:
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO sheet_book VALUES (?, '', ?)", (book, successor))


def make_successor(
    books: Spreadsheets, sheets: Sheets, full: str, tell: Callable[[str], None]
) -> str:
    """Makes the successor of `full`, shared with the same people; returns its id.

    Its title is stored beforehand: when the answer is lost, the next attempt finds the spreadsheet
    by its title instead of making another. Raises SheetsError.
    """
    title, was_tried = books.draft_successor(full, _draft(sheets.book(full).title))
    book = (sheets.find(title) if was_tried else None) or sheets.create(title)
    shared = ""
    try:
        sheets.share_alike(book, full)
    except SheetsRefused:
        shared = " " + tr("It could not be shared like the old one: please do that.")
    books.set_successor(full, book)
    full_up = tr("The sheet is full; {url} goes on.", url=book_url(book))
    tell(full_up + shared)
    return book


def _draft(title: str) -> str:
    stamp = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{_SUFFIX.sub('', title)[:80]} (from {stamp} {random.getrandbits(16):04x})"
