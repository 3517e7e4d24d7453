"""Who watches a recording: what is read of them, what of that is kept, and that it is stored."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import pytest
from limits import until

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineState
from resonance_tui.errors import StoreError
from resonance_tui.history.layer_store import layers
from resonance_tui.history.layers import as_table, new_name
from resonance_tui.history.samples import SessionSpan
from resonance_tui.history.store import Store
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.sources import CameraState, Source
from resonance_tui.session import own_layer
from resonance_tui.session.late_viewer import LateViewer
from resonance_tui.session.own_layer import OwnLayer

T0 = 1_795_371_000


async def test_portraits_are_read_and_never_kept(tmp_path: Path, face_model: None) -> None:
    viewer = LateViewer("cats", FacePlan(Source("demo"), "static", tmp_path))
    assert viewer.view.camera.state is CameraState.OPENING
    running = asyncio.create_task(viewer.run())

    def is_read() -> bool:
        viewer.look(time.monotonic())
        return viewer.view.me.code.is_emotion

    await until(is_read)
    assert viewer.view.engine.state is EngineState.READY
    assert viewer.view.me.is_simulated and viewer.reaction is None
    viewer.say(Emotion.FEAR, time.monotonic())
    assert viewer.reaction is Emotion.FEAR
    viewer.set_camera(False)
    await until(lambda: viewer.view.camera.state is CameraState.OFF)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_who_speaks_by_key_is_not_away_in_between(tmp_path: Path) -> None:
    viewer = LateViewer("cats", FacePlan(Source("none"), "static", tmp_path))
    running = asyncio.create_task(viewer.run())
    await until(lambda: viewer.view.engine.state is EngineState.READY)
    viewer.look(10.0)
    assert viewer.view.me.code is Emotion.AWAY and viewer.reaction is None
    viewer.say(Emotion.HAPPINESS, 10.0)
    assert viewer.reaction is Emotion.HAPPINESS
    viewer.look(20.0)
    assert viewer.reaction is None
    viewer.set_camera(True)  # there is none
    assert viewer.view.camera.state is CameraState.OFF
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def rows(*seconds: int):
    return as_table([T0 + t, 1, *[0] * 8] for t in seconds)


def stored(path: Path) -> list[int]:
    with Store(path, read_only=True) as store:
        found = layers(store, "cats", SessionSpan(T0, T0 + 99, 100, 1))
    return [t - T0 for layer in found for t in layer.table[:, 0].tolist()]


async def test_the_own_layer_is_stored_while_it_is_made_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_layer, "EVERY_S", 0.01)
    path = tmp_path / "history.sqlite"
    Store(path).close()
    keeper = OwnLayer(path, "cats", new_name())
    running = asyncio.create_task(keeper.run())
    keeper.add(rows(1, 2))
    await until(lambda: stored(path) == [1, 2])
    keeper.add(rows(3))
    keeper.add(rows())
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert stored(path) == [1, 2, 3]


async def test_rows_wait_while_the_database_cannot_take_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_layer, "EVERY_S", 0.01)
    path = tmp_path / "history.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE another (program)")
    db.close()
    keeper = OwnLayer(path, "cats", new_name())
    running = asyncio.create_task(keeper.run())
    keeper.add(rows(1))
    await until(lambda: "another program" in keeper.trouble)
    keeper.add(rows(2))
    path.unlink()
    await until(lambda: not keeper.trouble)
    assert stored(path) == [1, 2]
    path.unlink()
    path.mkdir()
    keeper.add(rows(3))
    await until(lambda: keeper.trouble)
    running.cancel()
    with pytest.raises(StoreError, match="is a folder"):
        await running
