"""A single daemon worker thread. Cancelling a caller does not wait for what it is doing."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from resonance_tui.shutdown import busy

log = logging.getLogger(__name__)
T = TypeVar("T")


class Worker:
    """Runs jobs one after the other. Unlike a thread pool it does not delay the program's end.

    `linger_s`: how long a program that does not end through `shutdown.end` waits for it.
    """

    def __init__(self, name: str, *, linger_s: float = 0.0) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._wait = lambda: self._thread.join(linger_s)
        if linger_s:
            atexit.register(self._wait)
        self._thread.start()

    async def do(self, work: Callable[[], T]) -> T:
        """Run `work()` in the thread and await its result; after a cancellation it runs on."""
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()

        def settle(set_it: Callable[[Any], None], value: Any) -> None:
            if not result.done():
                set_it(value)

        def run() -> None:
            try:
                set_it, value = result.set_result, work()
            except BaseException as error:
                set_it, value = result.set_exception, _for_a_future(error)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, set_it, value)

        self._jobs.put(run)
        return await result

    def close(self, last: Callable[[], None] | None = None) -> None:
        """End the thread after the jobs that are queued, and after `last`."""
        if last is not None:
            self._jobs.put(last)
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            with busy():
                try:
                    job()
                except Exception:  # of `last`, which is not awaited
                    log.warning("the end of %s went wrong", self._thread.name, exc_info=True)
            del job  # it may hold a clip, which must not live until the next job
        atexit.unregister(self._wait)


def _for_a_future(error: BaseException) -> Exception:
    """An error that a future can carry: one that would end the loop or thread is wrapped."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(repr(error))
