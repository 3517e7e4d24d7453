"""Sinks in general: the registry, their tables, and that a row arrives once whatever happens."""

from __future__ import annotations

import errno
import json
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import scratch_sink
from children import run_child
from hypothesis import given
from hypothesis import strategies as st
from limits import patience
from scratch_sink import ScratchSink, rows_in

from resonance_tui import config
from resonance_tui.cli import cli, run_verb
from resonance_tui.errors import InputError, StoreError
from resonance_tui.history import schema
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.sinks import deliveries, registry
from resonance_tui.sinks.backoff import GIVE_UP_AFTER
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.deliveries import open_tables, version_of
from resonance_tui.sinks.registry import SINKS
from resonance_tui.sinks.runner import Delivery

T0 = 1_795_345_080


def row(n: int, channel: str = "lobby", source: str = "local") -> Sample:
    return Sample(channel, T0 + n, n % 5 + 5, (n % 5, 0, 3, 0, 0, 0, 1), 1, 0, source)


@pytest.fixture(autouse=True)
def scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line that a new sink needs."""
    monkeypatch.setitem(SINKS, "scratch", scratch_sink.ENTRY)
    monkeypatch.setattr(ScratchSink, "closed", [])


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def make(target: Path, path: Path) -> Callable[..., Delivery]:
    def make(tell: Callable[[str], None] = print) -> Delivery:
        plan = SinkPlan("scratch", config.load(), str(target))
        return Delivery(plan, "lobby", path, tell)

    return make


def to_the_end(delivery: Delivery) -> None:
    while (wait := delivery.step()) is not None:
        assert wait == 0.0


# The registry


@pytest.mark.parametrize("name", SINKS)
def test_a_sink_is_called_what_the_registry_calls_it(name: str) -> None:
    assert registry.load(name).name == name
    assert SINKS[name].option.startswith("--")


def test_a_channel_has_a_plan_for_each_sink_that_was_named(target: Path) -> None:
    found = config.load()
    assert registry.plans(found, "lobby") == ()
    Store(found.database).close()
    assert registry.plans(found, "lobby") == ()  # before the sink has made a table
    ScratchSink.choose_target(found, "lobby", str(target))
    assert registry.plans(found, "lobby") == (SinkPlan("scratch", found, str(target)),)
    assert registry.plans(found, "other") == ()


@pytest.mark.parametrize("target", ["rows.txt", "https://mia:S3cretS3cret@host/rows.csv"])
def test_a_target_that_cannot_be_meant_or_holds_a_secret_is_refused(target: str) -> None:
    found = config.load()
    with pytest.raises(InputError):
        ScratchSink.choose_target(found, "lobby", target)
    assert not found.database.exists()


# Tables

ONE = "CREATE TABLE scratch_a (t INTEGER);\nINSERT INTO scratch_a VALUES (1);\n"
TWO = "ALTER TABLE scratch_a ADD COLUMN more TEXT"


def test_tables_follow_their_versions_and_keep_their_rows(path: Path) -> None:
    with Store(path) as store:
        open_tables(store, "scratch", [ONE])
        open_tables(store, "scratch", [ONE])
        open_tables(store, "scratch", [ONE, TWO])
        open_tables(store, "other", ["CREATE TABLE other (t INTEGER)"])
        with store.reading() as db:
            assert db.execute("SELECT * FROM scratch_a").fetchall() == [(1, None)]
            assert (version_of(db, "scratch"), version_of(db, "other")) == (2, 1)
            assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


def test_tables_of_a_newer_program_are_left_alone(path: Path) -> None:
    with Store(path) as store:
        open_tables(store, "scratch", [ONE, TWO])
        with pytest.raises(StoreError, match="newer") as caught:
            open_tables(store, "scratch", [ONE])
        assert "Upgrade" in caught.value.hint


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    with Store(path) as store:
        open_tables(store, "scratch", [ONE])
        with pytest.raises(StoreError):
            open_tables(store, "scratch", [ONE, TWO + ";\nNONSENSE;"])
        with store.reading() as db:
            assert db.execute("SELECT * FROM scratch_a").fetchall() == [(1,)]
            assert version_of(db, "scratch") == 1


# Rows


def test_every_row_arrives_once_and_in_order(make, target: Path, path: Path) -> None:
    with Store(path) as store:
        store.append(row(n) for n in range(150))
        store.append([row(3, source="away"), row(0, "other")])
        delivery = make()
        to_the_end(delivery)
        assert rows_in(target) == store.read("lobby")
        store.append([row(150), row(151)])
        to_the_end(delivery)
        delivery.close()
        assert rows_in(target) == store.read("lobby")
        assert ScratchSink.sent(store, "lobby") == 153
        assert ScratchSink.sent(store, "other") == 0
    assert ScratchSink.closed == ["lobby"]


def test_rows_that_a_recorder_kept_back_for_an_hour_arrive(make, target: Path, path: Path) -> None:
    with Store(path) as store:
        store.append([row(deliveries.LATE_S)])
        delivery = make()
        to_the_end(delivery)
        store.append([row(0)])
        to_the_end(delivery)
        delivery.close()
    assert [found.t - T0 for found in rows_in(target)] == [deliveries.LATE_S, 0]


def test_the_next_recording_sends_what_the_last_one_left(make, target: Path, path: Path) -> None:
    with Store(path) as store:
        store.append([row(0)])
        first = make()
        to_the_end(first)
        first.close()
        store.append([row(1)])
        second = make()
        to_the_end(second)
        second.close()
        assert rows_in(target) == store.read("lobby")


def test_what_fails_is_tried_again_and_said_once(
    make, target: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)  # no waiting
    monkeypatch.setattr(ScratchSink, "writes_a_minute", 1000)
    told: list[str] = []
    with Store(path) as store:
        store.append([row(0), row(1)])
        delivery = make(told.append)
        target.mkdir()
        for attempt in range(1, GIVE_UP_AFTER + 3):
            assert delivery.step() == 0.0
            assert delivery.is_in_trouble
            assert len(told) == (attempt >= GIVE_UP_AFTER)
        assert told[0].startswith("The file gets nothing: ") and "directory" in told[0]
        target.rmdir()
        to_the_end(delivery)
        assert not delivery.is_in_trouble
        delivery.close()
        assert rows_in(target) == store.read("lobby")


def test_a_failure_is_not_tried_again_before_its_time(
    make, target: Path, path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    with Store(path) as store:
        store.append([row(0)])
    target.mkdir()
    delivery = make()
    wait = delivery.step()
    assert wait is not None and 0.9 < wait <= 1.0
    assert 0 < (delivery.step() or 0) <= wait  # nothing is tried before its time
    delivery.close()


KILLED = """
import os, sys
from pathlib import Path
import scratch_sink
from resonance_tui import config
from resonance_tui.sinks import deliveries
from resonance_tui.sinks.base import SinkPlan
from resonance_tui.sinks.registry import SINKS
from resonance_tui.sinks.runner import Delivery

