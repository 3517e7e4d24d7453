"""The durable outbox to Google Sheets: which second has which place, and what was confirmed."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Sequence
from itertools import groupby

from resonance_tui.emotions import WORDS
from resonance_tui.history.samples import Sample
from resonance_tui.protocol.values import RoomCounts
from resonance_tui.sinks.sheets.layout import tab_title
from resonance_tui.sinks.sheets.plan import Tab, place
from resonance_tui.sinks.sheets.spreadsheets import Spreadsheets

CLAIM_ROWS = 5000  # places given out in one transaction: the recorder waits for it

_TABS = """
SELECT id, channel, source, started, book, gid, title, placed, confirmed, grid, is_left, newest
FROM sheet_tab WHERE channel = ? ORDER BY started, id
"""
_NEW = """
SELECT source, t FROM snapshot AS s WHERE channel = ? AND t >= ? AND NOT EXISTS (
    SELECT 1 FROM sheet_row AS r
    WHERE r.channel = s.channel AND r.t = s.t AND r.source = s.source
) ORDER BY t LIMIT ?
"""
_ROWS = f"""
SELECT r.seq, r.t, s.viewers, {", ".join(f"s.{word}" for word in WORDS)}, s.unsure, s.away
FROM sheet_row AS r LEFT JOIN snapshot AS s USING (channel, t, source)
WHERE r.tab = ? AND r.seq BETWEEN ? AND ? ORDER BY r.seq
"""


class Outbox(Spreadsheets):
    """Over an open history database; any thread and any number of programs may use it at once.

    A place (a tab and a position in it) is given once, so that every step can be repeated after a
    crash. Everything raises StoreError. The store stays open: its opener closes it.
    """

    # Places

    def begin_run(self, channel: str, source: str, started: int, book: str) -> None:
        """A recorder starts: rows from `started` (epoch seconds) on get a tab of their own."""
        with self._store.transaction() as db:
            _insert_tab(db, channel, source, started, book)

    def claim(self, channel: str, book: str, since: int = 0) -> int | None:
        """Gives places to seconds from `since` on that have none, the oldest CLAIM_ROWS of them.
        New tabs go into `book`.

        Returns the latest second that got a place; None when none did.
        """
        with self._store.transaction() as db:
            found = db.execute(_NEW, (channel, since, CLAIM_ROWS)).fetchall()
            if not found:
                return None
            tabs = _tabs(db, channel)
            for source, rows in groupby(sorted(found), key=lambda row: row[0]):
                own = [tab for tab in tabs if tab.source == source]
                for tab, seconds in place(own, (t for _, t in rows)):
                    to = tab.id if tab else _insert_tab(db, channel, source, seconds[0], book)
                    _append(db, channel, source, to, seconds)
        return max(t for _, t in found)

    def tabs(self, channel: str) -> list[Tab]:
        """All tabs of the channel, also those that were left, oldest first."""
        with self._store.reading() as db:
            return _tabs(db, channel)

    def rows(self, tab: Tab, first: int, last: int) -> list[tuple[int, Sample | None]]:
        """Second and row of each position; None for a row that was deleted here since."""
        with self._store.reading() as db:
            found = db.execute(_ROWS, (tab.id, first, last)).fetchall()
        return [(t, _row(tab, t, *values)) for _, t, *values in found]

    # What came of it

    def made(self, tab: Tab, grid: int, title: str) -> None:
        """The tab exists at Google, with `grid` rows and a title that a person may have changed."""
        self._change(tab, "grid = ?, title = ?", grid, title)

    def confirm(self, tab: Tab, last: int) -> None:
        """Google has confirmed everything up to position `last`."""
        self._change(tab, "confirmed = max(confirmed, ?)", last)

    def leave(self, tab: Tab, book: str, arrived: Collection[int]) -> None:
        """Writes nothing more to the tab. Its seconds that are neither confirmed nor in `arrived`
        (found there) get places in a new tab in `book`."""
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT t FROM sheet_row WHERE tab = ? AND seq > ? ORDER BY seq",
                (tab.id, tab.confirmed),
            ).fetchall()
            missing = [t for (t,) in rows if t not in arrived]
            db.execute(
                "UPDATE sheet_tab SET is_left = 1, placed = placed - ?, confirmed = placed - ? "
                "WHERE id = ?",
                (len(missing), len(missing), tab.id),
            )
            if missing:
                db.executemany(
                    "DELETE FROM sheet_row WHERE channel = ? AND t = ? AND source = ?",
                    [(tab.channel, t, tab.source) for t in missing],
                )
                to = _insert_tab(db, tab.channel, tab.source, min(missing), book)
                _append(db, tab.channel, tab.source, to, missing)

    def rebook(self, tab: Tab, book: str) -> None:
        """Moves a tab that is not made yet to another spreadsheet."""
        self._change(tab, "book = ?", book)

    def forget(self, channel: str) -> None:
        """Removes all places of the channel: what the database still holds is sent again, into new
        tabs."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM sheet_row WHERE channel = ?", (channel,))
            db.execute("DELETE FROM sheet_tab WHERE channel = ?", (channel,))
            db.execute("DELETE FROM sheet_trouble WHERE channel = ?", (channel,))

    def left(self, channel: str) -> int:
        """How many stored seconds Google has not confirmed."""
        with self._store.reading() as db:
            (unplaced,) = db.execute(f"SELECT count(*) FROM ({_NEW})", (channel, 0, -1)).fetchone()
            (pending,) = db.execute(
                "SELECT coalesce(sum(placed - confirmed), 0) FROM sheet_tab WHERE channel = ?",
                (channel,),
            ).fetchone()
        return unplaced + pending

    def confirmed(self, channel: str) -> int:
        """How many seconds Google has confirmed."""
        with self._store.reading() as db:
            return db.execute(
                "SELECT coalesce(sum(confirmed), 0) FROM sheet_tab WHERE channel = ?", (channel,)
            ).fetchone()[0]

    # For status lines and notices

    def set_trouble(self, channel: str, text: str, at: float) -> None:
        """Stores why rows of the channel do not arrive; "" when they do. `at`: epoch seconds."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM sheet_trouble WHERE channel = ?", (channel,))
            if text:
                db.execute("INSERT INTO sheet_trouble VALUES (?, ?, ?)", (channel, int(at), text))

    def trouble(self, channel: str) -> tuple[int, str] | None:
        """When something last went wrong (epoch seconds), and what; None when all is well."""
        with self._store.reading() as db:
            return db.execute(
                "SELECT at, text FROM sheet_trouble WHERE channel = ?", (channel,)
            ).fetchone()

    def count_call(self, at: float, *, is_write: bool, failed: bool) -> None:
        """Adds one call to the hour of `at` (epoch seconds)."""
        values = (int(at // 3600), int(not is_write), int(is_write), int(failed))
        with self._store.transaction() as db:
            db.execute(
                "INSERT INTO sheet_calls VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "reads = reads + excluded.reads, writes = writes + excluded.writes, "
                "failed = failed + excluded.failed",
                values,
            )

    def calls(self, since: float) -> list[tuple[int, int, int, int]]:
        """For each hour with calls: its start (epoch seconds), reads, writes, and failed ones."""
        with self._store.reading() as db:
            return db.execute(
                "SELECT hour * 3600, reads, writes, failed FROM sheet_calls "
                "WHERE hour >= ? ORDER BY hour",
                (int(since // 3600),),
            ).fetchall()

    def _change(self, tab: Tab, what: str, *values: object) -> None:
        with self._store.transaction() as db:
            db.execute(f"UPDATE sheet_tab SET {what} WHERE id = ?", (*values, tab.id))


def _row(tab: Tab, t: int, viewers: int | None, *counts: int) -> Sample | None:
    if viewers is None:
        return None
    return Sample(tab.channel, t, viewers, *RoomCounts.from_columns(counts), tab.source)


def _tabs(db: sqlite3.Connection, channel: str) -> list[Tab]:
    return [
        Tab(*values, is_left=bool(is_left), newest=newest)
        for *values, is_left, newest in db.execute(_TABS, (channel,))
    ]


def _insert_tab(db: sqlite3.Connection, channel: str, source: str, started: int, book: str) -> int:
    gid, token = 1 + secrets.randbelow(2**31 - 1), secrets.token_hex(2)
    cursor = db.execute(
        "INSERT INTO sheet_tab (channel, source, started, newest, book, gid, title) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (channel, source, started, started, book, gid, tab_title(channel, started, token)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _append(
    db: sqlite3.Connection, channel: str, source: str, tab: int, seconds: Sequence[int]
) -> None:
    (placed,) = db.execute("SELECT placed FROM sheet_tab WHERE id = ?", (tab,)).fetchone()
    db.executemany(
        "INSERT INTO sheet_row VALUES (?, ?, ?, ?, ?)",
        [(channel, t, source, tab, seq) for seq, t in enumerate(seconds, placed + 1)],
    )
    db.execute(
        "UPDATE sheet_tab SET placed = placed + ?, newest = max(newest, ?) WHERE id = ?",
        (len(seconds), max(seconds), tab),
    )
