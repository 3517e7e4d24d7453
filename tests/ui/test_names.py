"""In a real terminal: whatever strangers call themselves, the panels keep their edges."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from children import run_child
from limits import Limit, patience
from rich.cells import cell_len

from resonance_tui.tui.placed import placed

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")

COLUMNS, LINES = 120, 64
NAMES = (
    *("plain Ann", "Zoë Müller", "明美 漢字", "김민수", "Дмитрий", "محمد علي", "می\u200cخواهم"),
    *("สมชาย ใจดี", "ශ්\u200dරී ලංකා", "க்ஷ", "நிலா மலர்", "क्षत्रिय", "हिन्दी", "ক্ষুদ্র"),
    *("ગુજરાતી", "ਪੰਜਾਬੀ", "ଓଡ଼ିଆ", "తెలుగు", "ಕನ್ನಡ", "അനില്\u200d", "ភាសាខ្មែរ", "က်မြန်မာ"),
    *("ພາສາລາວ", "བོད་ཡིག", "👍🏽👍🏽👍🏽 ok", "👍👍👍👍👍👍", "🇩🇪🇫🇷🇮🇹", "🇩🇪 x 🇫", "🫠🫠", "🫨🩷"),
    *(
        "👩\u200d👩\u200d👧\u200d👦 family",
        "❤\ufe0f❤\ufe0f",
        "☺\ufe0f☹ ✌🏿",
        "1\ufe0f\u20e32\u20e3",
    ),
    *("e\u0301\u0301\u0301\u0301 z\u0335\u0336", "\u1100\u1161\u11a8 jamo", "ﷺ﷽", "⸻⸻"),
    *("𒐫𒈙꧅", "ｱｲｳ ＡＢ", "①②③ ½ ‰", "→⇒≈◊·…", "🏴\U000e0067\U000e0062 flag", "𝔉𝔯𝔞𝔨"),
)
PROGRAM = """
import sys
from ui.fakes import FakeLaunch, FakeSession, snapshot, view
from ui.test_names import NAMES
from resonance_tui.emotions import Emotion
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.room.state import ViewerRow
from resonance_tui.tui.app import ResonanceApp
rows = [
    ViewerRow(f"v{i:07}", safe_text(name), Emotion.HAPPINESS, 80, False, False, False)
    for i, name in enumerate(NAMES)
]
ResonanceApp(FakeLaunch(FakeSession(view(room=snapshot(rows))))).run()
"""

Tmux = Callable[..., str]


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    """Runs a command of a server of its own, which shows the room."""
    tests = Path(__file__).parents[1]
    environment = {
        # A size in the environment, as of a test run in parallel, would count for the screen.
        **{k: v for k, v in os.environ.items() if k not in ("TMUX", "COLUMNS", "LINES")},
        "TMUX_TMPDIR": str(tmp_path),
        "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}",
        "LC_ALL": "C.UTF-8",
    }

    def run(*args: str) -> str:
        line = [str(TMUX), "-u", "-f", os.devnull, *args]
        return run_child(
            line, env=environment, capture_output=True, encoding="utf-8", check=True, timeout=20
        ).stdout

    size = ("-x", str(COLUMNS), "-y", str(LINES))
    run("new-session", "-d", *size, sys.executable, "-c", PROGRAM)
    shown_by = psutil.Process(int(run("display-message", "-p", "#{pane_pid}")))
    try:
        yield run
    finally:
        run("kill-server")
        with contextlib.suppress(psutil.NoSuchProcess):
            shown_by.kill()  # the stand-in of a session does not end with its terminal
            shown_by.wait(patience(10))


def shown(tmux: Tmux, last: str) -> list[str]:
    """What is on the screen once it holds `last`."""
    deadline = Limit(60)
    while last not in (text := tmux("capture-pane", "-p")):
        assert not deadline.ran_out(), text
        time.sleep(0.1)
    return text.splitlines()


def ends(tmux: Tmux, lines: range) -> list[int]:
    """The column behind the last sign of each of these lines, as the terminal has it."""
    tmux("copy-mode")
    tmux("send-keys", "-X", "top-line")
    tmux("send-keys", "-X", "-N", str(lines.start), "cursor-down")
    found = []
    for _ in lines:
        tmux("send-keys", "-X", "end-of-line")
        found.append(int(tmux("display-message", "-p", "#{copy_cursor_x}")))
        tmux("send-keys", "-X", "cursor-down")
    return found


def test_no_name_moves_the_edge_of_a_panel(tmux: Tmux) -> None:
    text = shown(tmux, "𝔉𝔯𝔞𝔨")
    top = next(number for number, line in enumerate(text) if line.startswith("╭─ in the room"))
    bottom = next(n for n, line in enumerate(text) if n > top and line.startswith("╰"))
    panel = range(top + 1, bottom)
    assert len(panel) > len(NAMES)
    for number in panel:
        assert text[number][0] == "│" and text[number][-1] in "│╮╯", text[number]
    rows = [text[number] for number in panel][: len(NAMES)]
    assert [row for row in rows if " 80% " not in row] == []
    columns = ends(tmux, panel)
    assert columns == [COLUMNS] * len(columns)


@pytest.mark.parametrize("name", NAMES)
def test_what_follows_a_name_on_its_line_is_whole(name: str) -> None:
    drawn = placed(f"\x1b[1m → {name} came · just now\x1b[0m")
    start, tail = "\x1b[1m → ", " came · just now\x1b[0m"
    assert drawn.startswith(start) and drawn.endswith(tail)
    tied = re.fullmatch(
        "(.*?)\x1b7 +\x1b8.*\x1b8\x1b\\[([0-9]+)C(.*)", drawn[len(start) : -len(tail)]
    )
    if tied is None:
        assert drawn == start + name + tail
    else:
        before, cells, after = tied.groups()
        assert cell_len(before + after) + int(cells) == cell_len(name)
