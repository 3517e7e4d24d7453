"""What this machine has for tests: a Mosquitto to start, free ports, the shared data folder."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

from children import start_child
from limits import Limit, patience

MOSQUITTO = shutil.which(
    "mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
)
SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# Below what the system hands out to connections, 32768 (on Windows and macOS 49152) on: with
# hundreds of viewers beside, one of those that was free a moment ago is soon somebody's.
_FIRST, _BLOCKS, _EACH = 17_000, 26, 600  # what lies before, to 16604, is the laboratory's (LSL)
_T = TypeVar("_T")


@cache
def _block() -> tuple[socket.socket, Iterator[int]]:
    """Ports that are this process's as long as it lives: it keeps the first one bound, so that the
    tests of all processes of this machine, whoever started them, have others."""
    for number in random.sample(range(_BLOCKS), _BLOCKS):
        guard = socket.socket()
        try:
            guard.bind(("127.0.0.1", _FIRST + _EACH * number))
        except OSError:
            guard.close()
            continue
        first = guard.getsockname()[1] + 1
        return guard, itertools.cycle(range(first, first + _EACH - 1))
    raise RuntimeError("too many processes take ports for tests")


def _is_free(port: int) -> bool:
    """At every address of this machine, also for who waits until an old connection is over."""
    families = [socket.AF_INET, *([socket.AF_INET6] if socket.has_ipv6 else [])]
    for family in families:
        try:
            with socket.socket(family) as probe:
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(("", port))
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                return False
    return True


def free_port() -> int:
    """A port where nothing listens now. It is nobody else's: no connection is given it as its own
    end, no other test process takes it, and this one is given it again only after hundreds of
    others. So a test may let go of it, and start a broker there again. Raises RuntimeError where
    all of this process's are taken, or none may be."""
    for port in itertools.islice(_block()[1], _EACH):
        if _is_free(port):
            return port
    raise RuntimeError("no port of this process is free")


class PortTaken(RuntimeError):
    """A program that is no test's took a port between `free_port` and its use."""


def on_free_ports(start: Callable[[], _T]) -> _T:
    """What `start` gives, which asks for ports: called again, for others, at PortTaken."""
    for _ in range(3):
        with contextlib.suppress(PortTaken):
            return start()
    return start()


def not_up(program: str, log: str) -> RuntimeError:
    """PortTaken where the last words of the program say so."""
    kind = PortTaken if "address already in use" in log[-500:].lower() else RuntimeError
    return kind(f"{program} did not come up: {log[-500:]}")


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
        deadline = Limit(10)
        while not deadline.ran_out():
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((self.host, self.port), timeout=0.5).close()
                return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise not_up("Mosquitto", self.log)

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
