"""The own neutral on the live path: set by key, said on the screen's view, and nowhere else."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import struct
from pathlib import Path

import numpy as np
import pytest
from arrays import probabilities_in
from limits import until
from loopback import LoopbackHub, LoopbackLink
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineSpec
from resonance_tui.engines.still import NEUTRAL
from resonance_tui.pipeline.baseline import BaselineMode, BaselineState
from resonance_tui.pipeline.sources import Source
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.session.core import Session
from resonance_tui.session.events import SelfUpdate, SelfView, SessionEvent
from resonance_tui.session.json_events import self_json
from resonance_tui.session.plan import SessionPlan

SADDISH = np.array((0.012, 0.52, 0.41, 0.021, 0.013, 0.011, 0.013), np.float32)  # at rest


class Saddish:
    """Reads every face as half sad."""

    spec = EngineSpec("saddish", 1, 30.0, 48, 0.0, 0.4, neutral=NEUTRAL)

    def predict(self, clip: NDArray[np.uint8]) -> NDArray[np.float32]:
        return SADDISH


class Overheard(LoopbackHub):
    """Keeps what was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def carry(self, message: Outgoing) -> None:
        self.sent.append(message.payload)
        super().carry(message)


async def test_a_key_sets_the_own_neutral_which_leaves_with_the_camera_and_outlives_nothing(
    monkeypatch: pytest.MonkeyPatch,
    face_model: None,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("resonance_tui.engines.registry.create", lambda *_: Saddish())
    hub = Overheard()
    plan = SessionPlan(
        channel="room",
        nickname="ann",
        viewer_id="ann",
        boot=1,
        broker=parse_broker_url("mqtt://nowhere.invalid"),
        source=Source("demo"),
        engine="saddish",
        data_dir=tmp_path,
        baseline=BaselineMode.KEY,
        database=tmp_path / "history.sqlite",
    )
    ann = Session(plan, connect=lambda *_: LoopbackLink(hub, "room", "ann"))
    events: list[SessionEvent] = []
    ann.add_listener(events.append)
    running = asyncio.create_task(ann.run())
    try:
        await until(lambda: ann.view.me.code is Emotion.SADNESS)
        assert ann.view.baseline is BaselineState.UNUSED
        assert ann.capture_baseline()
        assert ann.view.baseline is BaselineState.WAITING
        await until(lambda: ann.view.baseline is BaselineState.KEY)
        await until(lambda: ann.view.me.code is Emotion.NEUTRAL)
        await until(lambda: ann.rows_recorded)
        leans = [value for value in ann._faces._pipeline._reader.baseline.lean if value]
        ann.set_camera(False)
        await until(lambda: ann.view.baseline is BaselineState.UNUSED)
        assert not any(ann._faces._pipeline._reader.baseline.lean)
    finally:
        running.cancel()
        await asyncio.wait([running])
    again = Session(plan, connect=lambda *_: LoopbackLink(hub, "room", "ann"))
    running = asyncio.create_task(again.run())
    try:  # nothing is there for who comes next, with the same files
        await until(lambda: again.view.me.code is Emotion.SADNESS)
        assert again.view.baseline is BaselineState.UNUSED
        assert not any(again._faces._pipeline._reader.baseline.lean)
    finally:
        running.cancel()
        await asyncio.wait([running])
    told = [each for each in events if isinstance(each, SelfUpdate)]
    lines = [json.dumps(self_json(each.t, each.me)).encode() for each in told]
    kept = files_of(tmp_path)
    assert leans and lines and hub.sent and kept
    everything = b"\n".join([*lines, caplog.text.encode(), kept, *hub.sent])
    assert {name for each in (kept, *hub.sent) for name in probabilities_in(each)} == set()
    for lean in leans:
        for form in (f"{lean:.4f}".encode(), struct.pack("<d", lean), struct.pack(">d", lean)):
            assert form not in everything


def files_of(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def test_what_is_reported_and_printed_of_oneself_has_no_place_for_a_baseline() -> None:
    assert set(self_json(0.0, SelfView())) == {
        "type",
        "t",
        "state",
        "emotion",
        "confidence",
        "probabilities",
        "latency_ms",
    }
    assert not any("baseline" in field.name for field in dataclasses.fields(SelfView))
