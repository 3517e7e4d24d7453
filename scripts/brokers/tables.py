"""What was measured, as the two tables of docs/brokers.md and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from brokers.measured import Measured

Cell = Callable[[dict[str, Any]], str]


def _seconds(key: str) -> Cell:
    """The figure of that key; `not seen` where it was waited for in vain."""
    return lambda row: (
        "–" if key not in row else "not seen" if row[key] is None else f"{row[key]} s"
    )


def _plain(key: str) -> Cell:
    return lambda row: str(row.get(key, "–"))


def _names(row: dict[str, Any]) -> str:
    return " / ".join(str(row[key]) for key in ("named_1s", "named_12s") if key in row) or "–"


def _late(row: dict[str, Any], key: str, wrong: str) -> str:
    text = _seconds(key)(row)
    return f"{text}, {row[wrong]} wrong before" if row.get(wrong) else text


def _wrong(wrong: str, rows: str) -> Cell:
    return lambda row: f"{row[wrong]} of {row[rows]}" if rows in row else "–"


def _brings(row: dict[str, Any]) -> str:
    brings, many = row["wildcard_brings"], row["many"]
    return f"all of {many}" if brings == many else f"{brings} of {many}" if brings else "**none**"


def _silence(row: dict[str, Any]) -> str:
    return "never" if row["keepalive_s"] is None else f"{row['keepalive_s']} s"


CAPABILITIES: tuple[tuple[str, Cell], ...] = (
    ("MQTT", _plain("mqtt")),
    ("a wildcard brings what is retained", _brings),
    ("an exact topic does", lambda row: "yes" if row["exact_brings"] else "no"),
    ("expiry", lambda row: "yes" if row["expires"] else "no"),
    ("a broken line's will, delay of 2 s", _seconds("will_cut_s")),
    ("will at a takeover", _plain("will_taken_over")),
    ("silent for a keepalive of 2 s: cut after", _silence),
)
ROOMS: tuple[tuple[str, Cell], ...] = (
    ("late joiner right (5 people)", lambda row: _late(row, "few_right_s", "few_wrong_facts")),
    ("late joiner right (17)", lambda row: _late(row, "late_right_s", "late_wrong_facts")),
    ("names known at 1 s / 12 s, of 18", _names),
    ("leave seen", _seconds("leave_s")),
    ("kill -9 seen", _seconds("kill_s")),
    ("frozen gone", _seconds("frozen_s")),
    ("rows wrong, steady room", _wrong("rows_wrong", "rows")),
    ("late joiner right (320)", lambda row: _late(row, "big_late_right_s", "big_late_wrong_facts")),
    ("total right (320)", _seconds("total_right_s")),
    ("lowest total as an aggregator is replaced, of 322", _plain("replaced_lowest")),
    ("right after the broker's restart", _seconds("restart_right_s")),
    ("ghosts after 15 s", _plain("ghosts_15s")),
    ("ghosts for the next", _plain("ghosts_for_the_next")),
    ("rows wrong, after the restart", _wrong("restart_rows_wrong", "restart_rows")),
)


def as_json(about: str, measured: Sequence[Measured]) -> str:
    return json.dumps({"machine": about, "brokers": [asdict(each) for each in measured]}, indent=2)


def as_markdown(about: str, measured: Sequence[Measured]) -> str:
    """Two tables, a broker a row; with two checkouts each has a row of its own in the second."""
    there = [each for each in measured if not each.missing]
    lines = _table(CAPABILITIES, ((_title(each), each.capabilities) for each in there))
    rooms = [
        (f"{_title(each)}, {name}" if len(each.rooms) > 1 else _title(each), figures)
        for each in there
        for name, figures in each.rooms.items()
    ]
    lines += ["", *_table(ROOMS, rooms)]
    failed = [f"{title}: {row['failed']}" for title, row in rooms if "failed" in row]
    missing = [f"{each.title}: not run, {each.missing}" for each in measured if each.missing]
    loads = ", ".join(f"{each.name} {each.load}" for each in there)
    dates = " to ".join(sorted({each.date for each in there}))
    lines += ["", f"{dates}; {about}; load when each was done: {loads}.", *failed, *missing]
    return "\n".join(lines)


def _title(each: Measured) -> str:
    return f"{each.title} ({each.version})"


def _table(
    columns: Sequence[tuple[str, Cell]], rows: Iterable[tuple[str, dict[str, Any]]]
) -> list[str]:
    head = ["", *(name for name, _ in columns)]
    lines = [head, ["---"] * len(head)]
    lines += [[title, *(cell(row) for _, cell in columns)] for title, row in rows]
    return [f"| {' | '.join(each)} |" for each in lines]
