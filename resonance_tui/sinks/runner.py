"""The task that brings a recording to a sink beside the room, which never waits for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from resonance_tui.errors import ResonanceError, StoreError, in_words
from resonance_tui.history.store import Store
from resonance_tui.listeners import Listeners
from resonance_tui.pipeline.worker import Worker
from resonance_tui.sinks import registry
from resonance_tui.sinks.base import Sink, SinkPlan
from resonance_tui.sinks.deliveries import open_tables
from resonance_tui.texts import mark, tr

INTERVAL_S = 15.0  # between two looks for new rows
LAST_TRIES = 3  # failures in a row while the session ends: someone offline leaves at once
FINISH_S = 5.0  # the longest that the end of a session waits for the last rows

log = logging.getLogger(__name__)


class Delivery:
    """Opens and steps one sink, on one thread that may block. Everything is opened with the first
    step, so that no session waits for a library or for the network."""

    def __init__(
        self, plan: SinkPlan, channel: str, database: Path, tell: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._channel = channel
        self._database = database
        self._tell = Listeners(tell)
        self._started = int(time.time())
        self._store: Store | None = None
        self._sink: Sink | None = None
        self._was_hopeless = False

    @property
    def is_in_trouble(self) -> bool:
        return self._sink is None or bool(self._sink.trouble)

    def step(self) -> float | None:
        """See `Sink.step`; says once when there is no hope for now."""
        sink = self._sink or self._open()
        wait = sink.step()
        if sink.is_hopeless and not self._was_hopeless:
            subject = registry.SINKS[self._plan.sink].subject
            words = mark("{sink} gets nothing: {trouble} All is kept here; trying again.")
            self._tell(tr(words, sink=subject, trouble=sink.trouble))
        self._was_hopeless = sink.is_hopeless
        return wait

    def close(self) -> None:
        try:
            if self._sink is not None:
                self._sink.close()
        finally:
            if self._store is not None:
                self._store.close()

    def _open(self) -> Sink:
        self._store = self._store or Store(self._database)
        kind = registry.load(self._plan.sink)
        open_tables(self._store, kind.name, kind.migrations)
        sink = kind(self._plan, self._channel, self._started, self._tell)
        sink.open(self._store)
        self._sink = sink
        return sink


class SinkRunner:
    """Steps one sink from the loop's thread. What does not arrive stays in the database; `notice`
    says so, and how to send it."""

    def __init__(
        self, plan: SinkPlan, channel: str, database: Path, notice: Callable[[str], None]
    ) -> None:
        self.name = plan.sink
        self._entry = registry.SINKS[plan.sink]
        self._channel = channel
        self._notice = Listeners(notice)
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._notice, text)

        self._delivery = Delivery(plan, channel, database, tell)
        self._worker = Worker(plan.sink)
        self._is_stopped = False

    async def run(self) -> None:
        """Until cancelled, or until the sink refuses for good."""
        while not self._is_stopped:
            wait = await self._step()
            await asyncio.sleep(INTERVAL_S if wait is None else wait)

    async def finish(self) -> None:
        """After the last row was stored: sends the rest as far as FINISH_S allows."""
        is_done = False
        try:
            async with asyncio.timeout(FINISH_S):
                is_done = await self._send_rest()
        except TimeoutError:
            pass
        finally:
            self._worker.close(self._delivery.close)
        if not is_done and not self._is_stopped:
            self._say(
                mark("The last rows are not in the {noun} yet; they are kept: {command}"),
                command=registry.load(self.name).resume_command(self._channel),
            )

    async def _send_rest(self) -> bool:
        """Whether everything has arrived."""
        failures = LAST_TRIES - 1 if self._delivery.is_in_trouble else 0
        while not self._is_stopped:
            wait = await self._step()
            if wait is None:
                return not self._is_stopped
            failures = failures + 1 if self._delivery.is_in_trouble else 0
            if failures >= LAST_TRIES:
                break
            await asyncio.sleep(wait)
        return False

    async def _step(self) -> float | None:
        try:
            return await self._worker.do(self._delivery.step)
        except StoreError as error:
            self._say(mark("The {noun} has to wait: {why}"), why=tr(error.message))
            return INTERVAL_S
        except ResonanceError as error:
            self._stop(in_words(error))
        except Exception as error:  # whatever it is, the room goes on
            log.exception("the sink %s ended", self.name)
            self._stop(in_words(error))
        return None

    def _stop(self, why: str) -> None:
        self._is_stopped = True
        self._say(mark("Nothing more goes into the {noun}, all is kept here: {why}"), why=why)

    def _say(self, message: str, **fields: str) -> None:
        self._notice(tr(message, noun=tr(self._entry.noun), **fields))


async def finish_all(runners: Sequence[SinkRunner]) -> None:
    """All at once, so that the end of a session waits FINISH_S at most."""
    await asyncio.gather(*(runner.finish() for runner in runners))
