"""A file of layers: late reactions to one recording as counts, and the recorded room if wanted.

JSON. `format` and `version` come first, `channel`, `start` and `end` (epoch s) name the recording.
Each of `layers` has `members`, the random names of those who are counted, and `rows`; `room` has
the rows of the live room, or none. A row is [second, seconds, happiness, ..., fear, unsure, away]:
from which second after `start`, for how many, and how many people were in each state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from resonance_tui.emotions import WORDS
from resonance_tui.errors import InputError
from resonance_tui.history.layers import COLUMNS, NAME_DIGITS, Layer, Table, as_table
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.times import LATEST
from resonance_tui.protocol.topics import CHANNEL
from resonance_tui.secret import shown
from resonance_tui.texts import Marked, mark

FORMAT, VERSION = "resonance-tui layers", 1
MOST_BYTES = 64 << 20
MOST_S = 7 * 86_400  # of a recording
MOST_ROWS = 2_000_000  # of a file: so many seconds, in all layers together
MOST_MEMBERS = 100_000
ROW_COLUMNS = ("second", "seconds", *WORDS, "unsure", "away")

_Epoch = Annotated[int, Meta(ge=0, lt=LATEST)]
_Figure = Annotated[int, Meta(ge=0, le=1_000_000_000)]
_Row = Annotated[list[_Figure], Meta(min_length=len(ROW_COLUMNS), max_length=len(ROW_COLUMNS))]
_Name = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{NAME_DIGITS}}}\Z")]


class _Head(msgspec.Struct):
    format: str
    version: int


class _Layer(msgspec.Struct):
    members: Annotated[list[_Name], Meta(min_length=1, max_length=MOST_MEMBERS)]
    rows: list[_Row]


class _Body(msgspec.Struct):
    channel: Annotated[str, Meta(pattern=rf"\A{CHANNEL}\Z")]
    start: _Epoch
    end: _Epoch
    layers: list[_Layer]
    room: list[_Row] = []


@dataclass(frozen=True, slots=True, eq=False)
class LayerFile:
    """What a file holds. `room`: the rows of the live room; empty where it has none."""

    channel: str
    start: int  # epoch s, of the recording; both ends are recorded seconds
    end: int
    layers: tuple[Layer, ...]
    room: Table

    def is_of(self, span: SessionSpan) -> bool:
        """Whether it is of that session: two recorders of a room do not begin in one second."""
        return self.start <= span.end and self.end >= span.start


def encode(
    channel: str, span: SessionSpan, layers: Sequence[Layer], room: Table | None = None
) -> Iterator[str]:
    """The text of a file, one layer or so a line."""
    head = {"format": FORMAT, "version": VERSION, "channel": channel}
    times = {"start": span.start, "end": span.end, "columns": ROW_COLUMNS}
    yield f"{_json(head | times)[:-1]},\n"
    parts = [
        _json({"members": sorted(layer.members), "rows": _runs(layer.table, span.start)})
        for layer in layers
    ]
    yield '"layers":[\n' + ",\n".join(parts) + "\n],\n"
    yield f'"room":{_json(_runs(as_table([]) if room is None else room, span.start))}}}\n'


def read_file(path: Path) -> LayerFile:
    """Raises InputError for a file that cannot be read, or that `decode` refuses."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            mark("{path} cannot be read: {reason}.", path=shown(path), reason=reason),
            mark("Name another file."),
        ) from error
    return decode(data, shown(path))


def decode(data: bytes, name: str) -> LayerFile:
    """`name` is what errors call it. Raises InputError for what is no such file, of a version that
    is not known, damaged, or larger than any that is made here."""
    if len(data) > MOST_BYTES:
        raise InputError(
            mark("{name} is no file of layers: it is larger than any.", name=name),
            mark("Name another file."),
        )
    try:
        head = msgspec.json.decode(data, type=_Head)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        head = _Head("", 0)
    if head.format != FORMAT:
        raise InputError(
            mark("{name} is no file of layers.", name=name),
            mark("They are made by: resonance-tui replay --export FILE"),
        )
    if head.version != VERSION:
        raise InputError(
            mark(
                "{name} has version {version}; this program reads version {version2}.",
                name=name,
                version=head.version,
                version2=VERSION,
            ),
            mark("Upgrade resonance-tui."),
        )
    try:
        return _checked(msgspec.json.decode(data, type=_Body))
    except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
        ours = [each for each in error.args if isinstance(each, Marked)]
        why = (*ours, str(error) or mark("it is nested too deeply"))[0]
        raise InputError(
            mark("{name} is damaged: {why}.", name=name, why=why), mark("Ask for it again.")
        ) from error


def _checked(body: _Body) -> LayerFile:
    """Raises ValueError, which says what is wrong."""
    if not 0 <= body.end - body.start < MOST_S:
        raise ValueError(mark("its recording ends before it begins, or is longer than a week"))
    length = body.end - body.start + 1
    left = MOST_ROWS
    layers: list[Layer] = []
    for each in body.layers:
        members = frozenset(each.members)
        if len(members) < len(each.members):
            raise ValueError(mark("a layer names somebody twice"))
        table = _table(each.rows, body.start, length, left)
        left -= len(table)
        people = table[:, 1:].sum(axis=1)
        if (people < 1).any() or (people > len(members)).any():
            raise ValueError(mark("a layer counts nobody, or more people than it has members"))
        layers.append(Layer(members, table))
    room = _table(body.room, body.start, length, left)
    kept = tuple(layer for layer in layers if len(layer.table))
    return LayerFile(body.channel, body.start, body.end, kept, room)


def _table(rows: list[list[int]], start: int, length: int, most: int) -> Table:
    """Raises ValueError for rows that are out of order or outside of the recording."""
    runs = np.array(rows, np.int64).reshape(-1, len(ROW_COLUMNS))
    first, seconds = runs[:, 0], runs[:, 1]
    ends = first + seconds
    if (seconds < 1).any() or (first[1:] < ends[:-1]).any() or (ends > length).any():
        raise ValueError(mark("its rows are out of order, or outside of the recording"))
    if int(seconds.sum()) > most:
        raise ValueError(mark("it has more rows than any file that is made here"))
    table = np.empty((int(seconds.sum()), COLUMNS), np.int64)
    before = np.cumsum(seconds) - seconds  # rows of the table before each run
    table[:, 0] = start + np.arange(len(table)) + np.repeat(first - before, seconds)
    table[:, 1:] = np.repeat(runs[:, 2:], seconds, axis=0)
    return table


def _runs(table: Table, start: int) -> list[list[int]]:
    """Rows of a file: neighbours that say the same become one."""
    if not len(table):
        return []
    is_new = np.ones(len(table), bool)
    is_next = np.diff(table[:, 0]) == 1
    is_new[1:] = ~is_next | (np.diff(table[:, 1:], axis=0) != 0).any(axis=1)
    first = np.flatnonzero(is_new)
    seconds = np.diff(first, append=len(table))
    columns = (table[first, 0] - start, seconds, *table[first, 1:].T)
    return np.column_stack(columns).tolist()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
