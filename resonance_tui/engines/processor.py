"""The processor's name, for measurements that hold on one kind of processor only."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
_WANTED = ("model name", "cpu family", "model", "CPU implementer", "CPU part")


def processor() -> str:
    """As much of a name as the system gives: virtual machines often say a brand alone, so family
    and model number stand beside it where they are known."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:  # no Linux
        return platform.processor() or platform.machine()
    return named(text) or platform.machine()


def named(cpuinfo: str) -> str:
    """The name of the first processor that Linux lists."""
    first = cpuinfo.strip().partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    known = {key.strip(): value.strip() for key, _, value in pairs}
    return ", ".join(
        known[key] if key == "model name" else f"{key} {known[key]}"
        for key in _WANTED
        if known.get(key)
    )
