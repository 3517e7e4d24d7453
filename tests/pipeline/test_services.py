"""`log` and `aggregate` as services: up before their broker, and there after it was killed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from children import end_child, start_child
from limits import until
from seats import CHANNEL, HAPPY, Seat, seated

from resonance_tui.errors import StoreError
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

pytestmark = pytest.mark.mosquitto


class Service:
    """A command that runs on, and what it said."""

    def __init__(self, *words: str) -> None:
        self.process = start_child(
            [sys.executable, "-m", "resonance_tui", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(self.process.stdout)

    def times(self, text: str) -> int:
        return sum(text in line for line in self.said)


@pytest.fixture
def services(make_mosquitto: Any, tmp_path: Path, monkeypatch: Any) -> Iterator[tuple[Any, ...]]:
    """A broker that is not up yet, a recorder, an aggregator, and the database."""
    database = tmp_path / "history.sqlite"
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(database))
    broker = make_mosquitto()
    log, counter = (Service(verb, CHANNEL, "--broker", broker.url) for verb in ("log", "aggregate"))
    yield broker, log, counter, database
    for each in (log, counter):
        end_child(each.process)


def rows(database: Path) -> list[Sample]:
    with contextlib.suppress(StoreError), Store(database, read_only=True) as store:
        return list(store.read(CHANNEL, None, None))
    return []


async def test_they_wait_for_a_broker_and_outlive_it(services: tuple[Any, ...]) -> None:
    broker, log, counter, database = services
    await until(lambda: log.times("not connected yet") and counter.times("nothing listens"), 20)
    broker.start()
    ann = Seat(broker)
    ann.link.publish_report(HAPPY)
    async with seated(ann):
        await until(lambda: any(row.viewers == 1 for row in rows(database)), 20)
        first = next(row.t for row in rows(database) if row.viewers == 1)
        await until(lambda: counter.times("connected\n"))
        told = counter.times("lost · ")
        broker.kill()
        await until(lambda: log.times("was lost") and counter.times("lost · ") > told)
        broker.start()
        await until(lambda: log.times("link  connected") == 2, 20)
        await until(lambda: counter.times("connected\n") == 2, 20)
        before = len(rows(database))
        await until(lambda: len(rows(database)) >= before + 2, 20)
        assert {row.viewers for row in rows(database) if row.t >= first} == {1}
    assert log.process.poll() is None and counter.process.poll() is None
