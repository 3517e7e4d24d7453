"""How work ends after a time limit, and the program while native code computes in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine, Iterator
from typing import Any, NoReturn

_busy: set[object] = set()


@contextlib.contextmanager
def busy() -> Iterator[None]:
    """Around work that nobody waits for: a prediction, the loading of a network, a download."""
    token = object()
    _busy.add(token)
    try:
        yield
    finally:
        _busy.discard(token)


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

    Python stops threads that still run by unwinding them, which C++ that computes in one answers
    with an abort. So if one does, nothing is unwound: whatever had to be put away has been.
    """
    if not _busy:
        sys.exit(code)
    if (logging := sys.modules.get("logging")) is not None:
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or its reader is
            stream.flush()
    os._exit(code)
