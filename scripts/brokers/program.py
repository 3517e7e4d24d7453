"""This program's own commands as processes, from this checkout or another one, a home for each."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
JOIN = str(Path(__file__).with_name("join_with_names.py"))
STOP_S = 10.0
Line = dict[str, Any]


class Child:
    """One command that writes JSON lines; each is kept with the moment it came."""

    def __init__(self, command: list[str], environment: dict[str, str], folder: Path) -> None:
        """`folder`: it runs there; `-m` takes packages of the current folder before all others."""
        self.started_at = time.monotonic()
        self.lines: list[tuple[float, Line]] = []  # monotonic seconds
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                self.lines.append((time.monotonic(), json.loads(line)))

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_for(
        self, is_it: Callable[[Line], bool], within: float, since: float | None = None
    ) -> float | None:
        """Seconds from `since` (its start) to the first line after that which is it, or None."""
        since = self.started_at if since is None else since
        seen = 0
        deadline = time.monotonic() + within
        while True:
            is_over = time.monotonic() > deadline or not self._reader.is_alive()
            for at, line in self.lines[seen:]:
                seen += 1
                if at >= since and is_it(line):
                    return at - since
            if is_over:
                return None
            time.sleep(0.02)

    def last(self, kind: str, until: float | None = None) -> Line:
        """The newest line of a type, up to that moment; empty where there is none."""
        found: Line = {}
        for at, line in self.lines:
            if line.get("type") == kind and (until is None or at <= until):
                found = line
        return found

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(STOP_S)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def interrupt(self) -> None:
        """As Ctrl-C does it, without waiting for the end."""
        if self.is_running:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """As Ctrl-C does it; by force where that is not heard."""
        if self.is_running:
            self.interrupt()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
        self.kill()
        self._reader.join(STOP_S)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Program:
    """Commands of one checkout at one broker in one channel; all end with `at_work`."""

    checkout: Path
    url: str
    channel: str
    folder: Path
    environments: dict[Child, dict[str, str]] = field(default_factory=dict[Child, dict[str, str]])

    def _environment(self) -> dict[str, str]:
        """With a new home."""
        home = self.folder / str(len(self.environments))
        home.mkdir()
        path = os.pathsep.join(str(self.checkout / each) for each in ("", "broker", "model_zoo"))
        kept = {key: value for key, value in os.environ.items() if not key.startswith("RESONANCE")}
        xdg = {f"XDG_{each}_HOME": str(home / each) for each in ("CONFIG", "DATA", "CACHE")}
        return {**kept, **xdg, "HOME": str(home), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    def _start(self, how: list[str], *arguments: str) -> Child:
        environment = self._environment()
        command = [sys.executable, *how, *arguments, "--broker", self.url]
        child = Child(command, environment, self.folder)
        self.environments[child] = environment
        return child

    def join(self, name: str) -> Child:
        """A viewer without a camera. Its room lines say how many names it knows: `named`."""
        seat = ("--headless", "--json", "--camera", "none", "--name", name)
        return self._start([JOIN], "join", self.channel, *seat)

    def run(self, command: str, *options: str) -> Child:
        """`audience`, `aggregate` or `log`, in the channel."""
        return self._start(["-m", "resonance_tui"], command, self.channel, *options)

    def rows(self, recorder: Child) -> list[int | None]:
        """The viewers of each row that this `log` wrote; None where a row says nothing."""
        command = [sys.executable, "-m", "resonance_tui", "history", self.channel]
        done = subprocess.run(
            [*command, "--format", "csv"],
            env=self.environments[recorder],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        rows = csv.DictReader(done.stdout.splitlines())
        return [int(row["viewers"]) if row.get("viewers") else None for row in rows]

    def end(self) -> None:
        """All of its commands."""
        for each in self.environments:
            each.interrupt()
        for each in self.environments:
            each.end()


@contextmanager
def at_work(checkout: Path, url: str, channel: str) -> Generator[Program]:
    """Commands for the length of the block."""
    with tempfile.TemporaryDirectory(prefix="room-", ignore_cleanup_errors=True) as folder:
        program = Program(checkout, url, channel, Path(folder))
        try:
            yield program
        finally:
            program.end()
