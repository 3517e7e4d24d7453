"""The hooks of .pre-commit-config.yaml fetch nothing, and each can be started."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from children import run_child

ROOT = Path(__file__).resolve().parents[2]
CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
HOOKS: list[dict[str, Any]] = [hook for repo in CONFIG["repos"] for hook in repo["hooks"]]


def test_nothing_is_fetched() -> None:
    assert {repo["repo"] for repo in CONFIG["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS} == {"system"}


def test_what_scripts_check_runs_is_a_hook() -> None:
    tools = {Path(shlex.split(hook["entry"])[0]).name for hook in HOOKS}
    script = (ROOT / "scripts/check").read_text(encoding="utf-8").splitlines()
    run = {Path(line.split()[0]).name for line in script if line.startswith("$venv/bin/")}
    assert tools == run


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_a_hook_starts(hook: dict[str, Any]) -> None:
    program = Path(shlex.split(hook["entry"])[0])
    assert program.parent == Path(".venv/bin")
    here = Path(sys.executable).with_name(program.name)  # of the environment that runs the tests
    done = run_child([here, "--version"], capture_output=True, text=True, check=True)
    assert any(character.isdigit() for character in done.stdout)
