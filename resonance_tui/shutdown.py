"""How work ends after a time limit, and the program while native code computes in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine, Generator
from typing import Any, NoReturn

_busy: set[object] = set()


@contextlib.contextmanager
def busy() -> Generator[None]:
    """Mark a block of native work that nothing awaits at exit: a prediction, a load, a download."""
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

    Python unwinds threads that still run at exit, and C++ code running in one aborts the process.
    So while `busy`, the process ends without unwinding; resources are already released.
    """
    if not _busy:
        sys.exit(code)
    if (logging := sys.modules.get("logging")) is not None:
        logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or its reader is
            stream.flush()
    os._exit(code)
