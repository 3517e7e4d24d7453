"""The stand-in that a screen shows until the session's code is loaded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from limits import within

from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.session.core import Session
from resonance_tui.session.events import SessionEvent
from resonance_tui.session.plan import SessionPlan
from resonance_tui.session.starting import StartingSession


def plan(folder: Path, **more: object) -> SessionPlan:
    return SessionPlan(
        channel="cats",
        nickname="Mia",
        viewer_id="abcdefghijklmnop",
        boot=1,
        broker=parse_broker_url("mqtt://127.0.0.1:9"),
        source=Source("none"),
        engine="static",
        data_dir=folder,
        **more,
    )


@asynccontextmanager
async def running(session: StartingSession) -> AsyncIterator[list[SessionEvent]]:
    """Until the real session has told something."""
    heard: list[SessionEvent] = []
    told = asyncio.Event()
    session.add_listener(lambda event: (heard.append(event), told.set()))
    task = asyncio.create_task(session.run())
    async with within(10):
        await told.wait()
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


def test_it_shows_what_the_session_shows_first(tmp_path: Path) -> None:
    whole = plan(tmp_path, database=tmp_path / "history.db")
    first, real = StartingSession(whole).view, Session(whole).view
    assert first.outage is not None and real.outage is not None
    names = set(first.__slots__) - {"outage"}
    assert {name: getattr(first, name) for name in names} == {
        name: getattr(real, name) for name in names
    }


async def test_what_is_asked_before_is_done_once_the_session_is_there(tmp_path: Path) -> None:
    session = StartingSession(plan(tmp_path))
    session.set_sharing(False)
    session.set_nickname("Zoe")
    before = session.view
    assert (before.is_sharing, before.nickname) == (False, "Zoe")
    async with running(session):
        assert session.view is not before
        assert (session.view.is_sharing, session.view.nickname) == (False, "Zoe")


async def test_afterwards_it_hands_everything_on(tmp_path: Path) -> None:
    session = StartingSession(plan(tmp_path))
    async with running(session):
        session.set_nickname("Zoe")
        session.set_sharing(False)
        assert session.view.nickname == "Zoe"
        assert not session.view.is_sharing


async def test_leaving_while_it_loads_ends_it(tmp_path: Path) -> None:
    session = StartingSession(plan(tmp_path))
    task = asyncio.create_task(session.run())
    await asyncio.sleep(0)
    task.cancel()
    async with within(10):
        await asyncio.wait([task])
    assert task.cancelled()
