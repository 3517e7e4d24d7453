"""A recording that is read, studied and followed while it grows, without a screen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from limits import patience

from resonance_tui.errors import StoreError
from resonance_tui.history import playback as module
from resonance_tui.history.loading import Request, can_grow, read, read_on
from resonance_tui.history.playback import LIVE_S, STUDY_S, Playback
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

EVENING = 1_795_371_000
CALM = (0, 0, 9, 0, 0, 0, 0)
HAPPY = (9, 0, 0, 0, 0, 0, 0)


def rows(first: int, last: int, counts: tuple[int, ...] = CALM, source: str = "a") -> list[Sample]:
    return [Sample("lobby", EVENING + t, 9, counts, 0, 0, source) for t in range(first, last)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history.sqlite")


def ready(store: Store, *parts: list[Sample], **asked: int) -> Request:
    for part in parts:
        store.append(part)
    return replace(Request(store.path, "lobby"), **asked)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_scores_and_moments_come_after_the_first_picture(store: Store) -> None:
    playback = Playback(ready(store, rows(0, 200), rows(200, 400, HAPPY)))
    await playback.load()
    assert playback.recorded is not None
    assert not len(playback.recorded.scores)
    assert playback.moments == ()
    await playback.study()
    assert len(playback.recorded.scores) == 400
    assert [moment.t for moment in playback.moments] == [EVENING + 200]


async def test_it_is_live_as_long_as_it_grows(store: Store) -> None:
    clock = Clock()
    playback = Playback(ready(store, rows(0, 60)), clock=clock)
    await playback.load()
    assert not await playback.follow()
    assert not playback.is_live
    store.append(rows(60, 65))
    assert await playback.follow()
    assert playback.is_live
    assert playback.recorded is not None
    assert playback.recorded.track.end == EVENING + 64
    assert len(playback.recorded.scores) == 65
    clock.now += LIVE_S - 1
    assert not await playback.follow()
    clock.now += 2
    assert await playback.follow()  # it has ended: that is worth a redraw
    assert not playback.is_live


async def test_a_running_recording_is_studied_now_and_then(store: Store) -> None:
    clock = Clock()
    playback = Playback(ready(store, rows(0, 60)), clock=clock)
    await playback.load()
    await playback.study()
    store.append(rows(60, 61))
    await playback.follow()
    assert not playback.is_due
    clock.now += STUDY_S + 1
    store.append(rows(61, 62))
    await playback.follow()
    assert playback.is_due
    await playback.study()
    assert not playback.is_due


async def test_a_file_that_goes_away_keeps_what_is_on_screen(store: Store) -> None:
    playback = Playback(ready(store, rows(0, 60)))
    await playback.load()
    store.close()
    for path in store.path.parent.iterdir():
        path.unlink()
    assert not await playback.follow()
    assert playback.recorded is not None
    with pytest.raises(StoreError):
        await playback.load()


async def test_a_session_that_is_chosen_meanwhile_wins(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ready(store, rows(0, 60), rows(5000, 5060))
    playback = Playback(request)
    await playback.load()
    store.append(rows(5060, 5061))
    started, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    really = module.read_on

    def slowly(*asked: object) -> object:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(patience(10))
        return really(*asked)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(module, "read_on", slowly)
    following = asyncio.ensure_future(playback.follow())
    await started.wait()
    assert not await playback.follow()  # one at a time
    playback.choose(2)
    await playback.load()
    go_on.set()
    assert not await following
    assert playback.recorded is not None
    assert playback.recorded.track.end == EVENING + 59


def test_seconds_that_another_recorder_writes_late_count(store: Store) -> None:
    request = ready(store, rows(0, 60))
    track = read(request).track
    assert read_on(request, track) is track
    larger = [Sample("lobby", EVENING + 58, 20, (0, 20, 0, 0, 0, 0, 0), 0, 0, "b")]
    store.append([*larger, *rows(60, 61)])
    longer = read_on(request, track)
    assert longer.viewers[-4:].tolist() == [9, 20, 9, 9]
    assert np.diff(longer.times).tolist() == [1] * 60


@pytest.mark.parametrize(
    ("asked", "expected"),
    [({}, True), ({"session": 2}, False), ({"start": 5}, True), ({"start": 5, "end": 9}, False)],
)
def test_what_can_grow(store: Store, asked: dict[str, int], expected: bool) -> None:
    assert can_grow(ready(store, **asked)) == expected
