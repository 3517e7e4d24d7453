"""Pure: the layout of a tab, and the translation of rows to cells and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from resonance_tui.emotions import WORDS
from resonance_tui.errors import InputError
from resonance_tui.history.samples import Sample
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.secret import describe
from resonance_tui.texts import mark

HEADER_ROWS = 1
NAMES = ("epoch s", "viewers", *WORDS, "unsure", "away")
WIDTH = 1 + len(NAMES)  # the first column is the time as a date
LAST_COLUMN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[WIDTH - 1]
MOST = 10**9  # viewers; more is not a count that we wrote
LATEST = 253_402_300_799  # the last second of the year 9999

Cell = int | float | str | bool | None
Cells = Sequence[Cell]

_OWNER = re.compile(r"UTC, ([a-z0-9_-]{1,64}), (.{0,200})")
_EPOCH_DAYS = 25569  # from 1899-12-30, where Google's dates begin, to 1970-01-01
_BOOK_URL = re.compile(
    r"""(?:https?://)?(?:(?:docs|drive)\.google\.com)(?:/a/[a-z0-9.-]+)?
        (?:/spreadsheets(?:/u/\d+)?/d/ | /file(?:/u/\d+)?/d/ | /(?:open|uc)\?(?:[^#]*&)?id=)
        ([\w-]{8,200})""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_WRAPPED = {"<": ">", '"': '"', "'": "'", "(": ")"}  # what people copy around an address
_BOOK_ID = re.compile(r"[\w-]{20,200}", re.ASCII)


def header(channel: str, source: str) -> list[str]:
    """The first row of a tab. It names channel and source, so that a renamed tab is still found."""
    return [f"UTC, {channel}, {source}", *NAMES]


def owner(cells: Cells) -> tuple[str, str] | None:
    """Channel and source of a tab by its first row; None when the sink did not make it."""
    if not cells or not isinstance(cells[0], str) or tuple(cells[1:]) != NAMES:
        return None
    match = _OWNER.fullmatch(cells[0])
    return (match[1], match[2]) if match else None


def to_cells(row: Sample | None) -> list[int | float | str]:
    """The cells of one row; blank for a second that was deleted here before it was sent."""
    if row is None:
        return [""] * WIDTH
    day = round(row.t / 86400 + _EPOCH_DAYS, 9)
    return [day, row.t, row.viewers, *row.counts, row.unsure, row.away]


def to_row(cells: Cells, channel: str, source: str) -> Sample | None:
    """The row that these cells hold; None for a blank row or one the sink did not write."""
    numbers = [_count(cell) for cell in cells[1:WIDTH]]
    if len(numbers) < WIDTH - 1 or None in numbers:
        return None
    t, viewers, *counts = (number for number in numbers if number is not None)
    if t > LATEST or max(viewers, *counts) > MOST:
        return None
    return Sample(channel, t, viewers, *RoomCounts.from_columns(counts), source)


def _count(cell: Cell) -> int | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    return int(cell) if cell >= 0 and cell == cell // 1 else None


def second_of(cells: Cells) -> int | None:
    """The epoch second in a row of the tab; None for a blank or foreign row."""
    return _count(cells[1]) if len(cells) > 1 else None


def is_blank(cells: Cells) -> bool:
    return all(cell in ("", None) for cell in cells[:WIDTH])


def rows_range(title: str, first: int, last: int) -> str:
    """The cells of positions `first` to `last`; position 1 is the row below the header."""
    return _range(title, f"A{HEADER_ROWS + first}:{LAST_COLUMN}{HEADER_ROWS + last}")


def header_range(title: str) -> str:
    return _range(title, f"A1:{LAST_COLUMN}1")


def seconds_range(title: str, rows: int) -> str:
    """The column of epoch seconds of a tab with `rows` rows in all."""
    return _range(title, f"B1:B{rows}")


def _range(title: str, cells: str) -> str:
    quoted = title.replace("'", "''")
    return f"'{quoted}'!{cells}"


def tab_title(channel: str, started: int, token: str) -> str:
    """`token` keeps two loggers apart that start in the same second."""
    start = datetime.fromtimestamp(started, UTC).strftime("%Y-%m-%d %H.%M.%S")
    return f"{channel} {start} UTC {token}"


def book_id(text: str) -> str:
    """The id of a spreadsheet from the id itself or an address: the browser's, with a Workspace
    domain or an account in it, Drive's, without a scheme, in quotation marks. Raises InputError."""
    words = _unwrapped(text.strip())
    if match := _BOOK_URL.match(words):
        return match[1]
    if _BOOK_ID.fullmatch(words):
        return words
    raise InputError(
        f"{describe(text)} is no Google sheet.",
        "Copy its address from the browser: https://docs.google.com/spreadsheets/d/...",
    )


def _unwrapped(text: str) -> str:
    while len(text) > 1 and _WRAPPED.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text


def book_url(book: str) -> str:
    return f"https://docs.google.com/spreadsheets/d/{book}"


@dataclass(frozen=True, slots=True)
class Expected:
    """How a tab must look before more is written to it."""

    head: list[str]
    anchor: int | None  # the second in the last confirmed row; None while there is none
    seconds: list[int]  # of the rows about to be written
    is_anchor_forgotten: bool = False  # its row was deleted here: a blank is right, too


def edited(head: Cells, anchor: Cells, target: Sequence[Cells], expected: Expected) -> str:
    """What was changed in a tab where the sink is about to write; "" when nothing.

    `head` is its first row, `anchor` the last row that Google confirmed, `target` the rows that
    are about to be written: blank, or written already when an answer was lost.
    """
    if list(head) != expected.head:
        return mark("its header was changed")
    if expected.anchor is not None and second_of(anchor) != expected.anchor:
        is_forgotten = expected.is_anchor_forgotten and is_blank(anchor)
        if not is_forgotten:
            return mark("its rows were moved or removed")
    for cells, second in zip(target, expected.seconds, strict=False):
        if not is_blank(cells) and second_of(cells) != second:
            return mark("something was written below its last row")
    return ""
