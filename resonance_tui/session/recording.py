"""The recorder and its sinks, which are switched on and off while the session runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from resonance_tui.errors import Problem, StoreError
from resonance_tui.history.reactions import keep_reactions
from resonance_tui.history.recorder import Recorder, Word
from resonance_tui.history.store import Store
from resonance_tui.history.teams import keep_teams, team_seconds
from resonance_tui.room.state import RoomSnapshot
from resonance_tui.session.plan import SessionPlan
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.runner import SinkRunner, finish_all
from resonance_tui.texts import mark, tr


class Recording:
    """Records one room while it is on. Used on the loop's thread.

    `notice` takes sentences for a person. What is not recorded in between is a gap, or, where it is
    long, parts two sessions of the history.
    """

    def __init__(self, plan: SessionPlan, notice: Callable[[str], None]) -> None:
        self._plan, self._notice = plan, notice
        self._recorder: Recorder | None = None
        self._changed = asyncio.Event()
        self._written = 0  # rows of recorders before
        self._unsaved = 0  # seconds that no recorder before has stored
        self._why = ""
        self._teams_at = 0  # epoch seconds
        self._keeping: set[asyncio.Task[None]] = set()
        self.is_on = plan.database is not None and plan.is_recording

    @property
    def trouble(self) -> str:
        """What keeps rows from being stored right now; "" when all is well."""
        return self._recorder.trouble if self._recorder is not None else ""

    @property
    def rows(self) -> int:
        """How many the database has confirmed since the session began: one for each second."""
        return self._written + (self._recorder.written if self._recorder is not None else 0)

    def switch(self, on: bool) -> None:
        """Without a database nothing is ever recorded."""
        self.is_on = on and self._plan.database is not None
        self._changed.set()

    def add(self, room: RoomSnapshot, at: float) -> None:
        """The room at `at` (epoch seconds), which is a fact."""
        if self.is_on and self._recorder is not None:
            self._recorder.add(room, at)

    def add_reactions(self, second: int, counts: Sequence[int]) -> None:
        """What was sent with keys in that second (epoch s): eight counts."""
        if self.is_on and self._recorder is not None:
            channel, counts = self._plan.channel, tuple(counts)
            self._recorder.keep(lambda store: keep_reactions(store, channel, second, counts))

    def add_teams(self, room: RoomSnapshot, names: Sequence[str], at: float) -> None:
        """What of the host's teams is shown at `at`, once in each second."""
        if not (self.is_on and self._recorder is not None) or int(at) <= self._teams_at:
            return
        self._teams_at, channel = int(at), self._plan.channel
        if found := team_seconds(int(at), names, room.teams):
            self._recorder.keep(lambda store: keep_teams(store, channel, found))

    def keep(self, word: Word) -> None:
        """Store what a person said of the room, a mark for one, beside the rows: the recorder
        here does, or, while it is off, this at once, as another program may record the room."""
        if self._recorder is not None:
            self._recorder.keep(word)
        elif self._plan.database is not None:
            task = asyncio.create_task(self._keep_now(self._plan.database, word))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def _keep_now(self, database: Path, word: Word) -> None:
        def write() -> None:
            with Store(database) as store:
                word(store)

        try:
            await asyncio.to_thread(write)
        except StoreError as error:
            self._notice(tr("Not kept: {why}", why=tr(error.message)))

    async def run(self) -> None:
        """Until cancelled; then writes what is left.

        Raises StoreError where the database that was asked for from the start cannot be opened;
        later, that is a notice.
        """
        try:
            await self._run()
        finally:
            if self._keeping:
                await asyncio.wait(self._keeping)

    async def _run(self) -> None:
        if self._plan.database is not None and self.is_on:
            await self._record(self._plan.database, self._plan.sinks)
        while True:
            await self._until(True)
            try:
                assert self._plan.database is not None
                await self._record(self._plan.database, self._later_sinks())
            except Problem as error:
                self.is_on = False
                self._notice(tr("Not recording: {why}", why=tr(error.message)))

    def check_all_stored(self) -> None:
        """Raises StoreError for rows that could not be stored: they are not lost in silence."""
        if self._unsaved:
            raise StoreError(
                mark(
                    "{unsaved} s of the room were not stored: {why}",
                    unsaved=self._unsaved,
                    why=self._why,
                ),
                mark("What was stored before is safe."),
            )

    def _later_sinks(self) -> tuple[SinkPlan, ...]:
        plan = self._plan
        return plan.sinks or (plan.find_sinks() if plan.find_sinks is not None else ())

    async def _record(self, database: Path, plans: tuple[SinkPlan, ...]) -> None:
        channel = self._plan.channel
        async with AsyncExitStack() as stack:
            store = await asyncio.to_thread(Store, database)
            stack.push_async_callback(asyncio.to_thread, store.close)
            sinks = [SinkRunner(each, channel, database, self._notice) for each in plans]
            stack.push_async_callback(finish_all, sinks)  # once the last row is written
            recorder = self._recorder = Recorder(store, channel, title=self._plan.title)
            try:
                await self._run_until_off(recorder, sinks)
            finally:
                self._recorder = None
                self._written += recorder.written
                self._unsaved += recorder.unsaved
                self._why = recorder.trouble or self._why

    async def _run_until_off(self, recorder: Recorder, sinks: list[SinkRunner]) -> None:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(recorder.run(), name="recorder")]
            running += [tasks.create_task(sink.run(), name=sink.name) for sink in sinks]
            await self._until(False)
            for task in running:
                task.cancel()

    async def _until(self, on: bool) -> None:
        while self.is_on != on:
            self._changed.clear()
            await self._changed.wait()
