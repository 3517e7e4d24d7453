"""Lets `scripts/NAME` run from any shell: where packages are missing, on with .venv's Python."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def need(*packages: str) -> None:
    """Return if this Python has the packages; else start the script again with .venv's Python.

    Exits with code 2 and the line to type where there is none, or it lacks them too.
    """
    sys.path[:0] = [str(ROOT), str(ROOT / "broker"), str(ROOT / "model_zoo")]
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if not missing:
        return
    python = ROOT / ".venv/bin/python"
    if python.is_file() and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        os.execv(python, [str(python), *sys.argv])
    name = Path(sys.argv[0]).name
    print(f"{name}: these packages are missing: {', '.join(missing)}", file=sys.stderr)
    print("scripts/check installs everything into .venv", file=sys.stderr)
    sys.exit(2)
