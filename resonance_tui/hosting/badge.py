"""The host's badge of whoever hosts a room and is in it, too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from resonance_tui.errors import Problem
from resonance_tui.hosting.desk import Desk
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.room_keys import RoomKey, RoomKeys

log = logging.getLogger(__name__)

FAREWELL_S = 2.0


async def wear_badge(keys: RoomKeys, key: RoomKey, broker: BrokerUrl, viewer_id: str) -> None:
    """That viewer wears the badge until this is cancelled; one that it wore before stays.

    Neither is noted among what the host did. A room that cannot be ruled just now goes on without.
    """
    putting_on = asyncio.create_task(_switch(keys, key, broker, "badge", viewer_id))
    try:
        await asyncio.shield(putting_on)
        await asyncio.Event().wait()
    finally:  # what was begun is ended first: others may see the badge before we know of it
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                if await putting_on:
                    await _switch(keys, key, broker, "unbadge", viewer_id)


async def _switch(
    keys: RoomKeys, key: RoomKey, broker: BrokerUrl, act: str, viewer_id: str
) -> bool:
    """Whether it was done, and not so before."""
    try:
        async with _ready(Desk(broker, keys, key, sees_viewers=False)) as desk:
            if (viewer_id in desk.rules.host_ids) == (act == "badge"):
                return False
            await desk.act(act, viewer_id, is_noted=False)
            return True
    except Problem as problem:
        log.warning("%s of the host: %s", act, problem.message)
        return False


@contextlib.asynccontextmanager
async def _ready(desk: Desk) -> AsyncGenerator[Desk]:
    running = asyncio.create_task(desk.run(), name="badge")
    try:
        await desk.until_ready()
        yield desk
    finally:
        running.cancel()
        await asyncio.wait([running])
