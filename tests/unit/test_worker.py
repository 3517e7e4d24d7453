"""One thread, one thing at a time: what it hands back, and what it keeps."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Iterator
from functools import partial

import pytest
from limits import Limit, patience

from resonance_tui.pipeline.worker import Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker("test")
    yield worker
    worker.close()


def throw(error: BaseException) -> None:
    raise error


async def test_what_is_done_and_what_goes_wrong_comes_back(worker: Worker) -> None:
    assert await worker.do(lambda: threading.current_thread().name) == "test"
    with pytest.raises(ZeroDivisionError):
        await worker.do(lambda: 1 / 0)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration()])
async def test_what_would_end_a_thread_or_a_loop_comes_back_as_an_error(
    worker: Worker, error: BaseException
) -> None:
    with pytest.raises(RuntimeError, match=type(error).__name__):
        await asyncio.wait_for(worker.do(partial(throw, error)), patience(5))
    assert await asyncio.wait_for(worker.do(lambda: 7), patience(5)) == 7


async def test_an_idle_worker_keeps_nothing_of_what_it_did(worker: Worker) -> None:
    class Clip: ...

    clip = Clip()
    known = weakref.ref(clip)
    await worker.do(partial(id, clip))
    del clip
    deadline = Limit(5)
    while known() is not None:
        assert not deadline.ran_out()
        await asyncio.sleep(0.01)


async def test_the_last_thing_is_done_after_what_nobody_waits_for_any_more() -> None:
    worker, release, done = Worker("test"), threading.Event(), []

    def build() -> None:
        release.wait(patience(10))
        done.append("built")

    building = asyncio.create_task(worker.do(build))
    await asyncio.sleep(0)
    building.cancel()
    closed = threading.Event()

    def close() -> None:
        done.append("closed")
        closed.set()

    worker.close(close)
    release.set()
    assert await asyncio.to_thread(closed.wait, 5)
    assert done == ["built", "closed"]
