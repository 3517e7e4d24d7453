"""The resonance score and corrected counts of a room on a real broker."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from crowds import CHANNEL, crowd
from limits import within

from resonance_tui.emotions import Emotion
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.room import resonance
from resonance_tui.session import RoomUpdate
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan

pytestmark = pytest.mark.mosquitto


async def test_a_crowd_that_moves_as_one_shows_at_once(
    mosquitto: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resonance, "LEAST_S", 3)
    plan = SessionPlan(
        CHANNEL,
        "",
        new_viewer_id(),
        int(time.time()),
        parse_broker_url(mosquitto.url),
        Source("none"),
        "static",
        tmp_path,
        observe_only=True,
    )
    session, told = Session(plan), []
    session.set_corrected(True)
    session.add_listener(
        lambda event: told.append(event) if isinstance(event, RoomUpdate) else None
    )
    async with crowd(mosquitto, 60) as people, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(session.run())
        try:
            async with within(20):
                for turn in range(100):
                    people.codes = [Emotion(turn // 2 % 7)] * 60
                    await people.tell()
                    await asyncio.sleep(0.5)
                    if told and (told[-1].resonance or 0) > 0.9:
                        break
        finally:
            running.cancel()
    assert session.view.resonance is not None
    assert session.view.resonance > 0.9
    assert [point.resonance for point in session.timeline() if point.resonance]
    assert told[0].resonance is None
    assert told[-1].corrected is not None
    assert sum(told[-1].corrected.counts) == pytest.approx(60, abs=0.5)
