"""How long tests wait before they give up: limits that follow the machine's speed and load."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path

REFERENCE_S = 0.01  # what `_measure_core` finds on a laptop of 2022


@cache
def _measure_core() -> float:
    """CPU seconds of a fixed piece of work: the core's own speed, whoever else uses it."""

    def once() -> float:
        began, value = time.process_time(), 0
        for number in range(200_000):
            value = (value * 31 + number) % 1_000_003
        return time.process_time() - began

    return min(once() for _ in range(3))


def _waiting_for_a_core() -> float:
    """How many programs share one core, ours among them: of the last minute, or just now."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    runnable = os.getloadavg()[0]
    now = Path("/proc/loadavg")
    if now.is_file():
        runnable = max(runnable, float(now.read_text().split()[3].split("/")[0]))
    return (runnable + 1) / (os.cpu_count() or 1)


def slowness() -> float:
    """How much longer work takes here and now than on an idle laptop; at least 1."""
    return max(1.0, _measure_core() / REFERENCE_S) * max(1.0, _waiting_for_a_core())


def patience(seconds: float) -> float:
    """A limit that is meant for an idle laptop, as this machine needs it at this moment.

    Every limit of the suite passes through here: a deadline that a busy machine misses says
    nothing about the code.
    """
    return seconds * slowness()
