"""The measuring end of scripts/bench_room: what it counts is what came, to everybody, once."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import patience, until

from resonance_tui.emotions import Emotion
from resonance_tui.protocol.frames import encode_report, encode_total
from resonance_tui.protocol.messages import REPORT, TOTAL
from resonance_tui.protocol.packets import publish
from resonance_tui.protocol.values import Report

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CHANNEL = "arena"
SUBACK = b"\x90\x04\x00\x01\x00\x00"


def script(name: str, file: str) -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        loader = SourceFileLoader(name, str(SCRIPTS / file))
        spec = importlib.util.spec_from_loader(name, loader)
        assert spec is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


room_load = script("room_load", "room_load.py")
room_table = script("room_table", "room_table.py")


class Nowhere(asyncio.Transport):
    def write(self, data: Any) -> None:
        pass


@given(st.lists(st.integers(0, 600), max_size=12))
def test_reports_are_told_apart_however_the_stream_is_cut(cuts: list[int]) -> None:
    async def main() -> None:
        load = room_load.Load(CHANNEL, 1, REPORT.topic.filter(channel=CHANNEL))
        line = load.lines[0]
        line.connection_made(Nowhere())
        serials = [room_load.FIRST_SERIAL + number for number in range(8)]
        for serial in serials:
            load.ledger.said[serial] = room_load.Said(time.perf_counter())
        stream = SUBACK + b"".join(
            publish(5, line.topic, encode_report(Report(serial, 1, Emotion.FEAR, 50, 2)), expiry)
            for serial, expiry in zip(serials, [None, 30] * 4, strict=True)
        )
        at = 0
        for cut in [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]:
            line.data_received(stream[at:cut])
            at = cut
        assert load.ledger.deliveries == 8
        assert [said.heard for said in load.ledger.said.values()] == [1] * 8
        assert len(load.ledger.to_all) == 8

    asyncio.run(main())


def test_a_total_tells_of_all_probes_up_to_its_number_and_of_each_once() -> None:
    async def main() -> None:
        load = room_load.Load(CHANNEL, 2, TOTAL.topic.of(CHANNEL))
        for probe in (1, 2, 3):
            load.ledger.said[probe] = room_load.Said(time.perf_counter())
        for line in load.lines:
            line.connection_made(Nowhere())
            for seq, unsure in enumerate((0, 2, 1, 2)):
                counts = (5, 0, 0, 0, 0, 0, 0, 0, unsure)
                payload = encode_total(1, seq, 1_790_000_000_000, counts)
                line.data_received(publish(5, TOTAL.topic.of(CHANNEL), payload, 10))
        assert [said.heard for said in load.ledger.said.values()] == [2, 2, 0]
        assert len(load.ledger.to_all) == 2 and len(load.ledger.delays) == 4

    asyncio.run(main())


@pytest.mark.mosquitto
async def test_every_report_reaches_every_line_of_a_mesh(mosquitto: Any) -> None:
    load = room_load.Load(CHANNEL, 6, REPORT.topic.filter(channel=CHANNEL))
    await load.enter(mosquitto.port)
    await until(lambda: load.ledger.deliveries == 6 * load.reports)
    load.ledger.clear()
    reports = load.reports
    await load.talk(0.6, 0.1)
    await until(lambda: load.ledger.deliveries >= 6 * (load.reports - reports))
    load.leave()
    reports = load.reports - reports
    assert reports >= 12
    assert load.ledger.deliveries == 6 * reports
    assert len(load.ledger.to_all) == reports
    assert all(0 < seconds < patience(5) for seconds in load.ledger.to_all)


def test_what_a_sheet_and_a_core_have_room_for() -> None:
    assert room_table.through_a_sheet(1.0) == (1, 5)
    assert room_table.through_a_sheet(5.0) == (5, 25)
    assert room_table.fit_in_a_mesh(10.0, 1.0) == 316
    assert room_table.fit_in_a_mesh(10.0, 5.0) == 707
