"""Pure: rows as text for other programs (CSV, JSON, one JSON object a line)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from resonance_tui.emotions import WORDS
from resonance_tui.history.rows import Row

COLUMNS = ("t", "channel", "viewers", *WORDS, "unsure", "away", "source")


def to_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Lines with their line ends, the header first. `t` is ISO 8601 in UTC."""
    yield ",".join(COLUMNS) + "\n"
    for row in rows:
        yield ",".join(_quoted(value) for value in _values(row)) + "\n"


def to_json(rows: Iterable[Row]) -> Iterator[str]:
    """One JSON list of objects, an object a line."""
    lead = "["
    for row in rows:
        yield f"{lead}\n  {_object(row)}"
        lead = ","
    yield "[]\n" if lead == "[" else "\n]\n"


def to_jsonl(rows: Iterable[Row]) -> Iterator[str]:
    """One JSON object a line, nothing around them."""
    for row in rows:
        yield _object(row) + "\n"


FORMATS: dict[str, Callable[[Iterable[Row]], Iterator[str]]] = {
    "csv": to_csv,
    "json": to_json,
    "jsonl": to_jsonl,
}


def _values(row: Row) -> tuple[str | int, ...]:
    t = datetime.fromtimestamp(row.t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (t, row.channel, row.viewers, *row.counts, row.unsure, row.away, row.source)


def _object(row: Row) -> str:
    return json.dumps(dict(zip(COLUMNS, _values(row), strict=True)))


def _quoted(value: str | int) -> str:
    text = str(value)
    if any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
