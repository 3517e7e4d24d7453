"""docs/brokers.md: its tables are made from docs/brokers.json, where each broker has one row."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from brokers.kits import KITS
from brokers.measured import Measured
from brokers.tables import as_json, as_markdown

BEGIN, END = "<!-- made by scripts/bench_brokers: begin -->\n", "<!-- end -->"


def read(path: Path) -> tuple[str, list[Measured]]:
    """The machine, and what was measured there; nothing where there is no file."""
    if not path.is_file():
        return "", []
    kept = json.loads(path.read_text())
    return kept["machine"], [Measured(**each) for each in kept["brokers"]]


def _with_rooms_of_before(new: Measured, before: Measured | None) -> Measured:
    """Its figures in place of the same ones of before, if that was the same version."""
    if before is None or new.missing or before.version != new.version:
        return new
    rooms = {name: {**before.rooms.get(name, {}), **figures} for name, figures in new.rooms.items()}
    return replace(new, rooms=rooms)


def kept(
    before: Sequence[Measured], new: Sequence[Measured], is_partial: bool = False
) -> list[Measured]:
    """Those of before with the new ones in their place, in the order of the table of kits.

    `is_partial`: not all rooms were measured, and figures of the others stay.
    """
    rows = {each.name: each for each in before}
    for each in new:
        was = rows.get(each.name) if is_partial else None
        rows[each.name] = _with_rooms_of_before(each, was)
    return [rows[name] for name in KITS if name in rows]


def rewritten(page: str, about: str, measured: Sequence[Measured]) -> str:
    """The page with its tables made anew."""
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    return f"{head}{BEGIN}\n{as_markdown(about, measured)}\n\n{END}{tail}"


def keep(docs: Path, about: str, new: Sequence[Measured], is_partial: bool = False) -> None:
    """Put the rows into the page and its data."""
    data, page = docs / "brokers.json", docs / "brokers.md"
    rows = kept(read(data)[1], new, is_partial)
    data.write_text(as_json(about, rows) + "\n")
    page.write_text(rewritten(page.read_text(), about, rows))
