"""Room snapshots in, one stored row a second out; a disk in trouble loses nothing for an hour."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from resonance_tui.errors import StoreError
from resonance_tui.history import runs
from resonance_tui.history.samples import SESSION_GAP_S, Gap, Sample
from resonance_tui.history.store import Store
from resonance_tui.room.state import RoomSnapshot

KEPT_ROWS = 3600  # one hour in memory while the database cannot be written


class Recorder:
    """Keeps the last snapshot of each second and writes it once that second is over.

    `add` never blocks and never fails. What the database refuses is kept and tried again every
    second; `problem` says so in one line. Seconds that had to be given up are marked as a gap with
    its reason. The store stays open: its opener closes it.
    """

    def __init__(
        self,
        store: Store,
        channel: str,
        source: str = "local",
        *,
        title: str = "",
        interval_s: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._channel = channel
        self._source = source
        self._title = title
        self._interval_s = interval_s
        self._clock = clock
        self._pending: dict[int, Sample] = {}  # by second; leaves only when the store has confirmed
        self._current = -1  # the second that may still get a later snapshot
        self._trouble = ""
        self._lost: Gap | None = None  # given up, and not marked yet
        self._run: int | None = None  # number of the session in the store
        self._last = -1  # its latest second
        self.written = 0  # rows that the store has confirmed

    @property
    def trouble(self) -> str:
        """What keeps rows from being stored right now; "" when all is well."""
        return self._trouble

    @property
    def unsaved(self) -> int:
        """Seconds that the store has not confirmed, or never will, while there is trouble."""
        return len(self._pending) + self._lost_s if self._trouble else 0

    @property
    def problem(self) -> str:
        """What keeps rows from being stored, and what happens to them; "" when all is well."""
        if not self._trouble:
            return ""
        lost = f", {self._lost_s} s lost" if self._lost else ""
        return f"{self._trouble} ({len(self._pending)} s kept in memory{lost}; trying again)"

    def add(self, snapshot: RoomSnapshot, at: float) -> None:
        """The room as it was at `at` (epoch seconds); a later one in that second replaces it."""
        self._current = int(at)
        self._pending[self._current] = Sample(
            self._channel,
            self._current,
            snapshot.viewers,
            tuple(snapshot.counts),
            snapshot.unsure,
            snapshot.away,
            self._source,
        )
        while len(self._pending) > KEPT_ROWS:
            self._give_up(min(self._pending))

    async def run(self) -> None:
        """Writes every second until cancelled, then writes what is left, including this second."""
        try:
            while True:
                await asyncio.sleep(self._interval_s)
                await self._write([row for row in self._pending.values() if self._is_over(row.t)])
        finally:
            if await self._write(list(self._pending.values())):
                await self._end()

    @property
    def _lost_s(self) -> int:
        return self._lost.seconds if self._lost else 0

    def _give_up(self, second: int) -> None:
        del self._pending[second]
        lost = self._lost or Gap(
            second, second, 0, self._trouble or "The disk was too slow.", self._source
        )
        self._lost = replace(
            lost,
            start=min(lost.start, second),
            end=max(lost.end, second),
            seconds=lost.seconds + 1,
        )

    def _is_over(self, second: int) -> bool:
        return second != self._current or second != int(self._clock())

    async def _write(self, rows: list[Sample]) -> bool:
        """Whether the store has everything now."""
        if not rows:
            return True
        lost = self._lost
        try:
            await asyncio.to_thread(self._store_rows, rows, lost)
        except StoreError as error:
            self._trouble = error.message
            return False
        self._confirm(rows)
        if self._lost is lost:  # else more was given up meanwhile: it is marked with the next rows
            self._lost = None
        return True

    def _store_rows(self, rows: list[Sample], lost: Gap | None) -> None:
        for row in rows:
            if self._run is None or abs(row.t - self._last) > SESSION_GAP_S:
                self._begin(row.t)
            self._last = max(self._last, row.t)
        if lost is not None:
            runs.mark_gap(self._store, self._channel, lost)
        self._store.append(rows)

    def _begin(self, first: int) -> None:
        """Another session after a long pause, and where the clock was put right meanwhile: each
        has the title."""
        if self._run is not None:
            runs.end(self._store, self._run, self._last)
        self._run = runs.begin(self._store, self._channel, self._source, first, title=self._title)
        self._last = first

    async def _end(self) -> None:
        if self._run is None:
            return
        with suppress(StoreError):  # then the end is the last second that is stored
            await asyncio.to_thread(runs.end, self._store, self._run, self._last)

    def _confirm(self, rows: list[Sample]) -> None:
        self._trouble = ""
        self.written += len(rows)
        for row in rows:
            if self._pending.get(row.t) is row:  # else a clock set back has replaced it meanwhile
                del self._pending[row.t]
