"""What a session without a screen says of its engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from resonance_tui.commands.headless import Printer
from resonance_tui.emotions import Emotion
from resonance_tui.messaging.connection import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session.events import (
    EngineState,
    EngineStatus,
    LinkUpdate,
    SelfUpdate,
    SelfView,
    SessionEvent,
    SessionView,
)

CONNECTED = LinkStatus(LinkState.CONNECTED)


@dataclass
class Quiet:
    """A session that only has a view."""

    view: SessionView = field(
        default_factory=lambda: SessionView(
            channel="x",
            nickname="",
            viewer_id="a",
            broker_url="",
            link=CONNECTED,
            camera=CameraStatus(CameraState.LIVE),
            engine=EngineStatus("c3d"),
        )
    )

    def add_listener(self, listener: object) -> None: ...


def test_an_untrained_engine_is_said_once_and_only_when_it_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session = Quiet()
    printer = Printer(session, as_json=True)  # type: ignore[arg-type]
    event: SessionEvent = LinkUpdate(0.0, CONNECTED)
    said = []
    for state, detail in (
        (EngineState.LOADING, "warming up"),
        (EngineState.READY, "haar"),
        (EngineState.READY, "mediapipe"),
        (EngineState.FAILED, "out of memory"),
    ):
        engine = EngineStatus("c3d", state, detail, is_trained=False)
        session.view = replace(session.view, engine=engine)
        printer.take(event)
        said.append(capsys.readouterr().err)
    assert [text.count("untrained") for text in said] == [0, 1, 0, 0]
    assert "c3d: failed out of memory" in said[-1]


def test_who_only_looks_on_is_told_nothing_of_a_camera_and_of_oneself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer(Quiet(), as_json=False, observes=True)  # type: ignore[arg-type]
    me = SelfView("paused", Emotion.AWAY, 0.0)
    for event in (SelfUpdate(0.0, me), LinkUpdate(0.0, CONNECTED)):
        printer.take(event)
    out, err = capsys.readouterr()
    assert "connected" in out and "you" not in out
    assert err == ""
    assert printer.summary() == "0 s in x: at most 0 viewers at once"
