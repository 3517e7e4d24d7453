"""How the program ends while native code is still computing in a thread."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Generator
from typing import NoReturn

_busy: set[object] = set()


@contextlib.contextmanager
def busy() -> Generator[None]:
    """Around work that nobody waits for: a prediction, the loading of a network, a download."""
    token = object()
    _busy.add(token)
    try:
        yield
    finally:
        _busy.discard(token)


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
