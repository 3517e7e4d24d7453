"""Whole sessions of one room: made, run, and looked at."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from limits import Limit

from resonance_tui.errors import StoreError
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.core import Session
from resonance_tui.session.events import NoticeUpdate
from resonance_tui.session.plan import SessionPlan


def plan(broker: BrokerUrl, source: Source, data_dir: Path, nickname: str = "") -> SessionPlan:
    return SessionPlan(
        channel="room",
        nickname=nickname,
        viewer_id=new_viewer_id(),
        boot=int(time.time()),
        broker=broker,
        source=source,
        engine="static",
        data_dir=data_dir,
    )


@contextlib.asynccontextmanager
async def living(*sessions: Session) -> AsyncIterator[None]:
    """Run sessions for the length of the block."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(session.run()) for session in sessions]
        yield
        for task in running:
            task.cancel()


def names(session: Session) -> list[str]:
    return [row.nickname for row in session.view.room.rows]


def notices(session: Session) -> list[str]:
    said: list[str] = []
    session.add_listener(lambda e: said.append(e.text) if isinstance(e, NoticeUpdate) else None)
    return said


async def live(session: Session, until: Callable[[], bool], seconds: float = 10) -> None:
    """Runs the session until the condition holds, and leaves in good order."""
    task = asyncio.ensure_future(session.run())
    deadline = Limit(seconds)
    try:
        while not until():
            assert not deadline.ran_out() and not task.done(), "did not happen in time"
            await asyncio.sleep(0.02)
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def stored(database: Path) -> list[Sample]:
    with contextlib.suppress(StoreError), Store(database, read_only=True) as store:
        return list(store.read("room", None, None))
    return []  # the database is being laid out
