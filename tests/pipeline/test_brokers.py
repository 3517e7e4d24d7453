"""Rooms on other people's brokers as scripts/bench_brokers measures them, and that measuring."""

from __future__ import annotations

import importlib.metadata
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import psutil
import pytest
from brokers import plain
from brokers.debian import UNPACKED, version
from brokers.errors import NotHere
from brokers.kits import KITS, Kit, serving
from brokers.measured import Measured, merged
from brokers.page import kept, read, rewritten
from brokers.probe import Access, exact, keepalive, speaks, wildcard
from brokers.program import at_work
from brokers.rooms import Size, in_room, is_fact
from brokers.running import Broker, Place, Start
from brokers.tables import CAPABILITIES, ROOMS, as_markdown
from clusters import NATS
from limits import Limit, patience
from machine import MOSQUITTO, free_port

ROOT = Path(__file__).resolve().parents[2]
FEW = Size(small=3, names_s=(1.0,), gone_s=12.0, freezes=False)


def installed(name: str) -> Kit:
    """That broker as it is installed on this machine: tests fetch nothing."""
    try:
        importlib.metadata.version("amqtt")
        has_amqtt = True
    except importlib.metadata.PackageNotFoundError:
        has_amqtt = False
    starts: dict[str, tuple[bool, Callable[[Place], Start]]] = {
        "mosquitto-2.0": (MOSQUITTO is not None, partial(plain.mosquitto, program=str(MOSQUITTO))),
        "nats": (NATS is not None, partial(plain.nats, program=str(NATS))),
        "amqtt": (has_amqtt, plain.amqtt),
    }
    is_there, start = starts[name]
    if not is_there:
        pytest.skip(f"{name} is not installed")
    return replace(KITS[name], fetch=lambda _: "installed", start=start)


@contextmanager
def running(name: str, folder: Path) -> Iterator[Broker]:
    with serving(installed(name), folder) as broker:
        yield broker


@pytest.mark.parametrize(
    ("name", "named_at_once"), [("mosquitto-2.0", FEW.small + 1), ("nats", 1), ("amqtt", 1)]
)
def test_a_room_keeps_its_promises_on_a_broker_that_is_cheap(
    name: str, named_at_once: int, tmp_path: Path
) -> None:
    """Where nothing expires, others are named when they are confirmed."""
    with running(name, tmp_path) as broker:
        found = in_room(ROOT, broker, "small", FEW)
    assert "failed" not in found
    assert found["late_right_s"] is not None
    assert found["late_wrong_facts"] == 0, found["late_first"]
    assert found["named_1s"] >= named_at_once
    assert found["leave_s"] is not None and found["leave_s"] < patience(2)
    assert found["kill_s"] is not None and found["kill_s"] < patience(8)


@pytest.mark.mosquitto
def test_the_probe_sees_what_a_broker_can_do(tmp_path: Path) -> None:
    with running("mosquitto-2.0", tmp_path) as broker:
        access = speaks(broker.place.port)
        assert access.version == 5
        assert wildcard(access, "probe/many", 50) == 50
        assert exact(access, "probe/one")
        took = keepalive(access, "")
        assert took is not None and 2 <= took < patience(6)


def test_the_probe_refuses_what_is_no_broker() -> None:
    with pytest.raises(NotHere, match="neither"):
        speaks(free_port())


@pytest.mark.mosquitto
def test_a_broker_that_is_killed_starts_again_on_its_store_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    with running("mosquitto-2.0", tmp_path) as broker:
        before = broker.pid
        access = Access(broker.place.port)
        assert wildcard(access, "probe/many", 5) == 5
        store = broker.place.store / "mosquitto.db"
        deadline = Limit(10)
        while not store.exists() and not deadline.ran_out():
            time.sleep(0.05)
        broker.kill()
        assert broker.pid == 0 and store.exists()
        broker.start()
        assert broker.pid not in (0, before)
        after = broker.pid
    assert not psutil.pid_exists(after) and not broker.place.store.exists()


def test_a_broker_that_ends_at_once_says_its_last_words(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path, free_port(), free_port())
    broker = Broker(place, Start(("sh", "-c", "echo no room here; exit 1")))
    with pytest.raises(NotHere, match="no room here"):
        broker.start(within=patience(5))


