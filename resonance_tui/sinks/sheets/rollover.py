"""A new spreadsheet that takes over from a full one."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from resonance_tui.errors import SheetsRefused
from resonance_tui.sinks.sheets.layout import book_url
from resonance_tui.sinks.sheets.outbox import Outbox

if TYPE_CHECKING:  # gspread takes a while to load
    from resonance_tui.sinks.sheets.client import Sheets

_SUFFIX = re.compile(r" \(from \d{4}-\d\d-\d\d [0-9a-f]{4}\)$")


def make_successor(outbox: Outbox, sheets: Sheets, full: str, tell: Callable[[str], None]) -> str:
    """The id of the spreadsheet that goes on from `full`, shared with the same people.

    It is made under a title that is kept beforehand: when the answer is lost, the next attempt
    finds it by that title instead of making another. Raises SheetsError.
    """
    title, was_tried = outbox.draft_successor(full, _draft(sheets.book(full).title))
    book = (sheets.find(title) if was_tried else None) or sheets.create(title)
    shared = ""
    try:
        sheets.share_alike(book, full)
    except SheetsRefused:
        shared = " It could not be shared like the old one: please do that."
    outbox.set_successor(full, book)
    tell(f"The sheet is full (ten million cells); {book_url(book)} goes on.{shared}")
    return book


def _draft(title: str) -> str:
    stamp = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{_SUFFIX.sub('', title)[:80]} (from {stamp} {random.getrandbits(16):04x})"
