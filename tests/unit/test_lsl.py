"""A room as streams of the Lab Streaming Layer, read back by an inlet of the library."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from limits import patience
from xdf_recording import write_xdf

from resonance_tui.errors import ExtraMissing, ResonanceError
from resonance_tui.room.state import EMPTY_ROOM, RoomSnapshot
from resonance_tui.session import lsl
from resonance_tui.session.events import HappeningUpdate, NoticeUpdate, RoomUpdate
from resonance_tui.session.lsl import COUNTS, LslOutlet

CHANNEL = f"test-{os.getpid()}"


def room(*counts: int, unsure: int = 0, away: int = 0) -> RoomSnapshot:
    seven = (*counts, *(0,) * (7 - len(counts)))
    total = sum(seven) + unsure + away
    return RoomSnapshot(total, seven, unsure, away, (), frozenset(), frozenset())


@pytest.fixture
def pylsl() -> Any:
    return pytest.importorskip("pylsl", reason="pylsl is not installed")


@pytest.fixture
def outlet(pylsl: Any) -> Iterator[LslOutlet]:
    if sys.platform != "linux":
        pytest.skip("sockets are bound to the loopback device on Linux alone")
    made = LslOutlet(CHANNEL)
    yield made
    made.close()


def inlet(pylsl: Any, name: str) -> Any:
    """Connected: from now on it gets every sample."""
    (found,) = pylsl.resolve_byprop("name", f"{name}-{CHANNEL}", 1, patience(20))
    made = pylsl.StreamInlet(found)
    made.open_stream(20)
    return made


def pulled(inlet: Any, count: int) -> list[list[Any]]:
    samples = [inlet.pull_sample(timeout=patience(20)) for _ in range(count)]
    assert inlet.pull_sample(timeout=0.0) == (None, None)
    return [sample for sample, _ in samples]


def test_what_happens_is_text_and_names_nobody(pylsl: Any, outlet: LslOutlet) -> None:
    markers = inlet(pylsl, lsl.MARKERS)
    now = time.time()
    outlet.take(HappeningUpdate(now, "joined", "Mia came", ("Mia",), 1))
    outlet.take(NoticeUpdate(now, "Mia is muted"))
    outlet.take(RoomUpdate(now, room(1)))
    outlet.take(RoomUpdate(now, room(2)))
    outlet.take(HappeningUpdate(now, "laugh", "2 laugh", people=2))
    outlet.take(RoomUpdate(now, room(0, 0, 3)))
    outlet.take(RoomUpdate(now, room(away=3)))
    assert pulled(markers, 5) == [
        ["joined"], ["leading:happiness"], ["laugh"], ["leading:neutral"], ["leading:none"],
    ]  # fmt: skip
    info = markers.info()
    assert (info.type(), info.nominal_srate()) == ("Markers", 0.0)


def test_counts_are_numbers_with_their_labels(pylsl: Any, outlet: LslOutlet) -> None:
    numbers = inlet(pylsl, lsl.NUMBERS)
    now = time.time()
    counting = RoomSnapshot(
        9, (9, 0, 0, 0, 0, 0, 0), 0, 0, (), *(frozenset(),) * 2, is_counting=True
    )
    for each in (counting, room(1, 2, unsure=1), room(1, 2, unsure=1), room(0, 0, 5, away=2)):
        outlet.take(RoomUpdate(now, each))
    assert pulled(numbers, 2) == [[4, 1, 2, 0, 0, 0, 0, 0, 1, 0], [7, 0, 0, 5, 0, 0, 0, 0, 0, 2]]
    described = numbers.info().desc().child("channels").child("channel")
    labels = []
    for _ in COUNTS:
        labels.append(described.child_value("label"))
        described = described.next_sibling()
    assert tuple(labels) == COUNTS


def test_a_sample_has_the_time_of_its_event(pylsl: Any, outlet: LslOutlet) -> None:
    markers = inlet(pylsl, lsl.MARKERS)
    outlet.take(HappeningUpdate(time.time() - 3, "gasp", "2 gasp", people=2))
    _, stamp = markers.pull_sample(timeout=patience(20))
    assert pylsl.local_clock() - stamp == pytest.approx(3, abs=1)


def test_counts_that_stay_are_told_again_while_there_is_a_connection(
    pylsl: Any, outlet: LslOutlet
) -> None:
    numbers = inlet(pylsl, lsl.NUMBERS)
    passed = 0.0
    outlet._clock = lambda: pylsl.local_clock() + passed  # pyright: ignore[reportPrivateUsage]
    now = time.time()
    outlet.take(RoomUpdate(now, room(1)))
    for kind in ("laugh", "link_lost", "gasp", "link_back"):
        passed += lsl.REPEAT_S
        outlet.take(HappeningUpdate(now, kind, kind))
        for _ in range(2):
            outlet.take(RoomUpdate(now, room(1)))
    assert len(pulled(numbers, 3)) == 3  # the first, after the laugh, after the outage


def test_rooms_of_one_name_on_two_brokers_are_two_streams(pylsl: Any, outlet: LslOutlet) -> None:
    others = [LslOutlet(CHANNEL, origin="mqtt://elsewhere"), LslOutlet(f"{CHANNEL}-b")]
    found = pylsl.resolve_bypred(f"starts-with(name, '{lsl.MARKERS}-{CHANNEL}')", 3, patience(20))
    inlets = [pylsl.StreamInlet(each, recover=False) for each in found]
    for each in inlets:
        each.open_stream(20)
    for number, each in enumerate((outlet, *others)):
        each.take(HappeningUpdate(time.time(), "laugh" if number else "gasp", ""))
    said = [each.pull_sample(timeout=patience(20))[0] for each in inlets]
    assert sorted(said) == [["gasp"], ["laugh"], ["laugh"]]
    assert len({each.source_id() for each in found}) == 3
    for each in others:
        each.close()


def test_a_recording_is_read_back_by_pyxdf(pylsl: Any, outlet: LslOutlet, tmp_path: Path) -> None:
    pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is not installed")
    markers, numbers = (inlet(pylsl, name) for name in (lsl.MARKERS, lsl.NUMBERS))
    now = time.time()
    outlet.take(RoomUpdate(now - 3, room(2, 1, unsure=1, away=2)))
    outlet.take(HappeningUpdate(now - 2, "laugh", "2 laugh", people=2))
    outlet.take(RoomUpdate(now - 1, room(0, 0, 3, unsure=4)))
    recorded = [
        (each, [each.pull_sample(patience(20)) for _ in range(count)], each.time_correction(20))
        for each, count in ((markers, 3), (numbers, 2))
    ]
    write_xdf(tmp_path / "room.xdf", recorded)
    streams, _ = pyxdf.load_xdf(str(tmp_path / "room.xdf"))
    texts, counts = sorted(streams, key=lambda each: each["info"]["type"][0], reverse=True)
    assert texts["info"]["name"] == [f"resonance-{CHANNEL}"]
    assert texts["time_series"] == [["leading:happiness"], ["laugh"], ["leading:neutral"]]
    assert counts["time_series"].tolist() == [
        [6, 2, 1, 0, 0, 0, 0, 0, 1, 2],
        [7, 0, 0, 3, 0, 0, 0, 0, 4, 0],
    ]
    assert counts["info"]["type"] == ["Emotions"]
    assert float(counts["info"]["nominal_srate"][0]) == 0.0  # irregular
    channels = counts["info"]["desc"][0]["channels"][0]["channel"]
    assert tuple(each["label"][0] for each in channels) == COUNTS
    assert texts["time_stamps"][1] - counts["time_stamps"][0] == pytest.approx(1, abs=0.2)
    assert counts["time_stamps"][1] - texts["time_stamps"][1] == pytest.approx(1, abs=0.2)


def test_other_machines_cannot_connect(outlet: LslOutlet) -> None:
    bound: list[bytes] = []
    for number in lsl._sockets():  # pyright: ignore[reportPrivateUsage]
        with socket.socket(fileno=os.dup(number)) as found:
            is_listening = found.family in (socket.AF_INET, socket.AF_INET6) and (
                found.type == socket.SOCK_DGRAM
                or found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            )
            if is_listening and found.getsockname()[1] in range(16571, 16605):
                bound.append(found.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16))
    assert len(bound) >= 4
    assert set(bound) == {b"lo\0"}


def test_where_that_cannot_be_kept_there_is_no_stream(
    pylsl: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lsl, "_sockets", set)
    with pytest.raises(ResonanceError, match="every network") as caught:
        LslOutlet(CHANNEL)
    assert "Allow other machines" in caught.value.hint
    LslOutlet(CHANNEL, is_local=False).close()


def test_a_closed_outlet_takes_events_and_says_nothing(outlet: LslOutlet) -> None:
    outlet.close()
    outlet.take(RoomUpdate(time.time(), room(1)))
    outlet.take(RoomUpdate(time.time(), EMPTY_ROOM))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylsl", None)
    with pytest.raises(ExtraMissing, match="pylsl"):
        LslOutlet(CHANNEL)
