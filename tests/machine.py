"""What this machine has for tests: a Mosquitto to start, free ports, the shared data folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from children import start_child
from limits import patience

MOSQUITTO = shutil.which(
    "mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
)
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

_WORKERS, _EACH = 8, 2800  # test processes at a time, and the ports of each


def free_port() -> int:
    """A loopback port where nothing listens now, and that no connection is given as its own end.

    The system hands out those from 32768 (on Windows and macOS 49152) on: with hundreds of viewers
    beside, one that was free a moment ago is soon somebody's. Test processes that run at a time
    have ports of their own, or one takes what another let go of to start a broker there again.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _WORKERS
    while True:
        port = 10_000 + _EACH * worker + secrets.randbelow(_EACH)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """A real broker on a free loopback port, which a test may stop, kill, freeze and restart."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, lines: tuple[str, ...] = ("allow_anonymous true",)) -> None:
        self.folder = folder
        self.port = free_port()
        self.lines = lines
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        assert MOSQUITTO is not None
        assert self._process is None, "already running"
        # Started by root it would change to a user who cannot read the test's folder.
        user = ("user root",) if os.geteuid() == 0 else ()
        conf = self.folder / "mosquitto.conf"
        conf.write_text("\n".join((f"listener {self.port} {self.host}", *user, *self.lines, "")))
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = start_child(
                [MOSQUITTO, "-c", str(conf)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + patience(10)
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((self.host, self.port), timeout=0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"Mosquitto did not come up: {self.log[-500:]}")

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        process.wait(timeout=patience(10))

    def stop(self) -> None:
        """Ends it in good order; wills are not sent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: whatever it held in memory is gone."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
