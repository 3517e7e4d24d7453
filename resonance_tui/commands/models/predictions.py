"""Reads columns of class labels from a CSV of predictions; says where one cannot be understood."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from resonance_tui.emotions import WORDS
from resonance_tui.errors import InputError
from resonance_tui.secret import describe, shown

DELIMITERS = ",;\t"
AS_FOLDERS = {"happy": 0, "sad": 1, "angry": 3}  # where FERV39K's folders have another word
CODES = {
    **{word: code for code, word in enumerate(WORDS)},
    **{f"{code}{point}": code for code in range(len(WORDS)) for point in ("", ".0")},
    **AS_FOLDERS,
}


@dataclass(frozen=True)
class Table:
    """One list of class indices (0 to 6) a wanted column, in the file's order of rows."""

    columns: dict[str, list[int]]


def read_columns(file: Path, wanted: Sequence[str]) -> Table:
    """The wanted columns of a UTF-8 CSV with a header, separated by commas, semicolons or tabs.

    Raises InputError: no such file, another encoding, no such column (the nearest is offered), no
    rows, a row that is too short, or a value that is no class, with its line number.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            return _read(text, file, wanted)
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text.", "Save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise InputError(f"{file} is not a CSV file: {error}.") from error
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror or error}.") from error


def _read(text: TextIO, file: Path, wanted: Sequence[str]) -> Table:
    first = text.readline()
    if not first.strip():
        raise InputError(f"{file} has no header line.", "Its first line names the columns.")
    delimiter = max(DELIMITERS, key=first.count)
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    places = {name: _place(name, header, file) for name in wanted}
    columns: dict[str, list[int]] = {name: [] for name in places}
    for line, row in _rows(text, delimiter):
        if len(row) != len(header):
            raise InputError(
                f"{file}, line {line}: {len(row)} fields, where the header has {len(header)}."
            )
        for name, place in places.items():
            columns[name].append(_code(row[place], name, line, file))
    if not columns[wanted[0]]:
        raise InputError(f"{file} has a header and no rows.")
    return Table(columns)


def _rows(text: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number (the header is line 1) and fields of every row that is not blank."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    for row in reader:
        if any(field.strip() for field in row):
            yield reader.line_num + 1, row


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


def _code(value: str, column: str, line: int, file: Path) -> int:
    code = CODES.get(value.strip().lower())
    if code is None:
        raise InputError(
            f"{file}, line {line}: {describe(value, 40)} in column {describe(column)} is no class.",
            f"Classes are 0 to {len(WORDS) - 1} or {', '.join(WORDS)}.",
        )
    return code
