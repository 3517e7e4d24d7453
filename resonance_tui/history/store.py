"""The history database: one row a second, channel and source in a SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from resonance_tui.emotions import WORDS
from resonance_tui.errors import StoreError
from resonance_tui.history.database import open_reader, open_writer, translate
from resonance_tui.history.samples import (
    SESSION_GAP_S,
    Sample,
    SessionSpan,
    Slot,
    in_sessions,
    with_words,
)
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.texts import mark

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COLUMNS = ("channel", "t", "source", "viewers", *WORDS, "unsure", "away")
_INSERT = (
    f"INSERT INTO snapshot ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT DO NOTHING"
)
_FIGURES = ", ".join(("t", "viewers", *WORDS, "unsure", "away"))
_SLOTS = """
SELECT min(first), max(last), sum(iif(:source IS NULL, seconds, rows)), max(peak)
FROM slot WHERE channel = :channel AND (:source IS NULL OR source = :source)
GROUP BY number ORDER BY number
"""
_TITLES = "SELECT started, title FROM session WHERE channel = ? AND title <> '' ORDER BY started"
_SAID = "SELECT at, title, note FROM about WHERE channel = ? ORDER BY at"


class Store:
    """One open history database. Any thread may use it; calls wait for each other.

    Opening for writing creates the file, its folder and its layout. Opening with `read_only`
    writes nothing and needs no right to write. Everything raises StoreError, with a hint.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        if path.is_dir():  # SQLite would blame the disk
            raise StoreError(
                mark("The history {path} is a folder.", path=path), mark("Name a file.")
            )
        with translate(path):
            self._db = open_reader(path) if read_only else open_writer(path)

    def append(self, rows: Iterable[Sample]) -> int:
        """Stores all rows or none; returns how many were new.

        A second that is already there stays as it was, so writing twice is harmless.
        """
        values = [(r.channel, r.t, r.source, r.viewers, *r.counts, r.unsure, r.away) for r in rows]
        with self.transaction() as db:
            return max(0, db.executemany(_INSERT, values).rowcount)

    def read(
        self,
        channel: str,
        start: int | None = None,
        end: int | None = None,
        source: str | None = None,
    ) -> list[Sample]:
        """Rows from `start` to `end` (epoch seconds, both included), oldest first."""
        where, values = _where(channel, start, end, source)
        with self._use() as db:
            cursor = db.execute(f"SELECT {', '.join(_COLUMNS)} {where}", values)
            return [
                Sample(c, t, v, *RoomCounts.from_columns(counts), s)
                for c, t, s, v, *counts in cursor
            ]

    def table(
        self,
        channel: str,
        start: int | None = None,
        end: int | None = None,
        source: str | None = None,
    ) -> NDArray[np.int64]:
        """The same as figures, `int64[N, 11]`: t, viewers, seven counts, unsure, away.

        A fraction of the time that rows take; for `recording.from_table`.
        """
        import numpy as np

        where, values = _where(channel, start, end, source)
        with self._use() as db:
            cursor = db.execute(f"SELECT {_FIGURES} {where}", values)
            try:
                return np.fromiter(chain.from_iterable(cursor), np.int64).reshape(-1, 11)
            except (TypeError, ValueError) as error:  # SQLite keeps text where figures belong
                raise StoreError(
                    mark("The history {path} holds rows that are no figures.", path=self.path),
                    mark("Somebody has edited it: forget the channel, or name another file."),
                ) from error

    def has_rows(
        self,
        channel: str,
        start: int | None = None,
        end: int | None = None,
        source: str | None = None,
    ) -> bool:
        """Whether `read` would find anything."""
        where, values = _where(channel, start, end, source)
        with self._use() as db:
            return db.execute(f"SELECT 1 {where} LIMIT 1", values).fetchone() is not None

    def channels(self) -> list[str]:
        """Every channel that was ever recorded, in alphabetical order."""
        with self._use() as db:
            rows = db.execute("SELECT DISTINCT channel FROM slot ORDER BY channel")
            return [channel for (channel,) in rows]

    def sessions(
        self, channel: str, gap_s: int = SESSION_GAP_S, source: str | None = None
    ) -> list[SessionSpan]:
        """The channel's sessions, oldest first. Reads a line for each quarter of an hour."""
        with self._use() as db:
            slots = db.execute(_SLOTS, {"channel": channel, "source": source}).fetchall()
            titles = db.execute(_TITLES, (channel,)).fetchall()
            said = db.execute(_SAID, (channel,)).fetchall()
        spans = in_sessions([Slot(*slot) for slot in slots], titles, gap_s)
        return [with_words(span, said) for span in spans] if said else spans

    def close(self) -> None:
        """Idempotent; waits for a call in another thread to end."""
        with self._lock:
            db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):  # what was confirmed is on the disk already
                db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection]:
        """The connection, for a module that keeps tables of its own here (see `outbox`)."""
        with self._use() as db:
            yield db

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """The connection inside a transaction that holds the right to write: all or nothing."""
        with self._use() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back by itself
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _use(self) -> Generator[sqlite3.Connection]:
        with self._lock, translate(self.path):
            if self._db is None:
                raise StoreError(mark("The history {path} was closed already.", path=self.path))
            yield self._db


def _where(
    channel: str, start: int | None, end: int | None, source: str | None
) -> tuple[str, list[str | int]]:
    where = "FROM snapshot WHERE channel = ?"
    values: list[str | int] = [channel]
    for clause, value in (("t >= ?", start), ("t <= ?", end), ("source = ?", source)):
        if value is not None:
            where += f" AND {clause}"
            values.append(value)
    return f"{where} ORDER BY t, source", values
