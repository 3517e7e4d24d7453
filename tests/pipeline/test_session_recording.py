"""A session that records the room: its rows, its marks, and a database in trouble."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from limits import slowness, until
from whole_sessions import living, plan, stored

from resonance_tui.emotions import Emotion
from resonance_tui.history.about import about
from resonance_tui.history.marks import session_marks
from resonance_tui.history.store import Store
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.core import Session

pytestmark = pytest.mark.mosquitto


async def test_the_room_is_recorded_once_a_second(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    ann = quiet("ann")
    logger = Session(
        replace(plan(broker, Source("none"), tmp_path), observe_only=True, database=database)
    )
    async with living(ann, logger):
        await until(lambda: logger.view.room.viewers == 1)
        ann.say(Emotion.HAPPINESS)
        await until(lambda: sum(row.counts[Emotion.HAPPINESS] for row in stored(database)) >= 3)
    rows = stored(database)
    times = [row.t for row in rows]
    assert len(times) == len(set(times)) >= 3
    assert rows[-1].viewers == 1
    assert any(row.counts[Emotion.HAPPINESS] == 1 for row in rows)


async def test_a_database_in_trouble_is_said_and_recording_resumes(
    quiet: Callable[[str], Session],
    broker: BrokerUrl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("resonance_tui.history.database.BUSY_S", 0.05)
    database = tmp_path / "history.sqlite"
    logger = Session(
        replace(
            plan(broker, Source("none"), tmp_path),
            observe_only=True,
            database=database,
            title="Karaoke",
        )
    )
    async with living(quiet("ann"), logger):
        await until(lambda: stored(database))
        other = sqlite3.connect(database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await until(lambda: logger.view.notice.startswith("Not recording"))
        assert "held by another program" in logger.view.notice
        assert not logger.view.is_recording
        other.execute("ROLLBACK")
        other.close()
        await until(lambda: logger.view.notice == "Recording again.")
        assert logger.view.is_recording
    with Store(database, read_only=True) as store:
        (span,) = store.sessions("room")
    # What was kept in memory came back; a loop that a busy machine holds up skips a second.
    assert max(2, span.length_s - (slowness() - 1)) <= span.rows <= span.length_s
    assert span.title == "Karaoke"


async def test_recording_is_switched_on_and_off_while_the_room_goes_on(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    ann = Session(
        replace(
            plan(broker, Source("none"), tmp_path, "ann"),
            database=database,
            is_recording=False,
            title="Karaoke",
        )
    )
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        assert not ann.view.is_recording and not database.exists()
        for _ in range(2):
            before = len(stored(database))
            ann.set_recording(True)
            await until(lambda before=before: len(stored(database)) > before)
            assert ann.view.is_recording
            ann.set_recording(False)
            await until(lambda: not ann.view.is_recording)
    with Store(database, read_only=True) as store:
        spans = store.sessions("room")
    assert {span.title for span in spans} == {"Karaoke"}


async def test_what_is_marked_in_the_last_moment_is_kept_and_so_is_the_streams_delay(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    ann = Session(replace(plan(broker, Source("none"), tmp_path, "ann"), database=database))
    async with living(ann):
        await until(lambda: len(stored(database)) >= 1)
        ann.set_stream_delay(8.5)
        ann.mark(time.time(), "the end")
    with Store(database, read_only=True) as store:
        (span,) = store.sessions("room")
        found = session_marks(store, "room", span.start, span.end)
        assert [each.text for each in found] == ["the end"]
        assert about(store, "room", span.start, span.end).delay_s == 8.5


async def test_a_host_who_does_not_record_marks_what_another_program_records(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    database = tmp_path / "history.sqlite"
    there = replace(plan(broker, Source("none"), tmp_path, "ann"), database=database)
    logger = Session(replace(there, observe_only=True, nickname="", viewer_id="logger"))
    ann = Session(replace(there, is_recording=False))
    async with living(ann, logger):
        await until(lambda: len(stored(database)) >= 1)
        ann.mark(time.time(), "seen")
    with Store(database, read_only=True) as store:
        (span,) = store.sessions("room")
        found = session_marks(store, "room", span.start, span.end)
        assert [each.text for each in found] == ["seen"]


async def test_a_database_that_cannot_be_opened_later_ends_nothing(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "history.sqlite"
    there = plan(broker, Source("none"), tmp_path, "ann")
    ann = Session(replace(there, database=where, is_recording=False))
    async with living(ann):
        await until(lambda: ann.view.room.viewers == 1)
        ann.set_recording(True)
        await until(lambda: ann.view.notice.startswith("Not recording"))
        await until(lambda: not ann.view.is_recording)
        ann.say(Emotion.NEUTRAL)
        await until(lambda: ann.view.room.counts[Emotion.NEUTRAL] == 1)
