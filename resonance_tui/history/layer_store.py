"""The layers of late reactions in the history database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import chain

import numpy as np

from resonance_tui.emotions import WORDS
from resonance_tui.errors import StoreError
from resonance_tui.history.layers import COLUMNS, Layer, Table, as_table
from resonance_tui.history.samples import Sample, SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.texts import mark

IMPORTED = "imported"  # the source of rows that came in a file

_FIGURES = ", ".join(("t", *WORDS, "unsure", "away"))
_READ = f"""
SELECT layer, {_FIGURES} FROM layer_row
WHERE layer IN (SELECT id FROM layer WHERE channel = ?) AND t BETWEEN ? AND ? ORDER BY layer, t
"""
_KEEP = f"INSERT INTO layer_row VALUES ({', '.join('?' * (1 + COLUMNS))}) ON CONFLICT DO NOTHING"
_HELD = """
SELECT id, is_own FROM layer WHERE channel = ? AND members = ?
"""
_OWN = """
SELECT id, members FROM layer WHERE channel = ? AND is_own AND EXISTS (
    SELECT 1 FROM layer_row WHERE layer = layer.id AND t BETWEEN ? AND ?
) ORDER BY id DESC LIMIT 1
"""


def layers(store: Store, channel: str, span: SessionSpan) -> list[Layer]:
    """All layers of a session, in the order in which they came here."""
    with store.reading() as db:
        return _layers(db, channel, span)


def own_name(store: Store, channel: str, span: SessionSpan) -> str | None:
    """The name of the newest layer of a session that was made here; None where there is none."""
    with store.reading() as db:
        found = db.execute(_OWN, (channel, span.start, span.end)).fetchone()
    return None if found is None else str(found[1])


def keep_own(store: Store, channel: str, name: str, table: Table) -> None:
    """Store seconds of the own layer `name`. The first reaction to a second stays."""
    with store.transaction() as db:
        db.execute(
            "INSERT INTO layer (channel, members, is_own) VALUES (?, ?, 1) ON CONFLICT DO NOTHING",
            (channel, name),
        )
        number = _number(db, channel, name)
        db.executemany(_KEEP, ((number, *row) for row in table.tolist()))


def take(store: Store, channel: str, others: Iterable[Layer]) -> None:
    """Store layers that came from elsewhere; all or nothing. Of two with the same members the one
    of more seconds stays, in whatever order they come; what was made here is never replaced."""
    with store.transaction() as db:
        for layer in others:
            held = db.execute(_HELD, (channel, _members(layer))).fetchone()
            if held is None:
                _insert(db, channel, layer)
                continue
            number, is_own = held
            if not is_own and _size(_table(db, number)) < _size(layer.table):
                _delete(db, number)
                _insert(db, channel, layer)


def forget_own(store: Store, channel: str, span: SessionSpan) -> int:
    """Delete what was made here of a session; returns how many seconds that were."""
    with store.transaction() as db:
        own = [layer for layer in _layers(db, channel, span) if layer.is_own]
        for layer in own:
            _delete(db, _number(db, channel, _members(layer)))
    return sum(len(layer.table) for layer in own)


def room_rows(store: Store, channel: str, span: SessionSpan) -> Table:
    """The live room of a session as rows of a layer's kind. Where several recorders have the same
    second, the one that saw most viewers counts."""
    table = store.table(channel, span.start, span.end)
    table = table[np.lexsort((-table[:, 1], table[:, 0]))]
    table = table[np.diff(table[:, 0], prepend=-1) != 0]
    return np.delete(table, 1, axis=1)


def keep_room(store: Store, channel: str, room: Table) -> int:
    """Store the rows of a live room that another machine has recorded and this one has not;
    returns how many seconds that are."""
    samples = (
        Sample(channel, t, sum(counts), *RoomCounts.from_columns(counts), IMPORTED)
        for t, *counts in room.tolist()
    )
    return store.append(samples)


def _layers(db: sqlite3.Connection, channel: str, span: SessionSpan) -> list[Layer]:
    known = db.execute("SELECT id, members, is_own FROM layer WHERE channel = ?", (channel,))
    names = {number: (frozenset(members.split()), bool(own)) for number, members, own in known}
    cursor = db.execute(_READ, (channel, span.start, span.end))
    try:  # as figures at once: a fraction of the time that rows take
        table = np.fromiter(chain.from_iterable(cursor), np.int64).reshape(-1, 1 + COLUMNS)
    except (TypeError, ValueError) as error:  # SQLite keeps text where figures belong
        raise StoreError(
            mark("The history holds layers of {channel} that are no figures.", channel=channel),
            mark("Somebody has edited it: resonance-tui history forget {channel}", channel=channel),
        ) from error
    numbers, starts = np.unique(table[:, 0], return_index=True)
    parts = np.split(table[:, 1:], starts[1:])
    return [
        Layer(names[number][0], part, names[number][1])
        for number, part in zip(numbers.tolist(), parts, strict=False)  # none: one empty part
    ]


def _table(db: sqlite3.Connection, number: int) -> Table:
    return as_table(
        db.execute(f"SELECT {_FIGURES} FROM layer_row WHERE layer = ? ORDER BY t", (number,))
    )


def _size(table: Table) -> tuple[int, bytes]:
    """In seconds; of two as long, one and the same is always the larger."""
    return len(table), table.tobytes()


def _members(layer: Layer) -> str:
    return " ".join(sorted(layer.members))


def _number(db: sqlite3.Connection, channel: str, members: str) -> int:
    found = db.execute(
        "SELECT id FROM layer WHERE channel = ? AND members = ?", (channel, members)
    ).fetchone()
    return int(found[0])


def _insert(db: sqlite3.Connection, channel: str, layer: Layer) -> None:
    number = db.execute(
        "INSERT INTO layer (channel, members, is_own) VALUES (?, ?, 0)", (channel, _members(layer))
    ).lastrowid
    db.executemany(_KEEP, ((number, *row) for row in layer.table.tolist()))


def _delete(db: sqlite3.Connection, number: int) -> None:
    db.execute("DELETE FROM layer_row WHERE layer = ?", (number,))
    db.execute("DELETE FROM layer WHERE id = ?", (number,))
