"""The history database: one row a second, channel and source in a SQLite file."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from resonance_tui.emotions import WORDS
from resonance_tui.errors import StoreError
from resonance_tui.history import schema
from resonance_tui.history.rows import Row, SessionSpan

__all__ = ["SESSION_GAP_S", "Row", "SessionSpan", "Store"]

SESSION_GAP_S = 900  # a pause longer than this ends a session
BUSY_S = 2.0  # how long a writer waits for another program's write

_COLUMNS = ("channel", "t", "source", "viewers", *WORDS, "unsure", "away")
_INSERT = (
    f"INSERT INTO snapshot ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT DO NOTHING"
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM snapshot WHERE channel = ?"
_SESSIONS = """
WITH second AS (
    SELECT t, max(viewers) AS viewers FROM snapshot
    WHERE channel = :channel AND (:source IS NULL OR source = :source) GROUP BY t
), marked AS (
    SELECT t, viewers, t - lag(t, 1, t) OVER (ORDER BY t) > :gap AS is_first FROM second
), numbered AS (
    SELECT t, viewers, sum(is_first) OVER (ORDER BY t) AS number FROM marked
)
SELECT min(t), max(t), count(*), max(viewers) FROM numbered GROUP BY number ORDER BY number
"""


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
            raise StoreError(f"The history {path} is a folder.", "Name a file.")
        with _translated(path):
            self._db = _open_reader(path) if read_only else _open_writer(path)

    def append(self, rows: Iterable[Row]) -> int:
        """Stores all rows or none; returns how many were new.

        A second that is already there stays as it was, so writing twice is harmless.
        """
        values = [(r.channel, r.t, r.source, r.viewers, *r.counts, r.unsure, r.away) for r in rows]
        with self._use() as db:
            before = db.total_changes
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany(_INSERT, values)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk has rolled back by itself
                    db.execute("ROLLBACK")
                raise
            return db.total_changes - before

    def read(
        self,
        channel: str,
        start: int | None = None,
        end: int | None = None,
        source: str | None = None,
    ) -> list[Row]:
        """Rows from `start` to `end` (epoch seconds, both included), oldest first."""
        where, values = _SELECT, [channel]
        for clause, value in ((" AND t >= ?", start), (" AND t <= ?", end)):
            if value is not None:
                where, values = where + clause, [*values, value]
        if source is not None:
            where, values = where + " AND source = ?", [*values, source]
        with self._use() as db:
            cursor = db.execute(where + " ORDER BY t, source", values)
            return [Row(c, t, v, (*rest[:7],), rest[7], rest[8], s) for c, t, s, v, *rest in cursor]

    def channels(self) -> list[str]:
        """Every channel that was ever recorded, in alphabetical order."""
        with self._use() as db:
            rows = db.execute("SELECT DISTINCT channel FROM snapshot ORDER BY channel")
            return [channel for (channel,) in rows]

    def sessions(
        self, channel: str, gap_s: int = SESSION_GAP_S, source: str | None = None
    ) -> list[SessionSpan]:
        """The channel's sessions, oldest first."""
        with self._use() as db:
            found = db.execute(_SESSIONS, {"channel": channel, "gap": gap_s, "source": source})
            return [SessionSpan(*row) for row in found]

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
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for a module that keeps tables of its own here (see `outbox`)."""
        with self._use() as db:
            yield db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
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
    def _use(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _translated(self.path):
            if self._db is None:
                raise StoreError(f"The history {self.path} was closed already.")
            yield self._db


def _open_writer(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = _connect(f"{_uri(path)}?mode=rwc")
    try:
        schema.version_of(db, path)  # before anything is written into what may be another's file
        _switch_to_wal(db)
        db.execute("PRAGMA synchronous = NORMAL")
        schema.migrate(db, path)
        db.execute("BEGIN IMMEDIATE")  # a read-only file is found here, not an hour later
        db.execute("ROLLBACK")
    except BaseException:
        db.close()
        raise
    return db


def _open_reader(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise StoreError(f"Nothing was recorded yet: there is no {path}.", _how_to_record())
    db = _connect(f"{_uri(path)}?mode=ro")
    try:
        version = schema.version_of(db, path)
    except sqlite3.OperationalError as error:
        db.close()
        if not _needs_side_files(error) or _has_unmerged_rows(path):
            raise
        # A WAL database wants files beside it even to read; where they cannot be made, nobody
        # can be writing either, and SQLite may be told so.
        db = _connect(f"{_uri(path)}?mode=ro&immutable=1")
        version = schema.version_of(db, path)
    except BaseException:
        db.close()
        raise
    if version == 0:
        db.close()
        raise StoreError(f"Nothing was recorded yet in {path}.", _how_to_record())
    return db


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )


def _uri(path: Path) -> str:
    return path.absolute().as_uri()  # escapes the ?, # and % that a path may hold


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """Two programs that create the file at once collide here, past SQLite's own waiting."""
    deadline = time.monotonic() + BUSY_S
    while db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return  # some network file systems stay with "delete", which is slower and works
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _needs_side_files(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def _has_unmerged_rows(path: Path) -> bool:
    wal = path.with_name(path.name + "-wal")
    return wal.exists() and os.path.getsize(wal) > 0


def _how_to_record() -> str:
    return "Record with `resonance-tui join CHANNEL --record` or `resonance-tui log CHANNEL`."


_MESSAGES = {
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Move it away (a new one is started), or try to "
                             "save it with `sqlite3 FILE .recover`."),
    sqlite3.SQLITE_NOTADB: ("is no history database, or a damaged one", "Move it away: a new one "
                            "is started; or name another file."),
    sqlite3.SQLITE_READONLY: ("may not be written", "Allow writing to the file and to its folder, "
                              "or name another file."),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check that it is a file and that you may use "
                              "the folder it is in; a copy needs its -wal file beside it."),
    sqlite3.SQLITE_BUSY: ("is held by another program", "It is tried again; otherwise end the "
                          "other program."),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "Free some space."),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk reports an error",
                           "Check free space and the disk."),
}  # fmt: skip


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Foreign exceptions end here, as StoreError with words for a person."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, hint = _MESSAGES.get(code, (f"cannot be used: {error}", "Name another file."))
        raise StoreError(f"The history {path} {what}.", hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"The history {path} cannot be opened: {reason}.", "Name another file."
        ) from error
