"""One row a second, on a real file, through every kind of trouble."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from limits import patience, until

from resonance_tui.errors import StoreError
from resonance_tui.history import runs
from resonance_tui.history.marks import add_mark, marks
from resonance_tui.history.recorder import KEPT_ROWS, Recorder
from resonance_tui.history.runs import RecorderRun
from resonance_tui.history.samples import SESSION_GAP_S, Sample
from resonance_tui.history.store import Store
from resonance_tui.room.state import RoomSnapshot

T0 = 1_795_345_080


def room(happy: int, unsure: int = 0) -> RoomSnapshot:
    counts = (happy, 0, 1, 0, 0, 0, 0)
    return RoomSnapshot(happy + 1 + unsure, counts, unsure, 0, (), frozenset(), frozenset())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def store(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("resonance_tui.history.database.BUSY_S", 0.02)
    with Store(path) as store:
        yield store


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = float(T0)

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def running(recorder: Recorder) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.ensure_future(recorder.run())
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def recorder_on(store: Store, clock: Clock | None = None) -> Recorder:
    return Recorder(store, "lobby", interval_s=0.01, clock=clock or Clock())


async def test_the_last_snapshot_of_a_second_is_its_row(store: Store) -> None:
    recorder = recorder_on(store)
    async with running(recorder):
        for quarter in range(12):
            recorder.add(room(quarter, unsure=2), T0 + quarter / 4)
    rows = store.read("lobby")
    assert rows == [
        Sample("lobby", T0 + second, happy + 3, (happy, 0, 1, 0, 0, 0, 0), 2, 0)
        for second, happy in enumerate((3, 7, 11))
    ]
    assert recorder.written == 3
    assert recorder.problem == ""


async def test_a_second_is_written_when_it_is_over_and_not_before(store: Store) -> None:
    clock = Clock()
    recorder = recorder_on(store, clock)
    async with running(recorder):
        recorder.add(room(1), T0 + 0.2)
        await asyncio.sleep(0.05)
        assert store.read("lobby") == []
        recorder.add(room(2), T0 + 0.9)
        clock.now = T0 + 1.1  # nobody adds any more
        await until(lambda: recorder.written == 1)
        assert store.read("lobby")[0].counts[0] == 2


async def test_cancelled_in_the_middle_of_a_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on, append = threading.Event(), threading.Event(), store.append

    def slow(rows: Iterable[Sample]) -> int:
        inside.set()
        go_on.wait(patience(10))
        return append(rows)

    monkeypatch.setattr(store, "append", slow)
    recorder = recorder_on(store)
    async with running(recorder) as task:
        recorder.add(room(1), T0)
        recorder.add(room(2), T0 + 1)
        await until(inside.is_set)
        task.cancel()
        go_on.set()
    assert [row.counts[0] for row in store.read("lobby")] == [1, 2]


async def test_a_locked_database_is_waited_for(store: Store, path: Path) -> None:
    recorder = recorder_on(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with running(recorder):
        for second in range(5):
            recorder.add(room(second), T0 + second)
        await until(lambda: recorder.problem)
        assert "held by another program" in recorder.problem
        assert "5 s kept in memory" in recorder.problem
        other.execute("ROLLBACK")
        await until(lambda: recorder.written)
        assert recorder.problem == ""
    other.close()
    assert [row.t for row in store.read("lobby")] == [T0 + second for second in range(5)]


async def test_a_full_disk_is_waited_for(store: Store) -> None:
    recorder = recorder_on(store)
    with store._use() as db:
        db.execute("PRAGMA max_page_count = 3")
    async with running(recorder):
        for second in range(500):
            recorder.add(room(1), T0 + second)
        await until(lambda: recorder.problem)
        assert "disk is full" in recorder.problem
        with store._use() as db:
            db.execute("PRAGMA max_page_count = 100000")
        await until(lambda: not recorder.problem)
    assert len(store.read("lobby")) == 500


async def test_memory_is_bounded_and_the_oldest_go_first(store: Store) -> None:
    recorder = recorder_on(store)
    store.close()
    for second in range(KEPT_ROWS + 10):
        recorder.add(room(1), T0 + second)
    async with running(recorder):
        await until(lambda: recorder.problem)
        assert f"{KEPT_ROWS} s kept in memory, 10 s lost" in recorder.problem


async def test_a_clock_set_back_adds_nothing_twice(store: Store) -> None:
    recorder = recorder_on(store)
    async with running(recorder):
        for second in (0, 1, 2, 0, 1, 2, 3):
            recorder.add(room(second), T0 + second)
            await asyncio.sleep(0.02)
    assert [row.t - T0 for row in store.read("lobby")] == [0, 1, 2, 3]


async def test_the_last_words_of_a_store_that_is_gone(store: Store) -> None:
    recorder = recorder_on(store)
    recorder.add(room(1), T0)
    store.close()
    async with running(recorder):
        assert recorder.problem == ""  # this second is not over yet
    assert "1 s kept in memory" in recorder.problem
    with pytest.raises(StoreError):
        store.read("lobby")


# Sessions, and what is said about seconds that are lost


async def test_a_run_is_a_session_with_a_title(store: Store) -> None:
    recorder = Recorder(store, "lobby", title="Karaoke", interval_s=0.01, clock=Clock())
    async with running(recorder):
        recorder.add(room(1), T0)
        recorder.add(room(1), T0 + 7)
    assert runs.runs(store, "lobby") == [RecorderRun(T0, T0 + 7, True, "Karaoke", "local")]
    assert store.sessions("lobby")[0].title == "Karaoke"


@pytest.mark.parametrize("jump", [14 * 86_400, SESSION_GAP_S + 5, -3600])
async def test_a_session_after_a_long_pause_or_another_clock_has_the_title(
    store: Store, jump: int
) -> None:
    """A small computer without a clock of its own begins in the past; a laptop was asleep."""
    recorder = Recorder(store, "lobby", title="Movie night", interval_s=0.01, clock=Clock())
    async with running(recorder):
        for start in (T0, T0 + jump):
            for second in range(start, start + 5):
                recorder.add(room(3), second)
            await until(lambda: recorder.written >= 4)
    starts = sorted((T0, T0 + jump))
    found = store.sessions("lobby")
    assert [(each.start, each.title) for each in found] == [(t, "Movie night") for t in starts]
    kept = runs.runs(store, "lobby")
    assert [(each.start, each.end, each.was_ended) for each in kept] == [
        (t, t + 4, True) for t in starts
    ]


async def test_nothing_seen_is_no_session(store: Store) -> None:
    async with running(recorder_on(store)):
        await asyncio.sleep(0.03)
    assert runs.runs(store, "lobby") == []


async def test_a_full_disk_is_said_and_recording_resumes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite meets the end of the disk where we say; an hour of memory is a minute here."""
    monkeypatch.setattr("resonance_tui.history.recorder.KEPT_ROWS", 60)
    clock = Clock()
    recorder = recorder_on(store, clock)
    async with running(recorder):
        recorder.add(room(1), T0)
        recorder.add(room(1), T0 + 1)
        await until(lambda: recorder.written)
        with store.reading() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages}")
        full_at = 0
        for second in range(2, 4000):  # until the pages that are there are full
            recorder.add(room(1), T0 + second)
            if recorder.trouble:
                full_at = second
                break
            await asyncio.sleep(0.001)
        assert "the disk is full" in recorder.problem
        for second in range(full_at + 1, full_at + 100):
            recorder.add(room(1), T0 + second)
        assert "s lost" in recorder.problem
        with store.reading() as db:
            db.execute("PRAGMA max_page_count = 1000000")
        await until(lambda: not recorder.trouble)
        recorder.add(room(1), T0 + full_at + 100)
    stored = {row.t - T0 for row in store.read("lobby")}
    (gap,) = runs.gaps(store, "lobby")
    missing = set(range(gap.start - T0, gap.end - T0 + 1))
    assert len(missing) == gap.seconds > 0
    assert stored == set(range(full_at + 101)) - missing
    assert "the disk is full" in gap.why
    (run,) = runs.runs(store, "lobby")
    assert (run.start, run.end, run.was_ended) == (T0, T0 + full_at + 100, True)


def mark(text: str, t: float = T0) -> Callable[[Store], int]:
    return lambda store: add_mark(store, "lobby", t, text)


def marked(store: Store) -> list[str]:
    return [each.text for each in marks(store, "lobby", T0, T0 + 99)]


async def test_a_mark_is_stored_beside_the_rows_and_at_the_end(store: Store) -> None:
    recorder = recorder_on(store)
    async with running(recorder):
        recorder.keep(mark("at once"))
        await until(lambda: marked(store) == ["at once"])
        recorder.add(room(1), T0)
        recorder.keep(mark("at the end", T0 + 0.5))
    assert marked(store) == ["at once", "at the end"]
    assert recorder.written == 1


async def test_a_mark_waits_for_a_locked_database_and_is_stored_once(
    store: Store, path: Path
) -> None:
    recorder = recorder_on(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with running(recorder):
        recorder.keep(mark("patient"))
        await until(lambda: "held by another program" in recorder.problem)
        other.execute("ROLLBACK")
        await until(lambda: not recorder.problem)  # told once what is stored is confirmed
        assert marked(store) == ["patient"]
        recorder.keep(mark("patient"))
    other.close()
    assert marked(store) == ["patient"]
