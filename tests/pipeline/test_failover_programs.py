"""Whole programs whose broker goes away with its owner."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from children import end_child, start_child
from limits import patience, until

from resonance_tui.session.broker_claim import claim_file

_PROGRAM = """
import sys
import resonance_broker, resonance_tui.config as config
port = int(sys.argv.pop(1))
config.DEFAULT_BROKER_URL = f"mqtt://localhost:{port}"
local = resonance_broker.local_broker
resonance_broker.local_broker = lambda: local(port)
from resonance_tui.cli import main
main()
"""


class Program:
    """`join --headless --json` in a process of its own."""

    def __init__(self, port: int, name: str, home: Path) -> None:
        words = f"join room --name {name} --camera none --headless --json".split()
        (home / name).mkdir()
        self._out = (home / name / "out").open("w+")
        self._process = start_child(
            [sys.executable, "-c", _PROGRAM, str(port), *words],
            stdout=self._out,
            stderr=subprocess.DEVNULL,
            env=environment(home / name),
        )

    def events(self, kind: str) -> list[dict[str, Any]]:
        lines = Path(self._out.name).read_text().split("\n")[:-1]  # after the last, a half one
        return [event for line in lines if (event := json.loads(line))["type"] == kind]

    @property
    def viewers(self) -> int:
        rooms = self.events("room")
        return rooms[-1]["viewers"] if rooms else 0

    @property
    def is_connected(self) -> bool:
        links = self.events("link")
        return bool(links) and links[-1]["status"] == "connected"

    @property
    def was_cut_off(self) -> bool:
        links = [event["status"] == "connected" for event in self.events("link")]
        return (True, False) in itertools.pairwise(links)

    def end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(patience(10))

    def close(self) -> None:
        end_child(self._process)
        self._out.close()


def environment(home: Path) -> dict[str, str]:
    """This process's, with a home of its own: each program is another person."""
    own = {name: str(home / name.lower()) for name in os.environ if name.startswith("XDG_")}
    for folder in own.values():
        Path(folder).mkdir(mode=0o700, exist_ok=True)
    return {**os.environ, "HOME": str(home), **own}


@pytest.fixture
def program(unused_port: int, tmp_path: Path) -> Iterator[Callable[[str], Program]]:
    started: list[Program] = []

    def start(name: str) -> Program:
        started.append(Program(unused_port, name, tmp_path))
        return started[-1]

    yield start
    for each in started:
        each.close()
    claim_file(unused_port).unlink(missing_ok=True)  # of an owner that was killed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["quits", "is killed"])
async def test_two_programs_go_on_when_the_owner(
    program: Callable[[str], Program], number: signal.Signals
) -> None:
    owner = program("ann")
    await until(lambda: owner.is_connected, 20)
    left = [program("ben"), program("cat")]
    await until(lambda: all(each.viewers == 3 for each in (owner, *left)), 20)
    owner.end(number)
    await until(lambda: all(each.was_cut_off for each in left), 10)
    await until(lambda: all(each.is_connected and each.viewers == 2 for each in left), 10)
