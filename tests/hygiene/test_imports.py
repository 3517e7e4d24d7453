"""What may be loaded when: each claim is checked in a fresh interpreter."""

from __future__ import annotations

import sys

import pytest
from children import run_child

HEAVY = ("textual", "rich", "torch", "cv2", "mediapipe", "numpy", "onnxruntime", "plotext")
SLOW = ("gspread", "requests", "keyring", "cryptography", "matplotlib")
VERBS = (
    *("join", "broker", "history", "log", "sheets", "aggregate"),
    *("audience", "doctor", "models", "config", "completion"),
)


def loaded_by(code: str, watched: tuple[str, ...]) -> set[str]:
    """Which of the watched packages are in `sys.modules` after running `code`."""
    report = f"import sys\n{code}\nprint('LOADED', *[m for m in {watched!r} if m in sys.modules])"
    done = run_child(
        [sys.executable, "-c", report], capture_output=True, text=True, timeout=50, check=True
    )
    line = next(row for row in done.stdout.splitlines() if row.startswith("LOADED"))
    return set(line.split()[1:])


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_loads_nothing_heavy(verb: str) -> None:
    args = [verb, "--help"] if verb else ["--help"]
    code = f"from resonance_tui.cli import cli, run_verb\nassert run_verb(cli, {args!r}) == 0"
    assert loaded_by(code, (*HEAVY, "aiomqtt", "sqlite3", *SLOW)) == set()


def test_the_screens_load_no_model_and_no_camera() -> None:
    code = "import resonance_tui.tui.app, resonance_tui.session.core"
    assert loaded_by(code, ("torch", "cv2", "mediapipe", "onnxruntime", "plotext")) == set()


def test_the_default_engine_needs_no_torch() -> None:
    code = (
        "from resonance_tui.engines import registry\n"
        "import numpy as np\n"
        "e = registry.create('auto')\n"
        "s = e.spec\n"
        "e.predict(np.zeros((s.clip_frames, s.crop_size, s.crop_size, 3), np.uint8))"
    )
    assert loaded_by(code, ("torch", "textual", "mediapipe")) == set()


def test_the_session_knows_no_widget() -> None:
    code = "import resonance_tui.session.core, resonance_tui.commands.headless"
    assert loaded_by(code, ("textual", "rich")) == set()
