"""A SQLite file opened for the history, and SQLite's errors as StoreError."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from resonance_tui.errors import StoreError
from resonance_tui.history import schema
from resonance_tui.texts import mark

BUSY_S = 2.0  # how long a writer waits for another program's write


def open_writer(path: Path) -> sqlite3.Connection:
    """Creates the file, its folder and its layout where they are not there yet.

    Where the disk cannot share memory between programs, as network folders, it does without a log
    (WAL), which is slower.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open_writer(path, has_log=True)
    except sqlite3.OperationalError as error:
        if not _needs_side_files(error):
            raise
        try:
            _take_log_in(path)
        except sqlite3.Error:
            raise error from None
        return _open_writer(path, has_log=False)


def _open_writer(path: Path, *, has_log: bool) -> sqlite3.Connection:
    db = _connect(f"{_uri(path)}?mode=rwc")
    try:
        schema.version_of(db, path)  # before anything is written into what may be another's file
        if has_log:
            _switch_to_wal(db)
        db.execute("PRAGMA synchronous = NORMAL" if has_log else "PRAGMA synchronous = FULL")
        schema.migrate(db, path)
        db.execute("BEGIN IMMEDIATE")  # a read-only file is found here, not an hour later
        db.execute("ROLLBACK")
    except BaseException:
        db.close()
        raise
    return db


def _take_log_in(path: Path) -> None:
    """Make a database with a log one without; what the log holds goes into it. Alone with the
    file, SQLite needs no shared memory for that."""
    db = _connect(f"{_uri(path)}?mode=rw")
    try:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        schema.version_of(db, path)
        db.execute("PRAGMA journal_mode = DELETE")
    finally:
        db.close()


def open_reader(path: Path) -> sqlite3.Connection:
    """Changes nothing. Raises StoreError where nothing was recorded yet."""
    if not path.exists():
        raise StoreError(
            mark("Nothing was recorded yet: there is no {path}.", path=path), _how_to_record()
        )
    db = _connect(f"{_uri(path)}?mode=ro")
    try:
        version = schema.version_of(db, path)
    except sqlite3.OperationalError as error:
        db.close()
        if not _needs_side_files(error) or _has_unmerged_rows(path):
            raise
        # A WAL database needs files beside it even to read; where they cannot be made, no program
        # can write either, so it may be opened as immutable.
        db = _connect(f"{_uri(path)}?mode=ro&immutable=1")
        version = schema.version_of(db, path)
    except BaseException:
        db.close()
        raise
    try:
        if version == 0:
            raise StoreError(
                mark("Nothing was recorded yet in {path}.", path=path), _how_to_record()
            )
        schema.complete(db, version)
    except BaseException:
        db.close()
        raise
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
    """Whether it may be the files beside the database that cannot be made or shared."""
    return error.sqlite_errorcode & 0xFF in (
        *(sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL),
    )


def _has_unmerged_rows(path: Path) -> bool:
    wal = path.with_name(path.name + "-wal")
    return wal.exists() and os.path.getsize(wal) > 0


def _how_to_record() -> str:
    return mark("Record with `resonance-tui join CHANNEL --record` or `resonance-tui log CHANNEL`.")


_MESSAGES = {
    sqlite3.SQLITE_CORRUPT: (
        mark("is damaged"),
        mark(
            "Move it away (a new one is started), or try to save it with `sqlite3 FILE .recover`."
        ),
    ),
    sqlite3.SQLITE_NOTADB: (
        mark("is no history database, or a damaged one"),
        mark("Move it away: a new one is started; or name another file."),
    ),
    sqlite3.SQLITE_READONLY: (
        mark("may not be written"),
        mark("Allow writing to the file and to its folder, or name another file."),
    ),
    sqlite3.SQLITE_CANTOPEN: (
        mark("cannot be opened"),
        mark(
            "Check that it is a file and that you may use "
            "the folder it is in; a copy needs its -wal file beside it."
        ),
    ),
    sqlite3.SQLITE_BUSY: (
        mark("is held by another program"),
        mark(
            "It is tried again; otherwise end the "
            "other program: a database browser holds it while changes are open."
        ),
    ),
    sqlite3.SQLITE_FULL: (mark("cannot grow: the disk is full"), mark("Free some space.")),
    sqlite3.SQLITE_IOERR: (
        mark("cannot be read or written: the disk reports an error"),
        mark(
            "Check free space and the disk; a network folder may not do: name "
            "a file on this machine's own disk."
        ),
    ),
    sqlite3.SQLITE_PROTOCOL: (
        mark("cannot be locked"),
        mark("A network folder may not do: name a file on this machine's own disk."),
    ),
}


@contextmanager
def translate(path: Path) -> Generator[None]:
    """Raise what SQLite and the file system raise as StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, hint = _MESSAGES.get(
            code, (mark("cannot be used: {error}", error=error), mark("Name another file."))
        )
        raise StoreError(mark("The history {path} {what}.", path=path, what=what), hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            mark("The history {path} cannot be opened: {reason}.", path=path, reason=reason),
            mark("Name another file."),
        ) from error
