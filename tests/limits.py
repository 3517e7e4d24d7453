"""How long tests wait before they give up: limits that follow the machine's speed and load."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

REFERENCE_S = 0.01  # what `_measure_core` finds on a laptop of 2022
LONGEST_LOOK_S = 1.0  # who looks again only after that did not run: such a moment counts no more


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

    Every limit of the suite passes through this module: a deadline that a busy machine misses says
    nothing about the code. Who can look again while waiting uses what is below.
    """
    return seconds * slowness()


class Limit:
    """Seconds of an idle laptop that may pass. Load counts as it is whenever one looks: a machine
    that is busy only later, or no longer, has as much of its time."""

    def __init__(self, seconds: float) -> None:
        self._left_s, self._looked_at = seconds, time.monotonic()

    def ran_out(self) -> bool:
        """Look; what has passed since the last time is taken off."""
        now = time.monotonic()
        self._left_s -= min(now - self._looked_at, LONGEST_LOOK_S) / slowness()
        self._looked_at = now
        return self._left_s <= 0


@asynccontextmanager
async def within(seconds: float) -> AsyncGenerator[None]:
    """`asyncio.timeout` with such a limit. Raises TimeoutError."""
    limit, loop = Limit(seconds), asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:

        def look() -> None:
            nonlocal looking
            if limit.ran_out():
                timeout.reschedule(loop.time())
            else:
                looking = loop.call_later(0.05, look)

        looking = loop.call_later(0.0, look)
        try:
            yield
        finally:
            looking.cancel()


async def until(condition: Callable[[], object], within: float = 20.0) -> float:
    """Seconds until the condition held; fails after `within`, of an idle laptop."""
    limit, began = Limit(within), time.monotonic()
    while not condition():
        assert not limit.ran_out(), "did not happen in time"
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def wait_until(condition: Callable[[], object], within: float = 20.0) -> None:
    """As `until`, for who has no event loop."""
    limit = Limit(within)
    while not condition():
        assert not limit.ran_out(), "did not happen in time"
        time.sleep(0.02)
