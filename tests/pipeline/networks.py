"""Networks of several machines on this one: Linux namespaces that end with the test's process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import run_child, start_child

# `cat` ends when the test's process does, however that ends. It is the first process in there, so
# the kernel ends all others with it, and the network is gone.
_HOLDER = ("unshare", "--net", "--pid", "--fork", "--kill-child", "cat")


class Machine:
    """A network namespace with interfaces of its own, and programs that run in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.names: dict[str, list[str]] = {}  # what this machine's resolver answers
        self._holder = start_child(_HOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdin is not None and self._holder.stdout is not None
        self._holder.stdin.write(b"ready\n")
        self._holder.stdin.flush()
        if not self._holder.stdout.readline():
            pytest.skip("this machine lets nobody make a network namespace")
        self.pid = self._holder.pid
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        self._enter = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]
        self._enter_all = [*self._enter, f"--pid=/proc/{children[0]}/ns/pid"]
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> None:
        done = run_child([*self._enter, "ip", *words], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0, done.stderr

    def command(self, *words: str) -> list[str]:
        """The words as a command that runs in here, with this machine's names."""
        hosts = self.folder / "hosts"
        lines = [f"{address} {name}" for name, all_ in self.names.items() for address in all_]
        hosts.write_text("\n".join(["127.0.0.1 localhost", "::1 localhost", *lines, ""]))
        script = f'mount --bind "{hosts}" /etc/hosts && exec "$@"'
        return [*self._enter_all, "unshare", "--mount", "sh", "-c", script, "sh", *words]

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        environment = {**os.environ, "RESONANCE_DATA_DIR": str(self.folder / "data")}
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return start_child(self.command(*words), env=environment, text=True, **options)

    def program(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """The real program."""
        return self.start(sys.executable, "-m", "resonance_tui", *words, **options)


def ask_to_end(process: subprocess.Popen[str]) -> None:
    """SIGTERM for a program of a machine: what was started is the way into it."""
    os.killpg(process.pid, signal.SIGTERM)


class Lab:
    """Machines, and switches that connect them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wires = 0
        self._switches = self.machine("switches")

    def machine(self, name: str) -> Machine:
        return Machine(self._folder / name)

    def switch(self, name: str) -> str:
        self._switches.ip("link", "add", name, "type", "bridge")
        self._switches.ip("link", "set", name, "up")
        return name

    def plug(self, machine: Machine, switch: str, address: str, interface: str = "eth0") -> None:
        """Connects the machine; `address`: with its network's length, 10.9.0.1/24."""
        self._wires += 1
        port, far = f"p{self._wires}", str(machine.pid)
        wire = ("link", "add", port, "type", "veth", "peer", "name", interface, "netns", far)
        self._switches.ip(*wire)
        self._switches.ip("link", "set", port, "master", switch, "up")
        machine.ip("address", "add", address, "dev", interface)
        machine.ip("link", "set", interface, "up", "multicast", "on")


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Skips where this machine has no such networks."""
    tools = ("unshare", "nsenter", "ip", "mount")
    if sys.platform != "linux" or not all(map(shutil.which, tools)):
        pytest.skip(f"needs Linux with {', '.join(tools)}")
    if os.geteuid() != 0:
        pytest.skip("only root may make network namespaces")
    yield Lab(folder)
