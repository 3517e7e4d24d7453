"""One child program that never outlives us: started, read, stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from pathlib import Path

# A small shell holds the other end of a pipe; when we are gone, however we went, the pipe
# closes and the shell ends the program. The kernel's parent-death signal would be shorter,
# but it is tied to the *thread* that started the child, is lost when the child changes its
# account (Mosquitto does), and exists on Linux only.
_GUARD = """
exec 3<&0
folder=$1; shift
"$@" </dev/null >&2 3<&- & child=$!
echo $child
(
  read -r _ <&3; [ -z "$folder" ] || rm -rf "$folder"
  kill -TERM $child; sleep 1; kill -KILL 0
) >/dev/null 2>&1 & guard=$!
exec 3<&- >/dev/null
wait $child; code=$?
kill -KILL $guard 2>/dev/null
wait $guard 2>/dev/null
exit $code
"""


class GuardedProcess:
    """A running program in its own session, so that Ctrl-C in the terminal is ours alone."""

    def __init__(self, command: list[str], *, folder: Path | None = None) -> None:
        """`folder` is removed when we die without a word, as the program is ended then."""
        shell = shutil.which("sh") if os.name == "posix" else None
        guarded = [shell, "-c", _GUARD, "guard", str(folder or ""), *command] if shell else command
        self._process = subprocess.Popen(
            guarded,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if shell else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # same on Windows
        )
        self._words: deque[str] = deque(maxlen=20)
        self._reader = threading.Thread(target=self._read, name="broker-words", daemon=True)
        self._reader.start()
        self.pid = self._child_pid() if shell else self._process.pid

    def _child_pid(self) -> int:
        assert self._process.stdout is not None
        with self._process.stdout as line:
            return int(line.readline())

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            for line in stderr:
                self._words.append(line.decode(errors="replace").strip())

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        """Until the program has ended."""
        self._process.wait()

    def words(self) -> tuple[str, ...]:
        """The last lines it wrote; complete once it has ended."""
        if not self.is_alive:
            self._reader.join(0.5)
        return tuple(self._words)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Ask it to end, make it after `timeout_s`; safe to call again, and after its end."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._kill_all()
        if self._process.wait() < 0:  # the guard itself was killed: its child may still be there
            self._kill_all()
        self._reader.join(timeout_s)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _kill_all(self) -> None:
        if os.name != "posix":
            self._process.kill()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
