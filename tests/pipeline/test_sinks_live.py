"""A recording that goes into a sink while it runs: real broker, real files, and a room that never
waits for either."""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
import scratch_sink
from children import run_child
from limits import patience, within
from scratch_sink import ScratchSink, rows_in
from whole_sessions import live, notices

from resonance_tui import config
from resonance_tui.errors import InputError
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.session.core import Session
from resonance_tui.session.plan import SessionPlan
from resonance_tui.sinks import runner
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.registry import SINKS

pytestmark = pytest.mark.mosquitto


class HangingSink(ScratchSink):
    """Whatever it sends to never answers, until `is_over`."""

    name: ClassVar[str] = "hanging"
    is_over: ClassVar[threading.Event] = threading.Event()
    is_called: ClassVar[threading.Event] = threading.Event()

    def add(self, rows: Sequence[Sample]) -> None:
        self.is_called.set()
        self.is_over.wait(20)


class RefusingSink(ScratchSink):
    name: ClassVar[str] = "refusing"

    def add(self, rows: Sequence[Sample]) -> None:
        raise InputError("The key has expired.", "Make a new one.")


@pytest.fixture(autouse=True)
def sinks(monkeypatch: pytest.MonkeyPatch) -> None:
    module = __name__
    monkeypatch.setitem(SINKS, "scratch", scratch_sink.ENTRY)
    for kind in (HangingSink, RefusingSink):
        entry = scratch_sink.ENTRY._replace(noun=kind.name, path=f"{module}:{kind.__name__}")
        monkeypatch.setitem(SINKS, kind.name, entry)
    monkeypatch.setattr(HangingSink, "is_over", threading.Event())
    monkeypatch.setattr(HangingSink, "is_called", threading.Event())
    monkeypatch.setattr(ScratchSink, "closed", [])
    monkeypatch.setattr(ScratchSink, "writes_a_minute", 1000)
    monkeypatch.setattr(runner, "INTERVAL_S", 0.1)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "rows.csv"


@pytest.fixture
def make_session(mosquitto, target: Path, tmp_path: Path) -> Callable[..., Session]:
    """Makes viewers without a camera who record the room and bring it to the sinks."""

    def make(*names: str) -> Session:
        return Session(
            SessionPlan(
                channel="lobby",
                nickname="",
                viewer_id=new_viewer_id(),
                boot=int(time.time()),
                broker=parse_broker_url(mosquitto.url),
                source=Source("none"),
                engine="static",
                data_dir=tmp_path,
                database=tmp_path / "history.sqlite",
                sinks=tuple(SinkPlan(name, config.load(), str(target)) for name in names),
            )
        )

    return make


def stored(path: Path) -> list[Sample]:
    with Store(path, read_only=True) as store:
        return store.read("lobby")


async def until_closed() -> None:
    async with within(10):
        while not ScratchSink.closed:
            await asyncio.sleep(0.01)


async def test_the_sink_follows_holds_the_last_row_and_is_closed(
    make_session, target: Path, tmp_path: Path
) -> None:
    target.parent.mkdir()
    session = make_session("scratch")
    said = notices(session)
    await live(session, lambda: len(rows_in(target)) >= 2, seconds=20)
    assert rows_in(target) == stored(tmp_path / "history.sqlite")
    assert said == []
    await until_closed()
    assert ScratchSink.closed == ["lobby"]


async def test_a_failure_is_said_and_tried_again_and_nothing_is_lost(
    make_session, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.01)
    session = make_session("scratch")
    said = notices(session)

    def is_mended() -> bool:
        if said and not target.parent.exists():
            target.parent.mkdir()
        return len(rows_in(target)) >= 2

    await live(session, is_mended, seconds=20)
    assert len(said) == 1 and said[0].startswith("The file gets nothing: ")
    assert said[0].endswith("All is kept here; trying again.")
    assert rows_in(target) == stored(tmp_path / "history.sqlite")


async def test_a_sink_that_hangs_holds_up_neither_the_room_nor_another_sink(
    make_session, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "FINISH_S", 0.5)
    target.parent.mkdir()
    session = make_session("hanging", "scratch")
    said = notices(session)
    await live(
        session, lambda: HangingSink.is_called.is_set() and len(rows_in(target)) >= 2, seconds=20
    )
    assert not HangingSink.is_over.is_set()  # the session has ended, and no answer has come
    assert rows_in(target) == stored(tmp_path / "history.sqlite")
    kept = "The last rows are not in the hanging yet; they are kept: resonance-tui log lobby"
    assert said == [kept]
    HangingSink.is_over.set()


async def test_what_a_person_has_to_fix_is_said_once_and_the_recording_goes_on(
    make_session, tmp_path: Path
) -> None:
    session = make_session("refusing")
    said, seen = notices(session), []
    session.add_listener(seen.append)
    await live(session, lambda: bool(said) and len(seen) > 6, seconds=20)
    assert len(said) == 1
    assert said[0].startswith("Nothing more goes into the refusing, all is kept here: The key has")
    assert len(stored(tmp_path / "history.sqlite")) >= 1


CHILD = """
import sys
import scratch_sink
from resonance_tui.sinks.registry import SINKS
SINKS["scratch"] = scratch_sink.ENTRY
from resonance_tui import cli
sys.exit(cli.run_verb(cli.cli, sys.argv[1:]))
"""


def test_one_line_in_the_registry_is_an_option_of_log_and_a_source_of_history(
    mosquitto, empty_home: Path, target: Path
) -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return run_child(
            [sys.executable, "-c", CHILD, *args],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            timeout=patience(40),
        )

    target.parent.mkdir()
    log = ("log", "lobby", "--broker", mosquitto.url, "--duration", "2.5")
    named = run(*log, "--scratch", str(target))
    assert named.returncode == 0, named.stderr
    first = rows_in(target)
    assert len(first) >= 2
    remembered = run(*log)
    assert remembered.returncode == 0, remembered.stderr
    assert len(rows_in(target)) > len(first)
    assert rows_in(target) == stored(config.load().database)
    read = run("history", "lobby", "--source", "scratch", "--format", "csv")
    assert len(list(csv.reader(read.stdout.splitlines()))) == len(rows_in(target)) + 1
    refused = run("log", "lobby", "--scratch", "rows.txt")
    assert refused.returncode == 2 and "is no CSV file" in refused.stderr
