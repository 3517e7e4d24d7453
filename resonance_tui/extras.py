"""Optional parts: which packages each needs, whether they are here, and how to install them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from resonance_tui.errors import ExtraMissing
from resonance_tui.texts import mark

PROJECT = "resonance-tui"
# The import names by which one sees that an extra of pyproject.toml is installed.
EXTRAS: dict[str, tuple[str, ...]] = {
    "host": ("amqtt", "psutil", "segno"),
    "streamer": ("gspread", "keyring"),
    "mediapipe": ("mediapipe",),
    "lsl": ("pylsl",),
    "editors": ("opentimelineio",),
    "zoo": ("torch", "timm", "safetensors"),
}

PURPOSES = {
    "host": "a broker without Mosquitto, links as QR codes",
    "streamer": "recordings in a Google sheet",
    "mediapipe": "MediaPipe's own face detector",
    "lsl": "a room as streams of the Lab Streaming Layer",
    "editors": "moments as an OpenTimelineIO file",
    "zoo": "the networks of the report",
}


def missing(*packages: str) -> tuple[str, ...]:
    """Those of the packages that cannot be imported; nothing is loaded to find out."""
    return tuple(name for name in packages if find_spec(name) is None)


def require(extra: str, purpose: str, *packages: str) -> None:
    """Return if the packages, or all of the extra where none is named, can be imported.

    Args:
        extra: a key of EXTRAS.
        purpose: the subject of the message: "Google Sheets" in "Google Sheets needs ...".

    Raises:
        ExtraMissing: with the command that installs the extra as its hint.
    """
    absent = missing(*(packages or EXTRAS[extra]))
    if absent:
        what = f"the extra {extra!r}; not here: {', '.join(absent)}"
        raise ExtraMissing(
            mark("{purpose} needs {what}.", purpose=purpose, what=what),
            mark("Install it: {extra}", extra=install_command(extra)),
        )


def install_command(extra: str) -> str:
    """The command that adds an extra to the Python that runs this.

    From the folder that we were installed from, if it is still there. Otherwise it names the
    extra's own packages: whether the package index has us, or somebody else under our name,
    cannot be known from here.
    """
    folder = _source_folder()
    if folder is None:
        return shlex.join([*_installer(), *_requirements(extra)])
    is_editable = folder == _checkout()
    place, constraints = str(folder), folder / "constraints.txt"
    if folder == Path.cwd():
        place, constraints = ".", Path("constraints.txt")
    command = [*_installer(), "-c", str(constraints), *(["-e"] if is_editable else [])]
    return f'{shlex.join(command)} "{place}[{extra}]"'


def _installer() -> list[str]:
    """What installs into this Python: plain `pip` where the shell's pip is its own."""
    if shutil.which("pip") == str(Path(sys.prefix, "bin/pip")):
        return ["pip", "install"]
    if find_spec("pip") is None and shutil.which("uv"):  # as in an environment of `uv tool`
        return ["uv", "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install"]


def _source_folder() -> Path | None:
    return _checkout() or _installed_from()


def _checkout() -> Path | None:
    return _if_ours(Path(__file__).resolve().parents[1])


def _installed_from() -> Path | None:
    """The folder that pip was given, as it notes it (PEP 610)."""
    try:
        noted = metadata.distribution(PROJECT).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    url = urlsplit(str(json.loads(noted)["url"])) if noted else None
    return _if_ours(Path(unquote(url.path))) if url and url.scheme == "file" else None


def _if_ours(folder: Path) -> Path | None:
    needed = ("pyproject.toml", "constraints.txt", "resonance_tui")
    return folder if all((folder / name).exists() for name in needed) else None


def _requirements(extra: str) -> list[str]:
    """What an extra consists of, as the installed metadata has it: "gspread<7,>=6.2"."""
    try:
        lines = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        return list(EXTRAS[extra])
    halves = [line.partition(";") for line in lines]
    mark = re.compile(rf"extra == ['\"]{extra}['\"]")
    return [name.strip() for name, _, marker in halves if mark.search(marker)]
