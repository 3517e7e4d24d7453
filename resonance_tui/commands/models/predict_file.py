"""Where `models predict` writes: a row for each item, into a file that is continued, or stdout."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

from resonance_tui.commands.models.predictions import SHARES
from resonance_tui.errors import InputError
from resonance_tui.files import lock_file

COLUMNS = ("clip", "label", "pred", *SHARES, "engine", "clips", "faces", "seconds", "ms")
FORMATS = ("csv", "jsonl")
_BREAKS = ("Cc", "Cs", "Zl", "Zp")  # signs that end a line for some program, or that UTF-8 lacks
Row = dict[str, Any]


def name_of(item: Path) -> str:
    """A path as one line of UTF-8, which not every path is: "\\n" or "\\udce9" for such a sign."""
    return "".join(
        mark.encode("unicode_escape").decode() if unicodedata.category(mark) in _BREAKS else mark
        for mark in item.as_posix()
    )


class Results:
    """Rows as CSV or as JSON in UTF-8, a line each; a line is out before the next item is read.

    `done`: the items (see `name_of`) that the file had before.
    """

    def __init__(self, file: IO[bytes] | None, format: str, done: Iterable[str] = ()) -> None:
        self.done = frozenset(done)
        self._file, self._format = file, format
        if not self.done and format == "csv":
            self._put(_csv_line(COLUMNS))

    def write(self, row: Row) -> None:
        is_csv = self._format == "csv"
        self._put(_csv_line(row[name] for name in COLUMNS) if is_csv else json.dumps(row) + "\n")

    def _put(self, line: str) -> None:
        if self._file is None:
            click.echo(line.encode(), nl=False)
        else:
            self._file.write(line.encode())
            self._file.flush()


@contextmanager
def open_results(output: Path | None, format: str, engine: str) -> Generator[Results]:
    """Results that go on where `output` ends, less a line that was cut off; stdout for None.

    Raises InputError for a file of another kind or of another engine, and for one that cannot be
    written or that another program is writing.
    """
    if output is None:
        yield Results(None, format)
        return
    with _opened(output) as file:
        if output.is_file():
            done = _done(file, output, format, engine)
            yield Results(file, format, done)
        else:  # a pipe or a device holds nothing of before
            yield Results(file, format)


def _opened(output: Path) -> IO[bytes]:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        return output.open("ab+" if output.is_file() or not output.exists() else "wb")
    except OSError as error:
        raise InputError(f"Cannot write {output}: {error.strerror}.") from error


def _done(file: IO[bytes], output: Path, format: str, engine: str) -> set[str]:
    """The items in the file, which is this program's alone from now on."""
    try:
        file.seek(0)
        lock_file(file, wait=False)  # type: ignore[arg-type]
    except OSError as error:
        raise InputError(
            f"Another program is writing {output}.", "Wait for it, or name another --output."
        ) from error
    try:
        whole = file.read()
        kept = whole[: whole.rfind(b"\n") + 1]
        if not _begins_as_ours(whole, format):
            raise ValueError("another beginning")
        rows = _rows(kept.decode(), format)
        names, engines = {row["clip"] for row in rows}, {row["engine"] for row in rows}
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(
            f"{output} is there and holds something else.", "Name another --output."
        ) from error
    if engines - {engine}:
        raise InputError(
            f"{output} holds what {', '.join(sorted(map(str, engines)))} said.",
            "Name another --output, or that --engine.",
        )
    file.truncate(len(kept) if rows else 0)
    return names


def _begins_as_ours(whole: bytes, format: str) -> bool:
    first = _csv_line(COLUMNS) if format == "csv" else '{"clip": '
    return whole[: len(first)] == first.encode()[: len(whole)]


def _csv_line(cells: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _rows(text: str, format: str) -> list[Row]:
    if format == "jsonl":
        return [json.loads(line) for line in text.splitlines()]
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if any(None in row or None in row.values() for row in rows):
        raise ValueError("a row of another length")
    return rows
