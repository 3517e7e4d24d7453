"""A broker that runs: started, answered, killed, frozen, started again on its store, gone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from brokers.errors import NotHere

START_S = 60.0
STOP_S = 15.0
MARK = "BENCH_BROKER"  # every process of a broker inherits it, also one whose parent is gone


@dataclass(frozen=True, slots=True)
class Place:
    """Where one broker is started."""

    kit: Path  # what was fetched; shared and never written to after that
    store: Path  # configuration, state and log of this run
    port: int
    web_port: int  # for WebSocket

    def write(self, name: str, text: str) -> Path:
        path = self.store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


@dataclass(frozen=True, slots=True)
class Start:
    """How to start it there."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: tuple[tuple[str, ...], ...] = ()  # what has to run with it
    main: str = ""  # a word of the broker's own command line, where a script starts it
    once_up: Callable[[], None] = lambda: None  # accounts, at the first start


class Broker:
    """One broker on loopback."""

    def __init__(self, place: Place, start: Start, *, login: str = "", web_path: str = "") -> None:
        self.place = place
        self._start = start
        self._login = f"{login}@" if login else ""
        self._web_path = web_path
        self._mark = f"{MARK}={place.store}"
        self._was_up = False
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"mqtt://{self._login}127.0.0.1:{self.place.port}"

    @property
    def web_url(self) -> str:
        """Empty where it has no WebSocket listener."""
        address = f"ws://{self._login}127.0.0.1:{self.place.web_port}{self._web_path}"
        return address if self._web_path else ""

    @property
    def log(self) -> str:
        return (self.place.store / "log.txt").read_text(errors="replace")

    def start(self, within: float = START_S) -> None:
        """Return once it answers an MQTT client. Raises NotHere where it does not come up."""
        for command in (*self._start.beside, self._start.command):
            self._spawn(command)
        deadline = time.monotonic() + within
        while not self._answers():
            if self._has_ended() or time.monotonic() > deadline:
                self.end()
                raise NotHere(f"did not come up: {' / '.join(self.log.splitlines()[-3:])}")
            time.sleep(0.05)
        if not self._was_up:
            self._start.once_up()
            self._was_up = True

    def _has_ended(self) -> bool:
        """A process that a look at all of them misses has still not ended."""
        return all(each.poll() is not None for each in self._started) and not self._processes()

    def _spawn(self, command: tuple[str, ...]) -> None:
        environment = {**os.environ, **self._start.environment, MARK: str(self.place.store)}
        with (self.place.store / "log.txt").open("ab") as log:
            started = subprocess.Popen(
                command,
                env=environment,
                cwd=self.place.store,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started.append(started)

    def _answers(self) -> bool:
        """Whether a CONNECT of MQTT 3.1.1 gets any answer, also that the login is missing."""
        connect = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x0a\x00\x05probe"
        try:
            with socket.create_connection(("127.0.0.1", self.place.port), timeout=2) as line:
                line.sendall(connect)
                return line.recv(4)[:1] == b"\x20"
        except OSError:
            return False

    def _processes(self) -> list[psutil.Process]:
        """All of its own that still run."""
        found: list[psutil.Process] = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                is_ours = each.environ().get(MARK) == str(self.place.store)
                if is_ours and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
        return found

    def _signal(self, number: signal.Signals, word: str = "") -> None:
        for each in self._processes():
            with contextlib.suppress(psutil.Error):
                if word in " ".join(each.cmdline()):
                    each.send_signal(number)

    @property
    def pid(self) -> int:
        """Of the broker itself; 0 where it does not run."""
        for each in self._processes():
            with contextlib.suppress(psutil.Error):
                if self._start.main in " ".join(each.cmdline()):
                    return each.pid
        return 0

    def kill(self) -> None:
        """SIGKILL: what it held in memory is gone, what lies in its store is not."""
        self._signal(signal.SIGKILL)
        self._wait(STOP_S)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """In good order; after some seconds, or where it cannot, by force. Nothing is left."""
        self.thaw()
        self._signal(signal.SIGTERM, self._start.main)
        self._wait(STOP_S, self._start.main)
        self.kill()

    def _wait(self, within: float, word: str = "") -> None:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            running = self._processes()
            if not any(word in " ".join(_command(each)) for each in running):
                break
            time.sleep(0.05)
        self._started = [each for each in self._started if each.poll() is None]  # no zombies


def _command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []
