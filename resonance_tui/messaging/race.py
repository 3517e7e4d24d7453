"""Happy Eyeballs (RFC 8305): several ways are tried at short intervals, and the first that works
is taken, so that a dead one costs a moment instead of a time-out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def first_to_succeed(
    ways: Sequence[Callable[[], Awaitable[T]]],
    *,
    delay_s: float,
    discard: Callable[[T], None] = lambda _: None,
) -> T:
    """The result of the first way to succeed; the others are cancelled.

    Each has a head start of `delay_s` before the next; one that fails lets the next begin at once.
    `discard` takes the results of any that succeed too late. Raises an ExceptionGroup with the
    failures, in the order of `ways`, once all of them have failed.
    """
    tasks: list[asyncio.Task[T]] = []
    taken: asyncio.Task[T] | None = None
    try:
        while taken is None:
            if len(tasks) < len(ways):
                tasks.append(asyncio.ensure_future(_start(ways[len(tasks)])))
            taken = await _first_of_these(tasks, delay_s if len(tasks) < len(ways) else None)
            if taken is None and len(tasks) == len(ways) and all(each.done() for each in tasks):
                raise ExceptionGroup("no way works", [_failure(each) for each in tasks])
        return taken.result()
    finally:
        for task in tasks:
            if task is not taken:
                task.cancel()
                task.add_done_callback(lambda late: _drop(late, discard))


async def _start(way: Callable[[], Awaitable[T]]) -> T:
    return await way()


async def _first_of_these(
    tasks: Sequence[asyncio.Task[T]], timeout_s: float | None
) -> asyncio.Task[T] | None:
    """The first that has succeeded; None where one has failed meanwhile, or the time is over."""
    running = [each for each in tasks if not each.done()]
    if running:
        await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    return next((each for each in tasks if _has_succeeded(each)), None)


def _has_succeeded(task: asyncio.Task[T]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


def _failure(task: asyncio.Task[T]) -> Exception:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, Exception):
        raise error  # the end of the program is nobody's failure
    return error or ConnectionAbortedError("this way was given up")


def _drop(task: asyncio.Task[T], discard: Callable[[T], None]) -> None:
    if _has_succeeded(task):
        discard(task.result())