SINKS["scratch"] = scratch_sink.ENTRY
if sys.argv[3] == "before the confirmation":
    deliveries.Deliveries.confirm = lambda self, rows: os._exit(9)
plan = SinkPlan("scratch", config.load(), sys.argv[1])
delivery = Delivery(plan, "lobby", Path(sys.argv[2]), print)
while (wait := delivery.step()) is not None:
    assert wait == 0.0
delivery.close()
"""


def test_a_kill_between_add_and_confirmation_neither_doubles_nor_drops_a_row(
    target: Path, path: Path
) -> None:
    def run(when: str) -> int:
        args = [sys.executable, "-c", KILLED, str(target), str(path), when]
        env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        return run_child(args, timeout=patience(40), env=env).returncode

    with Store(path) as store:
        store.append(row(n) for n in range(100))
        assert run("before the confirmation") == 9
        assert len(rows_in(target)) == ScratchSink.batch_rows
        assert ScratchSink.sent(store, "lobby") == 0
        assert run("never") == 0
        assert rows_in(target) == store.read("lobby")
        assert ScratchSink.sent(store, "lobby") == 100


class Killed(BaseException):
    """The program ends here."""


@given(st.data())
def test_wherever_it_is_killed_each_row_arrives_once(data: st.DataObject) -> None:
    """Batches of rows, each sent by a program that may die before or after `add`, or with a disk
    that is full in between."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        target, path = Path(folder) / "rows.csv", Path(folder) / "history.sqlite"
        patch.setattr(random, "random", lambda: 0.0)
        patch.setitem(SINKS, "scratch", scratch_sink.ENTRY)
        patch.setattr(ScratchSink, "batch_rows", 3)
        add = ScratchSink.add

        def dangerous(self: ScratchSink, rows: list[Sample]) -> None:
            fate = data.draw(st.sampled_from(["well", "before", "after", "full", "half"]))
            if fate == "before":
                raise Killed
            if fate == "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            add(self, rows[:1] if fate == "half" else rows)
            if fate in ("after", "half"):
                raise Killed

        plan = SinkPlan("scratch", config.load(), str(target))
        with Store(path) as store:
            for program in range(data.draw(st.integers(1, 4))):
                store.append(row(10 * program + n) for n in range(data.draw(st.integers(1, 7))))
                delivery = Delivery(plan, "lobby", path, print)
                patch.setattr(ScratchSink, "add", dangerous)
                try:
                    for _ in range(4):
                        delivery.step()
                except Killed:
                    pass
                delivery.close()
            patch.setattr(ScratchSink, "add", add)
            last = Delivery(plan, "lobby", path, print)
            to_the_end(last)
            last.close()
            assert rows_in(target) == store.read("lobby")


