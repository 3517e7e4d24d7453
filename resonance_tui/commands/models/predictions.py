"""Reads columns of class labels from a CSV of predictions; says where one cannot be understood."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from resonance_tui.emotions import WORDS
from resonance_tui.errors import InputError
from resonance_tui.secret import describe, shown

DELIMITERS = ",;\t"
CODES = {
    **{word: code for code, word in enumerate(WORDS)},
    **{"happy": 0, "sad": 1, "angry": 3},  # where FERV39K's folders have another word
    **{"surprised": 4, "disgusted": 5, "fearful": 6},  # where face-api has
}
SHARES = tuple(f"p_{word}" for word in WORDS)


@dataclass(frozen=True)
class Table:
    """One list of class indices (0 to 6) a wanted column, in the file's order of rows."""

    columns: dict[str, list[int]]


def parse_order(text: str | None) -> tuple[int, ...]:
    """The classes, 0 to 6, in the order in which a file counts them, from words that commas part.
    Ours for None. Raises InputError unless each is named once."""
    if text is None:
        return tuple(range(len(WORDS)))
    codes = [CODES.get(word.strip().lower(), -1) for word in text.split(",")]
    if sorted(codes) != list(range(len(WORDS))):
        raise InputError(
            f"{describe(text)} does not name the seven classes once each.",
            "For FER2013: angry,disgust,fear,happy,sad,surprise,neutral",
        )
    return tuple(codes)


def read_columns(
    file: Path, wanted: Sequence[str], order: Sequence[int] = tuple(range(len(WORDS)))
) -> Table:
    """The wanted columns of a UTF-8 CSV with a header, separated by commas, semicolons, tabs or
    blanks, as numpy, pandas, R and Excel write it.

    A wanted column that is not there is the largest of the columns `SHARES`, where the file has
    these and the first column wanted is there. Numbers count the classes in `order`. Raises
    InputError: no such file, another encoding, no such column (the nearest is offered), no rows, a
    row that is too short, or a value that is no class, with its line number.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            return _read(text, file, wanted, order)
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"{file} is not a CSV file: {error}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}.") from error


def _read(text: TextIO, file: Path, wanted: Sequence[str], order: Sequence[int]) -> Table:
    first, delimiter, skipped = _first_line(text)
    if not first.strip():
        raise InputError(f"{file} has no header line.", "Its first line names the columns.")
    header = [name.strip() for name in next(_reader([first], delimiter))]
    rows = [(line + skipped, row) for line, row in _rows(text, delimiter)]
    if rows and len(rows[0][1]) == len(header) + 1 and rows[0][1][-1].strip():
        header = ["", *header]  # R names no column of row names
    readers = {name: _column(name, header, file, wanted[0], order) for name in wanted}
    columns: dict[str, list[int]] = {name: [] for name in wanted}
    for line, row in rows:
        if len(row) != len(header):
            if row[0].startswith("#"):
                continue  # the footer that numpy writes
            raise InputError(
                f"{file}, line {line}: {len(row)} fields, where the header has {len(header)}."
            )
        for name, read in readers.items():
            columns[name].append(read(row, line))
    if not columns[wanted[0]]:
        raise InputError(f"{file} has a header and no rows.")
    return Table(columns)


def _first_line(text: TextIO) -> tuple[str, str, int]:
    """The line of names, what parts its fields, and how many lines stand before it.

    Excel may write a line `sep=;` before it, and numpy "# " in front: a header of several lines
    has the names in its last one.
    """
    first, skipped = text.readline(), 0
    if first.strip().strip('"').lower().startswith("sep="):
        first, skipped = text.readline(), 1
    while first.startswith("#") and (following := _comment_behind(text)):
        first, skipped = following, skipped + 1
    first = first.removeprefix("#").lstrip(" ")
    delimiter = max(DELIMITERS, key=first.count)
    return first, delimiter if delimiter in first else " ", skipped


def _comment_behind(text: TextIO) -> str:
    """The next line, if it begins with "#"; else nothing, and the line is still to be read."""
    here = text.tell()
    line = text.readline()
    if not line.startswith("#"):
        text.seek(here)
        return ""
    return line


def _reader(lines: Iterable[str], delimiter: str) -> Any:
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter == " ", strict=True)


def _rows(text: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (the header is line 1) and fields of every row that is not blank."""
    reader = _reader(text, delimiter)
    for row in reader:
        if any(field.strip() for field in row):
            yield reader.line_num + 1, row


def _column(
    name: str, header: list[str], file: Path, first: str, order: Sequence[int]
) -> Callable[[list[str], int], int]:
    """What reads the class of that column from a row and its line number."""
    if name not in header and name != first and all(share in header for share in SHARES):
        places = [_place(share, header, file) for share in SHARES]
        return lambda row, line: _largest([row[place] for place in places], line, file)
    place = _place(name, header, file)
    return lambda row, line: _code(row[place], name, line, file, order)


def _largest(shares: Sequence[str], line: int, file: Path) -> int:
    numbers = [_number(share) for share in shares]
    if not all(math.isfinite(number) for number in numbers):
        raise InputError(f"{file}, line {line}: a probability is no number.")
    return numbers.index(max(numbers))


def _number(text: str) -> float:
    """NaN for what is none; a decimal comma is read as a point."""
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan


def _place(name: str, header: list[str], file: Path) -> int:
    if header.count(name) == 1:
        return header.index(name)
    if name in header:
        raise InputError(
            f"{file} has {header.count(name)} columns {describe(name)}.", "Rename one."
        )
    near = difflib.get_close_matches(name, header, n=2)
    guess = f" Did you mean {' or '.join(map(describe, near))}?" if near else ""
    raise InputError(
        f"{file} has no column {describe(name)}.{guess}",
        f"Its columns: {', '.join(shown(each, 40) for each in header[:20])}.",
    )


def _code(value: str, column: str, line: int, file: Path, order: Sequence[int]) -> int:
    code = CODES.get(value.strip().lower())
    if code is None and (number := _number(value)) in range(len(WORDS)):
        code = order[int(number)]
    if code is None:
        raise InputError(
            f"{file}, line {line}: {describe(value, 40)} in column {describe(column)} is no class.",
            f"Classes are 0 to {len(WORDS) - 1} or {', '.join(WORDS)}."
            + (" DFEW's own lists count from 1: take 1 off." if _number(value) == 7 else ""),
        )
    return code
