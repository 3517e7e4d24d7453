"""A real terminal: whatever ends the app, the terminal is given back and the room is left."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import start_child
from limits import Limit, patience
from textual.events import CursorPosition

from resonance_tui.terminal import terminal
from resonance_tui.tui import hangup
from resonance_tui.tui.asked import SIGNS, are_single

pty = pytest.importorskip("pty", reason="pseudo-terminals are a Unix thing")

LEAVE_ALT_SCREEN = b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"
PROGRAM = """
import sys
from ui.fakes import FakeLaunch, FakeSession, view
from resonance_tui.tui.app import ResonanceApp
class Session(FakeSession):
    async def run(self):
        open(sys.argv[1], "w").write("here")
        try:
            await super().run()
        finally:
            open(sys.argv[1], "w").write("left")
app = ResonanceApp(FakeLaunch(Session(view())))
app.run()
sys.exit(app.return_code)
"""


def read_until(fd: int, mark: bytes, seen: bytes = b"", within_s: float = 30) -> bytes:
    """What the terminal received, up to and with `mark`, or up to its end."""
    end = Limit(within_s)
    while mark not in seen and not end.ran_out():
        if select.select([fd], [], [], 0.2)[0]:
            try:
                chunk = os.read(fd, 65536)
            except OSError:  # the other side has closed
                break
            seen += chunk
    return seen


def wait_until_written(path: Path) -> None:
    end = Limit(10)
    while not path.is_file() or not path.read_text():
        assert not end.ran_out(), f"nobody wrote {path}"
        time.sleep(0.02)


@contextlib.contextmanager
def in_terminal(
    program: str, argument: Path, **environment: str
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A program on a pseudo-terminal of its own: our end of it, and the process."""
    ours, theirs = pty.openpty()
    process = start_child(
        [sys.executable, "-c", program, str(argument)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    try:
        yield ours, process
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.parametrize(
    ("way", "code"), [("q", 0), ("\x03", 130), ("SIGTERM", 130), ("SIGHUP", 130)]
)
def test_the_terminal_is_given_back(way: str, code: int, tmp_path: Path):
    tests = Path(__file__).parents[1]
    left = tmp_path / "left"
    path = f"{tests}{os.pathsep}{tests.parent}"
    with in_terminal(PROGRAM, left, PYTHONPATH=path) as (ours, process):
        seen = read_until(ours, b"movie-night")
        wait_until_written(left)  # the session starts behind the first picture
        if len(way) == 1:  # a key: q, or Ctrl-C
            os.write(ours, way.encode())
        else:
            process.send_signal(getattr(signal, way))
        seen = read_until(ours, LEAVE_ALT_SCREEN, seen)
        seen = read_until(ours, SHOW_CURSOR, seen.split(LEAVE_ALT_SCREEN)[-1] + LEAVE_ALT_SCREEN)
        assert process.wait(patience(10)) == code
        assert LEAVE_ALT_SCREEN in seen
        assert left.read_text() == "left"


DRAWN = PROGRAM.replace("(view()))", "(view())), None, terminal(os.environ)").replace(
    "import sys", "import os, sys\nfrom resonance_tui.terminal import terminal"
)


SIXTEEN = r"0|([127];)*(3|9)\d(;4\d)?|([12];)*4\d"  # styles of so many colours


@pytest.mark.parametrize(
    ("environment", "codes", "is_plain"),
    [
        ({"TERM": "dumb"}, r"(1;)?(2;)?[0127]?", True),
        ({"TERM": "linux"}, SIXTEEN, True),
        ({"TERM": "screen", "STY": "1.x"}, SIXTEEN, False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_each_terminal_gets_what_it_can_draw(
    environment: dict[str, str], codes: str, is_plain: bool, tmp_path: Path
):
    tests = Path(__file__).parents[1]
    path = f"{tests}{os.pathsep}{tests.parent}"
    inherited = {"COLORTERM": "truecolor", "PYTHONPATH": path}
    with in_terminal(DRAWN, tmp_path / "left", **inherited, **environment) as (ours, _):
        seen = read_until(ours, b"surprise").decode(errors="replace")
    assert {
        code for code in re.findall(r"\x1b\[([\d;]*)m", seen) if not re.fullmatch(codes, code)
    } == set()
    assert seen.isascii() == is_plain


WIPED = b"\x1b\\\x1b[2J"


@pytest.mark.parametrize("column", [5, 6], ids=["two cells a sign", "each byte a sign"])
def test_a_terminal_that_draws_our_signs_too_wide_gets_plain_ones(column: int, tmp_path: Path):
    tests = Path(__file__).parents[1]
    path = f"{tests}{os.pathsep}{tests.parent}"
    with in_terminal(DRAWN, tmp_path / "left", PYTHONPATH=path) as (ours, _):
        read_until(ours, b"\x1b[6n")
        os.write(ours, f"\x1b[1;{column}R".encode())
        seen = read_until(ours, WIPED)
        seen = read_until(ours, b"surprise", seen.partition(WIPED)[2])
    assert b"surprise" in seen and seen.isascii()


def test_a_terminal_that_draws_our_signs_in_one_cell_each_keeps_them():
    assert are_single(CursorPosition(len(SIGNS), 0))
    assert all(unicodedata.east_asian_width(sign) == "A" for sign in SIGNS)


def test_a_terminal_is_asked_only_where_no_setting_says_it():
    name = {"TERM": "xterm-256color"}
    assert terminal(name).is_guess
    for answer in (terminal(name, characters="full"), terminal(name, encoding="latin-1"),
                   terminal({"TERM": "linux"})):  # fmt: skip
        assert not answer.is_guess


def test_a_terminal_that_vanishes_without_a_signal_ends_the_session(tmp_path: Path):
    tests = Path(__file__).parents[1]
    left = tmp_path / "left"
    path = f"{tests}{os.pathsep}{tests.parent}"
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", PROGRAM, str(left)]
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": path}
    process = start_child(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        read_until(ours, b"movie-night")
        wait_until_written(left)
        os.close(ours)
        assert process.wait(patience(20)) == 130
        assert left.read_text() == "left"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_session_that_ends_with_its_window_takes_the_program_along(
    is_closed: bool, monkeypatch: pytest.MonkeyPatch
):
    """SIGHUP ends the session at once; then Textual may wait for a terminal that is gone."""
    ours, theirs = pty.openpty()
    exits: list[int] = []
    monkeypatch.setattr(hangup.os, "_exit", exits.append)
    monkeypatch.setattr(hangup, "GRACE_S", 0.01)
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "__stdin__", terminal)
        watch = hangup.HangupWatch(lambda: None)
        watch.start()
        (thread,) = (each for each in threading.enumerate() if each.name == "hangup")
        time.sleep(0.1)  # it has looked for the first time
        if is_closed:
            os.close(ours)
        watch.stop()
        thread.join(patience(5))
    assert exits == ([130] if is_closed else [])
    if not is_closed:
        os.close(ours)


RECORDED = """
import sys
from pathlib import Path
from resonance_tui.cli import cli, run_verb
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
database = Path(sys.argv[1])
with Store(database) as store:
    store.append([Sample("cinema", 1_790_000_000 + s, 1, (1,) + (0,) * 6, 0, 0, "local")
                  for s in range(60)])
sys.exit(run_verb(cli, ["history", "cinema"]))
"""


def test_the_history_screen_gives_the_terminal_back_too(tmp_path: Path):
    database = tmp_path / "history.sqlite"
    with in_terminal(RECORDED, database, RESONANCE_HISTORY_DATABASE=str(database)) as (
        ours,
        process,
    ):
        seen = read_until(ours, b"cinema")
        process.send_signal(signal.SIGTERM)
        seen = read_until(ours, LEAVE_ALT_SCREEN, seen)
        read_until(ours, SHOW_CURSOR)
        assert process.wait(patience(10)) == 130
        assert LEAVE_ALT_SCREEN in seen
