"""For tests of hosts: a room's keys on a machine, a desk at work, and whatever else runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Protocol

from limits import patience

from resonance_tui.hosting.desk import Desk
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room_keys import RoomKey, RoomKeys


class Runs(Protocol):
    def run(self) -> Coroutine[Any, Any, None]: ...


def hosts(keys: RoomKeys) -> RoomKey:
    """The key of the one room."""
    (key,) = keys.all()
    return key


@contextlib.asynccontextmanager
async def running(*lives: Runs) -> AsyncIterator[None]:
    """All of them for the length of the block."""
    tasks = [asyncio.create_task(each.run()) for each in lives]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


@contextlib.asynccontextmanager
async def at_desk(url: BrokerUrl, keys: RoomKeys) -> AsyncIterator[Desk]:
    """The host at the desk, connected."""
    desk = Desk(url, keys, hosts(keys))
    async with running(desk):
        await desk.until_ready(patience(5))
        yield desk
