"""A session with a camera or a film: read, switched off, missing, broken."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from limits import patience, until
from whole_sessions import living, names, plan

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineState
from resonance_tui.errors import InputError
from resonance_tui.pipeline import face_model
from resonance_tui.pipeline.sources import CameraState, Source, parse_source
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.session.core import Session

pytestmark = pytest.mark.mosquitto


def test_a_screen_is_told_when_the_own_face_is_too_far(unused_port: int, tmp_path: Path) -> None:
    address = BrokerUrl(host="127.0.0.1", port=unused_port)
    session = Session(plan(address, Source("none"), tmp_path))
    assert not session.view.too_far
    for too_far in (True, False):
        session._faces._pipeline._status.set_too_far(too_far)
        assert session.view.too_far is too_far


async def test_a_camera_that_is_not_there_is_said_and_the_room_goes_on(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    ann = quiet("ann")
    blind = Session(plan(broker, parse_source("97"), tmp_path, "blind"))
    async with living(ann, blind):
        await until(lambda: blind.view.camera.state is CameraState.MISSING, 15)
        assert blind.view.camera.retry_at is not None
        await until(lambda: names(ann) == ["ann", "blind"])
        blind.say(Emotion.NEUTRAL)
        await until(lambda: ann.view.room.counts[Emotion.NEUTRAL] == 1)


async def test_the_camera_switch_releases_and_reopens(
    broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    session = Session(plan(broker, Source("demo"), tmp_path))
    async with living(session):
        await until(lambda: session.view.me.state in ("ok", "unsure"), 20)
        assert session.preview() is not None
        assert all(row.is_simulated for row in session.view.room.rows)
        session.set_camera(False)
        await until(lambda: session.view.camera.state is CameraState.OFF, 3)
        assert session.preview() is None
        assert session.view.me.state == "away"
        session.set_camera(True)
        await until(lambda: session.view.me.state in ("ok", "unsure"), 5)


async def test_a_broken_engine_is_said_and_the_room_goes_on(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path
) -> None:
    broken = replace(plan(broker, Source("demo"), tmp_path), engine="nonsense")
    ann, session = quiet("ann"), Session(broken)
    async with living(ann, session):
        await until(lambda: session.view.engine.state is EngineState.FAILED)
        assert "nonsense" in session.view.engine.detail
        await until(lambda: ann.view.room.viewers == 2)


async def test_a_face_finder_that_breaks_down_does_not_end_the_session(
    broker: BrokerUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resonance_tui.pipeline.perception import Perception

    def break_down(self: Perception, frame: object, **_: object) -> None:
        raise RuntimeError("native trouble")

    monkeypatch.setattr(Perception, "observe", break_down)
    session = Session(plan(broker, Source("demo"), tmp_path))
    async with living(session):
        await until(lambda: session.view.engine.state is EngineState.FAILED, 20)
        assert "native trouble" in session.view.engine.detail
        await until(lambda: session.view.room.viewers == 1)
        session.say(Emotion.HAPPINESS)
        await until(lambda: session.view.room.counts[Emotion.HAPPINESS] == 1)


async def test_a_camera_switched_off_while_the_engine_loads_is_never_opened(
    broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    session = Session(plan(broker, Source("demo"), tmp_path))
    states: set[CameraState] = set()
    session.add_listener(lambda _: states.add(session.view.camera.state))
    session.set_camera(False)
    async with living(session):
        await until(lambda: session.view.camera.state is CameraState.OFF, 20)
        await asyncio.sleep(0.5)
    assert CameraState.LIVE not in states


async def test_quitting_does_not_wait_for_a_slow_download(
    broker: BrokerUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def slow(_: Path) -> None:
        release.wait(patience(30))
        raise OSError

    place = face_model._Place("far away", slow)
    monkeypatch.setattr(face_model, "_places", lambda *_: (place,))
    session = Session(plan(broker, Source("demo"), tmp_path))
    async with living(session):
        await until(lambda: "face model: far away" in session.view.engine.detail)
        leaving_at = time.monotonic()
    assert time.monotonic() - leaving_at < patience(3)
    release.set()


async def test_a_film_that_cannot_be_read_ends_in_an_error(
    broker: BrokerUrl, tmp_path: Path
) -> None:
    broken = replace(plan(broker, Source("demo"), tmp_path), engine="nonsense", once=True)
    with pytest.raises(InputError, match="nonsense"):  # in its own words, not the film's
        await asyncio.wait_for(Session(broken).run(), patience(20))


async def test_another_camera_is_read_without_a_restart(
    quiet: Callable[[str], Session], broker: BrokerUrl, tmp_path: Path, face_model: None
) -> None:
    ann, ben = quiet("ann"), quiet("ben")

    def simulated() -> list[bool]:
        return [row.is_simulated for row in ben.view.room.rows if row.nickname == "ann"]

    async with living(ann, ben):
        await until(lambda: ann.view.engine.detail == "by key only")
        ann.set_source(Source("demo"))
        await until(lambda: ann.view.camera.state is CameraState.LIVE, 30)
        await until(lambda: ann.view.me.code.is_emotion, 30)
        await until(lambda: simulated() == [True])
        ann.set_source(parse_source("97"))
        await until(lambda: ann.view.camera.state is CameraState.MISSING, 15)
        assert ann.view.camera.source == "camera 97"
        ann.set_source(Source("none"))
        await until(lambda: ann.view.camera.state is CameraState.OFF)
        ann.set_source(Source("demo"))
        await until(lambda: ann.view.camera.state is CameraState.LIVE, 30)
