"""What may be loaded when: each claim is checked in a fresh interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from children import run_child

from resonance_tui.commands import COMMANDS

HEAVY = ("textual", "rich", "torch", "cv2", "mediapipe", "numpy", "onnxruntime", "plotext")
SLOW = ("gspread", "requests", "keyring", "cryptography", "matplotlib")


def loaded_by(code: str, watched: tuple[str, ...]) -> set[str]:
    """Which of the watched packages are in `sys.modules` after running `code`."""
    report = f"import sys\n{code}\nprint('LOADED', *[m for m in {watched!r} if m in sys.modules])"
    done = run_child(
        [sys.executable, "-c", report], capture_output=True, text=True, timeout=50, check=True
    )
    line = next(row for row in done.stdout.splitlines() if row.startswith("LOADED"))
    return set(line.split()[1:])


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = "from resonance_tui.cli import cli, run_verb\nassert run_verb(cli, ['--help']) == 0"
    commands = {row.target.partition(":")[0] for row in COMMANDS}
    modules = tuple(f"resonance_tui.commands.{module}" for module in commands)
    assert loaded_by(code, (*modules, *HEAVY, "aiomqtt", "sqlite3", *SLOW)) == set()


def test_no_help_of_a_command_loads_anything_heavy() -> None:
    args = [[*row.path.split(), "--help"] for row in COMMANDS]
    code = (
        "from resonance_tui.cli import cli, run_verb\n"
        f"for args in {args!r}:\n    assert run_verb(cli, args) == 0, args"
    )
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


def test_the_room_is_drawn_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from resonance_tui import config\n"
        "from resonance_tui.commands.join_context import CommandLineContext\n"
        "from resonance_tui.commands.room_argument import find_destination\n"
        "from resonance_tui.commands.session_builder import check_intent\n"
        "from resonance_tui.session.starting import StartingSession\n"
        "from resonance_tui.tui.app import ResonanceApp\n"
        "loaded = config.load({'camera.source': 'demo', 'broker.url': 'mqtt://127.0.0.1:9'})\n"
        "context = CommandLineContext(loaded, check_intent(loaded))\n"
        "context.go_to(find_destination(loaded, 'cats', remembers=True))\n"
        "app = ResonanceApp(context)\n"
        "async def run(self):\n"
        "    assert 'happiness' in app.export_screenshot()\n"
        "    app.seen = set(sys.modules)\n"
        "    app.exit()\n"
        "StartingSession.run = run\n"
        "app.run(headless=True)\n"
        "for name in set(sys.modules) - app.seen: del sys.modules[name]\n"
    )
    heavy = ("numpy", "cv2", "onnxruntime", "mediapipe", "torch", "aiomqtt", "sqlite3", *SLOW)
    watched = (*heavy, "resonance_tui.session.core", "resonance_tui.tui.screens.live")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
        assert loaded_by(code, watched) == {"resonance_tui.tui.screens.live"}
