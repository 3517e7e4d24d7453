"""The line that a long command rewrites: it stays one line, in whatever terminal."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

import pytest

from resonance_tui.commands.console import StatusLine
from resonance_tui.widths import cells

fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, str], str]]:
    """What a terminal of so many columns, which stderr alone is, gets of a text."""
    opened: list[int] = []

    def shown(columns: int, text: str) -> str:
        master, slave = os.openpty()
        opened.append(master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with os.fdopen(slave, "w") as stderr:
            monkeypatch.setattr("sys.stderr", stderr)
            StatusLine().show(text)
            stderr.flush()
            return os.read(master, 65_536).decode().removeprefix("\r\x1b[2K")

    monkeypatch.setenv("TERM", "xterm")
    yield shown
    for each in opened:
        os.close(each)


@pytest.mark.parametrize("columns", [10, 39, 200])
@pytest.mark.parametrize("text", ["recording " * 9, "録画中 " * 20, "a\nb\x1b[31mc\r" * 30])
def test_it_never_takes_a_second_line(
    terminal: Callable[[int, str], str], columns: int, text: str
) -> None:
    line = terminal(columns, text)
    assert line.isprintable() and 0 < cells(line) < columns


def test_a_dumb_terminal_gets_no_sequence(
    terminal: Callable[[int, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("resonance_tui.commands.console.REPORT_EVERY_S", 0.0)
    assert terminal(20, "recording cats") == "recording cats\r\n"