# What commands say


def test_doctor_shows_it(capsys: pytest.CaptureFixture[str], target: Path) -> None:
    found = config.load()
    assert ScratchSink.check(found).text == "nothing goes there"
    ScratchSink.choose_target(found, "lobby", str(target))
    run_verb(cli, ["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)
    assert [finding["topic"] for finding in findings][-len(SINKS) :] == list(SINKS)
    assert findings[-1]["text"] == "takes rows of lobby"
    assert findings[-1]["verdict"] == "ok"


def test_history_reads_it_and_forget_says_what_stays(
    capsys: pytest.CaptureFixture[str], target: Path
) -> None:
    from resonance_tui.commands.history import retention, show

    found = config.load()
    ScratchSink.choose_target(found, "lobby", str(target))
    with Store(found.database) as store:
        store.append([row(0), row(1)])
        (plan,) = registry.plans(found, "lobby")
        delivery = Delivery(plan, "lobby", found.database, print)
        to_the_end(delivery)
        delivery.close()
    retention.run_forget(found, "lobby", older_than=None, yes=True)
    assert "What was sent to a CSV file stays there: lobby." in capsys.readouterr().err
    show.run(found, show.Asked("lobby", source="scratch", format="csv"))
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3 and "Reading the file ..." in err
    target.unlink()
    with pytest.raises(InputError, match="The file holds nothing of 'lobby'") as caught:
        show.run(found, show.Asked("lobby", source="scratch", format="csv"))
    assert "resonance-tui log lobby" in caught.value.hint


def test_a_sink_that_cannot_be_read_back_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from resonance_tui.commands.history import show

    monkeypatch.delattr(ScratchSink, "read")
    with pytest.raises(InputError, match="cannot be read back"):
        show.run(config.load(), show.Asked("lobby", source="scratch", format="csv"))


def test_the_database_stays_readable_for_a_program_without_the_sink(
    make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(path) as store:
        store.append([row(0)])
    delivery = make()
    to_the_end(delivery)
    delivery.close()
    monkeypatch.delitem(SINKS, "scratch")
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    with Store(path) as store:
        assert store.read("lobby") == [row(0)]