def test_a_port_that_answers_no_mqtt_is_no_broker(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        broker = Broker(Place(tmp_path, tmp_path, port, 0), Start(("sleep", "60")))
        with pytest.raises(NotHere, match="did not come up"):
            broker.start(within=0.5)
    assert broker.pid == 0


def test_every_row_is_complete_and_told_of_in_the_page() -> None:
    page = (ROOT / "docs/brokers.md").read_text(encoding="utf-8")
    for name, kit in KITS.items():
        assert name == kit.name and re.fullmatch(r"[a-z]+(-[0-9.]+)?", name)
        assert kit.title and kit.source and kit.title.split()[0].rstrip(",") in page
        assert not kit.web_path or kit.web_path.startswith("/")


def test_the_tables_of_the_page_are_those_of_its_data() -> None:
    page = (ROOT / "docs/brokers.md").read_text(encoding="utf-8")
    about, rows = read(ROOT / "docs/brokers.json")
    assert page == rewritten(page, about, rows), "run scripts/bench_brokers NAME --keep"
    named = {each.name for each in rows}
    assert [each.name for each in rows] == [name for name in KITS if name in named]
    assert all(each.version and each.date for each in rows if not each.missing)


def sample(name: str = "nats", **figures: object) -> Measured:
    capabilities = {"mqtt": "5", "many": 10, "wildcard_brings": 0, "exact_brings": True}
    capabilities |= {"expires": True, "will_cut_s": 2.0, "will_taken_over": "none"}
    rooms = {"this": {"late_right_s": 9.8, "late_wrong_facts": 3, "frozen_s": None, **figures}}
    return Measured(
        name, KITS[name].title, "PyPI", "2.1", "2026-11-28", 0.5, "",
        {**capabilities, "keepalive_s": None}, rooms,
    )  # fmt: skip


def test_a_table_says_what_was_waited_for_in_vain_and_what_was_not_measured() -> None:
    table = as_markdown("2 cores", [sample()])
    capabilities, rooms = (line for line in table.splitlines() if line.startswith("| NATS"))
    assert "**none**" in capabilities and capabilities.endswith("| never |")
    assert "9.8 s, 3 wrong before" in rooms and "not seen" in rooms and rooms.endswith("| – |")
    assert capabilities.count("|") == len(CAPABILITIES) + 2
    assert rooms.count("|") == len(ROOMS) + 2


def test_a_broker_that_could_not_be_had_is_named_below_the_table() -> None:
    missing = Measured("aedes", "aedes", "npm", missing="needs Node.js")
    table = as_markdown("2 cores", [sample(), missing])
    assert "aedes: not run, needs Node.js" in table and "| aedes" not in table


def test_two_checkouts_have_a_row_each() -> None:
    one = sample()
    one.rooms["before"] = {"failed": "big: 320 viewers did not get in"}
    table = as_markdown("2 cores", [one])
    assert "| NATS (2.1), this |" in table and "| NATS (2.1), before |" in table
    assert "NATS (2.1), before: big: 320 viewers did not get in" in table


def test_a_row_that_is_measured_again_takes_the_place_of_the_old_one() -> None:
    rows = kept([sample("rabbitmq-3"), sample("nats")], [sample("nats", leave_s=0.2)])
    assert [each.name for each in rows] == ["nats", "rabbitmq-3"]
    assert rows[0].rooms["this"]["leave_s"] == 0.2
    assert Measured(**asdict(rows[0])) == rows[0]


def test_another_checkout_runs_its_own_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the current folder is this checkout, which `python -m` would look at first."""
    monkeypatch.chdir(ROOT)
    package = tmp_path / "resonance_tui"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text('print(\'{"type": "other"}\')')
    with at_work(tmp_path, "mqtt://127.0.0.1:1", "room") as program:
        child = program.run("log")
        assert child.wait_for(lambda line: line == {"type": "other"}, patience(10)) is not None


def test_some_rooms_measured_again_leave_the_figures_of_the_others() -> None:
    again = sample("nats")
    again.rooms = {"before": {"leave_s": 0.2}, "this": {"leave_s": 0.2}}
    (row,) = kept([sample("nats", kill_s=3.0)], [again], is_partial=True)
    assert row.rooms["this"]["kill_s"] == 3.0 and row.rooms["this"]["leave_s"] == 0.2
    (row,) = kept([sample("nats", kill_s=3.0)], [replace(again, version="3.0")], is_partial=True)
    assert "kill_s" not in row.rooms["this"]  # of another version


def test_rounds_are_merged_into_medians_and_a_miss_stays_a_miss() -> None:
    runs = [{"a": 1.0, "b": 2, "c": True}, {"a": 5.0, "b": None, "c": False}, {"a": 2.0, "d": "x"}]
    assert merged(runs) == {"a": 2.0, "b": None, "c": False, "d": "x"}


def test_a_figure_that_is_marked_as_provisional_is_no_fact() -> None:
    line = {"type": "room", "viewers": 3}
    assert is_fact(line, 3) and not is_fact(line, 4)
    assert not is_fact({**line, "counting": True}, 3)
    assert not is_fact({**line, "confirming": 2}, 3)
    assert is_fact({**line, "counting": False, "confirming": 0}, 3)
    assert not is_fact({"type": "link"}, 3)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("mosquitto_2.0.21-1+b1", "2.0.21"),
        ("mosquitto_1:2.0.21-1", "2.0.21"),
        ("mosquitto_5.17.2+dfsg-2", "5.17.2+dfsg"),
    ],
)
def test_a_debian_version_is_told_as_upstream_has_it(
    line: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / UNPACKED).write_text(f"other_1.0-1\n{line}\n")
    assert version(tmp_path, "mosquitto") == expected
    with pytest.raises(NotHere, match="not among"):
        version(tmp_path, "nats-server")
