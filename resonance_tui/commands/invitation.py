"""How a link is handed on: the whole command, ready to be pasted into any shell."""

from __future__ import annotations

import re
import shlex
from importlib import metadata

INSTALL_LABEL = "Install"  # of the address, among the project's, that this build is published at
_SAFE = re.compile(r"https?://[A-Za-z0-9.:/+_-]+")  # what every shell leaves alone


def share_lines(link: str) -> list[str]:
    """The command that joins by this link; and, only where this build says where it is published,
    the same for somebody who has nothing of it installed yet."""
    command = f"resonance-tui join {shlex.quote(link)}"
    source = install_source()
    return [command, f"uvx --from {source} {command}"] if source else [command]


def install_source() -> str:
    """Where this build is published; "" where its metadata names no such address."""
    try:
        urls = metadata.metadata("resonance-tui").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    labels = dict(each.split(", ", 1) for each in urls if ", " in each)
    source = labels.get(INSTALL_LABEL, "")
    return source if _SAFE.fullmatch(source) else ""
