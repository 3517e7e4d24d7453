"""Packages of PyPI and npm in a folder of their own, by the pip and npm of this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from brokers.errors import NotHere

PATIENCE_S = 600.0


def pip_install(folder: Path, package: str) -> str:
    """The package, without what it needs, below the folder; its version. Raises NotHere."""
    if not list(folder.glob("*.dist-info")):
        pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--only-binary=:all:")
        _run(*pip, "--target", str(folder), package)
    name = package.replace("-", "_")
    for each in folder.glob(f"{name}-*.dist-info"):
        return each.name.removeprefix(f"{name}-").removesuffix(".dist-info")
    raise NotHere(f"pip brought no {package}")


def npm_install(folder: Path, *packages: str) -> str:
    """The packages below the folder; the first one's version. Raises NotHere."""
    about = folder / "node_modules" / packages[0] / "package.json"
    if not about.is_file():
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise NotHere("needs Node.js and npm: apt-get install npm")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        _run("npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), *packages)
    version: str = json.loads(about.read_text())["version"]
    return version


def _run(*command: str) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotHere(f"{command[0]} took longer than {PATIENCE_S:.0f} s") from None
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise NotHere(f"{command[0]}: {' '.join(last) or done.returncode}")
