"""The mark of a broker that a viewer started on this machine: others may replace it.

It is a file in the system's temporary folder, so that the viewers of other users see it, and it is
locked for as long as the program that started the broker lives. Nobody reads what is in it. A
broker that a system or a person runs for itself has none.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import IO

from resonance_tui.files import lock_file

FOR_EVERYBODY = 0o644
TAKE_WITHIN_S = 1.0  # who looks holds it for a moment; who stops its broker, a little longer
TRY_EVERY_S = 0.05
_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link, no pipe


def claim_file(port: int) -> Path:
    """Where the mark of the broker at that port lies."""
    shared = Path("/tmp")  # a user's own temporary folder is seen by that user alone
    folder = shared if shared.is_dir() else Path(tempfile.gettempdir())
    return folder / f"resonance-tui-broker-{port}.lock"


def is_claimed(port: int) -> bool:
    """Whether the viewer that started the broker at that port is still there."""
    try:
        with _opened(claim_file(port)) as file:
            lock_file(file, wait=False, shared=True)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class BrokerClaim:
    """Says that the broker at that port is a viewer's, until `release` or the process's end."""

    def __init__(self, port: int) -> None:
        self._path = claim_file(port)
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """False where that cannot be said: then nobody replaces the broker. Blocks a moment."""
        deadline = time.monotonic() + TAKE_WITHIN_S
        while not self._try_to_take() and time.monotonic() < deadline:
            time.sleep(TRY_EVERY_S)
        return self._file is not None

    def release(self) -> None:
        """Call it once the broker has stopped."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):  # of another user: it stays, without a lock
                self._path.unlink()
            file.close()

    def _try_to_take(self) -> bool:
        with contextlib.ExitStack() as undo, contextlib.suppress(OSError):
            file = undo.enter_context(_opened(self._path, makes=True))
            lock_file(file, wait=False)
            if os.path.samestat(os.fstat(file.fileno()), self._path.lstat()):  # not removed since
                undo.pop_all()
                self._file = file
        return self._file is not None


def _opened(path: Path, *, makes: bool = False) -> IO[str]:
    """Raises OSError, also for what is no plain file."""
    try:
        handle = os.open(path, os.O_RDONLY | _SAFELY)
    except FileNotFoundError:
        if not makes:
            raise
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _SAFELY, FOR_EVERYBODY)
        with contextlib.suppress(OSError):
            os.chmod(path, FOR_EVERYBODY)  # whatever the umask is
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path} is no file")
    return os.fdopen(handle)
