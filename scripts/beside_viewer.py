"""A viewer of one build as a process: what it says, and what the kernel counts of it (Linux)."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from resonance_tui.json_types import is_object

MARKER = b"happiness"  # is on the screen once the room is drawn
SIZE = {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}


@dataclass(frozen=True, slots=True)
class Build:
    """A checkout or an install of the program, run with this Python."""

    name: str
    root: Path
    data: Path  # a folder of its own
    face_model: Path | None

    @property
    def package(self) -> str:
        """What is run by `-m`: the package with a command line."""
        found = sorted(each.parent.name for each in self.root.glob("*/__main__.py"))
        if "resonance_tui" in found or not found:
            return "resonance_tui"
        return found[0]

    @property
    def environment(self) -> dict[str, str]:
        roots = (self.root, self.root / "broker", self.root / "model_zoo")
        model = {"RESONANCE_FACE_MODEL": str(self.face_model)} if self.face_model else {}
        ours = ("RESONANCE", "PYTHONDONTWRITEBYTECODE")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        return {
            **kept,
            **model,
            # Modules are compiled once, as those of an installed program are; not in the checkout.
            "PYTHONPYCACHEPREFIX": str(self.data / "bytecode"),
            "PYTHONPATH": os.pathsep.join(map(str, roots)),
            "RESONANCE_DATA_DIR": str(self.data),
            "HOME": str(self.data),
        }

    @property
    def complaints(self) -> Path:
        """What the newest headless viewer has written to stderr."""
        return self.data / "stderr.txt"

    def command(self, *args: str) -> list[str]:
        return [sys.executable, "-m", self.package, *args]

    def consent(self) -> None:
        """A stream is a camera; who measures has agreed."""
        args = self.command("config", "consent", "--give")
        subprocess.run(
            args, env=self.environment, cwd=self.data, check=True, stdout=subprocess.DEVNULL
        )


@dataclass(frozen=True, slots=True)
class Use:
    """What a process has used since its start."""

    cpu_s: float
    wakes: int  # context switches of all its threads
    at: float  # monotonic s


@dataclass(frozen=True, slots=True)
class Said:
    """What the viewer said of its own face."""

    at: float  # monotonic s, when it was read here
    emotion: str | None


class Viewer:
    """One process; headless ones say what they read, others draw on a terminal that is read."""

    def __init__(self, build: Build, camera: str, broker: str, *, has_screen: bool) -> None:
        self.build, self.has_screen = build, has_screen
        args = ["join", "bench", "--camera", camera, "--broker", broker]
        self.started = time.monotonic()
        self.painted: tuple[float, float] | None = None  # s from the start, CPU-s
        self.first_emotion: tuple[float, float] | None = None
        self.said: list[Said] = []
        self.news = threading.Condition()
        if has_screen:
            self.pid, self._output = _with_terminal(build, build.command(*args))
        else:
            command = build.command(*args, "--headless", "--json")
            self.pid, self._output = _with_pipe(build, command)
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, what: str, seconds: float) -> None:
        """`painted` or `first_emotion`. Exits where it does not come."""
        with self.news:
            if not self.news.wait_for(lambda: getattr(self, what) is not None, seconds):
                kind = "with a screen" if self.has_screen else "headless"
                lack = f"{self.build.name} ({kind}): no {what.replace('_', ' ')} in {seconds} s"
                sys.exit(f"{lack}\n{self.build.complaints.read_text(errors='replace')[-500:]}")

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # it may be waiting for us to read
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _read(self) -> None:
        seen = b""
        while piece := self._piece():
            seen += piece
            if self.has_screen:
                if self.painted is None and MARKER in seen:
                    self._note("painted")
                seen = seen[-len(MARKER) :]
                continue
            *lines, seen = seen.split(b"\n")
            for line in lines:
                self._hear(line)
        os.close(self._output)

    def _piece(self) -> bytes:
        with contextlib.suppress(OSError):  # a terminal whose process is gone
            select.select([self._output], [], [])
            return os.read(self._output, 65536)
        return b""

    def _hear(self, line: bytes) -> None:
        event = json.loads(line)
        if not is_object(event) or event.get("type") != "self":
            return
        emotion = event["emotion"]
        with self.news:
            self.said.append(Said(time.monotonic(), str(emotion) if emotion else None))
        if emotion and self.first_emotion is None:
            self._note("first_emotion")

    def _note(self, what: str) -> None:
        now = use_of(self.pid)
        with self.news:
            setattr(self, what, (now.at - self.started, now.cpu_s))
            self.news.notify_all()


def use_of(pid: int) -> Use:
    """CPU of all threads by the scheduler's own count, and how often they were switched."""
    cpu = wakes = 0
    for task in _tasks(pid):
        with contextlib.suppress(OSError, ValueError):
            cpu += int((task / "schedstat").read_text().split()[0])
            lines = (task / "status").read_text().splitlines()
            wakes += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return Use(cpu / 1e9, wakes, time.monotonic())


def memory_of(pid: int) -> tuple[float, float]:
    """Resident memory and its proportional share, MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    table = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
    return table["Rss:"] / 1024, table["Pss:"] / 1024


def _with_terminal(build: Build, command: list[str]) -> tuple[int, int]:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(build.data)
        os.execve(command[0], command, {**build.environment, **SIZE})
    return pid, terminal


def _with_pipe(build: Build, command: list[str]) -> tuple[int, int]:
    ours, theirs = os.pipe()
    with build.complaints.open("wb") as errors:
        child = subprocess.Popen(
            command, stdout=theirs, stderr=errors, env=build.environment, cwd=build.data
        )
    os.close(theirs)
    return child.pid, ours


def _tasks(pid: int) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(Path(f"/proc/{pid}/task").iterdir())
    return []
