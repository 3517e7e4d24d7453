"""QR codes in the terminal: what a camera reads off the half blocks, and when none is drawn."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

import cv2
import numpy as np
import pytest
from children import start_child
from limits import patience

from resonance_tui.commands.broker import qr
from resonance_tui.hosting.accounts import remember_address
from resonance_tui.protocol.urls import BrokerUrl

LINK = "resonance://broker.example.org:18883/cats-live-01/" + "mfrggzdfmztwq2lk" * 4
CELLS = {" ": (0, 0), "▄": (0, 1), "▀": (1, 0), "█": (1, 1)}
SGR = re.compile(r"\x1b\[[0-9;]*m")


def photo(lines: list[str], *, dark: int) -> np.ndarray:
    """The lines as pixels; `dark`: what a half block that is set means."""
    rows: list[list[int]] = []
    for line in lines:
        halves = [CELLS[cell] for cell in SGR.sub("", line)]
        rows += [[upper for upper, _ in halves], [lower for _, lower in halves]]
    pixels = np.array(rows, np.uint8)
    pixels = np.where(pixels == dark, 0, 255).astype(np.uint8)
    return np.kron(pixels, np.ones((8, 8), np.uint8))


@pytest.mark.parametrize("link", [LINK, LINK.replace("-live-", "_live_"), "resonance://h/c"])
@pytest.mark.parametrize("is_coloured", [True, False])
def test_the_drawn_code_is_read_as_the_link(link: str, is_coloured: bool) -> None:
    lines = qr.qr_lines(qr.modules_of(link), is_coloured=is_coloured)
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(photo(lines, dark=int(is_coloured)))
    assert text.lower() == link
    assert len({len(SGR.sub("", line)) for line in lines}) == 1


def test_a_link_of_the_usual_length_fits_a_small_terminal() -> None:
    lines = qr.qr_lines(qr.modules_of(LINK[:110]), is_coloured=True)
    assert len(SGR.sub("", lines[0])) <= 37
    assert len(lines) <= 19


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Stdout as a terminal of 80 by 24 with colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name, value in {"COLUMNS": "80", "LINES": "24", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    return monkeypatch


def test_a_terminal_gets_the_code_and_a_pipe_nothing(terminal: pytest.MonkeyPatch) -> None:
    lines, why = qr.lines_for_terminal(LINK)
    assert lines == qr.qr_lines(qr.modules_of(LINK), is_coloured=True)
    assert why == ""
    terminal.setenv("NO_COLOR", "1")
    assert not any("\x1b" in line for line in qr.lines_for_terminal(LINK)[0])
    terminal.setenv("TERM", "dumb")
    assert qr.lines_for_terminal(LINK) == ([], "")
    terminal.setenv("TERM", "xterm")
    terminal.setattr(sys.stdout, "isatty", lambda: False)
    assert qr.lines_for_terminal(LINK) == ([], "")


@pytest.mark.parametrize(("columns", "rows"), [(36, 50), (80, 19), (1, 1)])
def test_a_code_larger_than_the_terminal_is_not_drawn_and_says_so(
    terminal: pytest.MonkeyPatch, columns: int, rows: int
) -> None:
    terminal.setenv("COLUMNS", str(columns))
    terminal.setenv("LINES", str(rows))
    lines, why = qr.lines_for_terminal(LINK)
    assert lines == []
    assert why == (
        f"The QR code needs 37 columns and 20 lines, this terminal has {columns} and {rows}."
    )


def test_a_terminal_that_has_no_blocks_gets_a_sentence(terminal: pytest.MonkeyPatch) -> None:
    terminal.setattr(type(sys.stdout), "encoding", "ascii", raising=False)
    lines, why = qr.lines_for_terminal(LINK)
    assert lines == []
    assert "encoding" in why


def test_without_the_library_the_sentence_says_what_to_install(
    terminal: pytest.MonkeyPatch,
) -> None:
    terminal.setattr(qr, "missing", lambda *names: names)
    lines, why = qr.lines_for_terminal(LINK)
    assert lines == []
    assert "extra 'host'" in why
    assert "\n" not in why


CODE = """
import sys
from resonance_tui.cli import cli, run_verb
sys.exit(run_verb(cli, sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (60, 15)])
def test_in_a_terminal_the_link_stands_above_its_code(
    tmp_path: Path, columns: int, rows: int
) -> None:
    remember_address(tmp_path / "broker", BrokerUrl("mqtts", "192.0.2.17", 18883, pin="ab" * 16))
    typed = ["broker", "share", "cats-live", "--for", "20"]
    environment = {**os.environ, "RESONANCE_DATA_DIR": str(tmp_path), "TERM": "xterm-256color"}
    text = in_terminal([sys.executable, "-c", CODE, *typed], environment, columns, rows)
    lines = text.splitlines()
    link = next(line for line in lines if "resonance://" in line).split()[-1]
    drawn = [line for line in lines if line.startswith("\x1b[38;5;16")]
    if rows < 20:
        assert drawn == []
        assert "this terminal has 60 and 15" in text
    else:
        decoded, _, _ = cv2.QRCodeDetector().detectAndDecode(photo(drawn, dark=1))
        assert decoded == link.upper()


def in_terminal(command: list[str], environment: dict[str, str], columns: int, rows: int) -> str:
    """All that the command writes to a terminal of that size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    without = {"COLUMNS", "LINES", "NO_COLOR"}
    environment = {name: each for name, each in environment.items() if name not in without}
    process = start_child(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    with open(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                more = terminal.read(4096)
            except OSError:  # Linux: the other end is closed
                break
            if not more:
                break
            written += more
    assert process.wait(patience(10)) == 0, written
    return written.decode()
