"""How work ends after a time limit, and the program while native code computes in a thread."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Generator
from typing import Any, NoReturn

_busy: set[object] = set()
_steps: list[Callable[[], object]] = []  # the last one first
_is_ending = False


@contextlib.contextmanager
def busy() -> Generator[None]:
    """Mark a block of native work that nothing awaits at exit: a prediction, a load, a download."""
    token = object()
    _busy.add(token)
    try:
        yield
    finally:
        _busy.discard(token)


@contextlib.contextmanager
def at_end(step: Callable[[], object]) -> Generator[None]:
    """Call `step()` if the program ends inside the block, in whatever way `end` ends it: what a
    thread has made outside this process would stay. It may be called while the thread runs on."""
    atexit.register(step)
    _steps.append(step)
    if _is_ending:
        step()
    try:
        yield
    finally:
        _steps.remove(step)
        atexit.unregister(step)


async def for_seconds(work: Coroutine[Any, Any, Any], seconds: float | None) -> None:
    """Await `work`; cancel it after `seconds` if it is still running.

    A TimeoutError of `work` itself is raised.
    """
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise


def end(code: int) -> NoReturn:
    """End the program with that exit code, at once.

    Python unwinds threads that still run at exit, and C++ code running in one aborts the process.
    So while `busy`, the process ends without unwinding; resources are already released.
    """
    global _is_ending
    if not _busy:
        sys.exit(code)
    _is_ending = True
    for step in reversed(_steps):
        with contextlib.suppress(Exception):  # the end goes on
            step()
    if (logging := sys.modules.get("logging")) is not None:
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or its reader is
            stream.flush()
    os._exit(code)
