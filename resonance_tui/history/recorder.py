"""Room snapshots in, one stored row a second out; a disk in trouble loses nothing for an hour."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from resonance_tui.errors import StoreError
from resonance_tui.history.rows import Row
from resonance_tui.history.store import Store
from resonance_tui.room.state import RoomSnapshot

KEPT_ROWS = 3600  # one hour in memory while the database cannot be written


class Recorder:
    """Keeps the last snapshot of each second and writes it once that second is over.

    `add` never blocks and never fails. What the database refuses is kept and tried again every
    second; `problem` says so in one line. The store stays open: whoever opened it closes it.
    """

    def __init__(
        self,
        store: Store,
        channel: str,
        source: str = "local",
        *,
        interval_s: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._channel = channel
        self._source = source
        self._interval_s = interval_s
        self._clock = clock
        self._pending: dict[int, Row] = {}  # by second; leaves only when the store has confirmed
        self._current = -1  # the second that may still get a later snapshot
        self._trouble = ""
        self._dropped = 0
        self.written = 0  # rows that the store has confirmed

    @property
    def trouble(self) -> str:
        """What keeps rows from being stored right now; "" when all is well."""
        return self._trouble

    @property
    def unsaved(self) -> int:
        """Seconds that the store has not confirmed, or never will, while there is trouble."""
        return len(self._pending) + self._dropped if self._trouble else 0

    @property
    def problem(self) -> str:
        """What keeps rows from being stored, and what happens to them; "" when all is well."""
        if not self._trouble:
            return ""
        lost = f", {self._dropped} s lost" if self._dropped else ""
        return f"{self._trouble} ({len(self._pending)} s kept in memory{lost}; trying again)"

    def add(self, snapshot: RoomSnapshot, at: float) -> None:
        """The room as it was at `at` (epoch seconds); a later one in that second replaces it."""
        self._current = int(at)
        self._pending[self._current] = Row(
            self._channel,
            self._current,
            snapshot.viewers,
            tuple(snapshot.counts),
            snapshot.unsure,
            snapshot.away,
            self._source,
        )
        while len(self._pending) > KEPT_ROWS:
            del self._pending[min(self._pending)]
            self._dropped += 1

    async def run(self) -> None:
        """Writes every second until cancelled, then writes what is left, including this second."""
        try:
            while True:
                await asyncio.sleep(self._interval_s)
                await self._write([row for row in self._pending.values() if self._is_over(row.t)])
        finally:
            await self._write(list(self._pending.values()))

    def _is_over(self, second: int) -> bool:
        return second != self._current or second != int(self._clock())

    async def _write(self, rows: list[Row]) -> None:
        if not rows:
            return
        try:
            await asyncio.to_thread(self._store.append, rows)
        except StoreError as error:
            self._trouble = error.message
            return
        self._confirm(rows)

    def _confirm(self, rows: list[Row]) -> None:
        self._trouble = ""
        self.written += len(rows)
        for row in rows:
            if self._pending.get(row.t) is row:  # else a clock set back has replaced it meanwhile
                del self._pending[row.t]
