"""What a session without a screen says of its engine."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import click
import pytest

from resonance_tui.commands import headless
from resonance_tui.commands.headless import Printer, run
from resonance_tui.commands.log import status_text
from resonance_tui.emotions import Emotion
from resonance_tui.engines.base import EngineState, EngineStatus
from resonance_tui.errors import BrokerUnreachable
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.room.state import EMPTY_ROOM
from resonance_tui.session.events import (
    HappeningUpdate,
    LinkUpdate,
    NoticeUpdate,
    RoomUpdate,
    SelfUpdate,
    SelfView,
    SessionEvent,
    SessionView,
)
from resonance_tui.session.outage import Outage

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


def test_what_was_never_a_fact_is_no_figure_of_the_summary(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer(Quiet(), as_json=False, observes=True)  # type: ignore[arg-type]
    counting = replace(EMPTY_ROOM, viewers=1, away=1, is_counting=True)
    printer.take(RoomUpdate(0.0, counting))
    assert printer.summary() == "0 s in x: too short to know who is there"
    printer.take(RoomUpdate(1.0, replace(counting, viewers=3, away=3, is_counting=False)))
    assert printer.summary() == "0 s in x: at most 3 viewers at once"
    said = capsys.readouterr().out.splitlines()
    assert [line.partition("  ")[2] for line in said] == [
        "room  1 viewer: away 1; counting ...",
        "room  3 viewers: away 3",
    ]


def test_a_first_connection_that_fails_was_not_lost(capsys: pytest.CaptureFixture[str]) -> None:
    session = Quiet()
    printer = Printer(session, as_json=False, observes=True)  # type: ignore[arg-type]
    lost = LinkStatus(LinkState.LOST, "nothing listens at localhost:1883")
    for is_first in (True, False):
        session.view = replace(session.view, outage=Outage(0.0, is_first))
        printer.take(LinkUpdate(0.0, lost))
    first, later = capsys.readouterr().out.splitlines()
    assert first.endswith("link  not connected yet  nothing listens at localhost:1883")
    assert later.endswith("link  lost  nothing listens at localhost:1883")


def test_what_happens_is_a_line_and_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    event = HappeningUpdate(1.0, "joined", "Mia came", ("Mia",), 1)
    for as_json in (False, True):
        printer = Printer(Quiet(), as_json=as_json, observes=True)  # type: ignore[arg-type]
        printer.take(event)
        printer.take(event)
    text, again, *objects = capsys.readouterr().out.splitlines()
    assert text.endswith("  event Mia came") and again.endswith("  event Mia came")
    assert [json.loads(line)["type"] for line in objects] == ["event", "event"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time as `headless` sees it, to be set."""
    now = [100.0]
    monkeypatch.setattr(headless.time, "monotonic", lambda: now[0])
    return now


def room(viewers: int) -> RoomUpdate:
    return RoomUpdate(0.0, replace(EMPTY_ROOM, viewers=viewers, away=viewers))


def test_as_text_a_subject_has_a_line_in_ten_seconds_and_only_where_it_changed(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    printer = Printer(Quiet(), as_json=False, observes=True)  # type: ignore[arg-type]
    for second in range(35):
        clock[0] = 100.0 + second
        printer.take(room(viewers=second if second < 25 else 25))
    lines = [line.split("  ")[2].split()[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["0", "10", "20", "25"]


def test_every_zero_is_a_line_for_each_change(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    printer = Printer(Quiet(), as_json=False, observes=True, every_s=0.0)  # type: ignore[arg-type]
    for viewers in (1, 1, 2, 1):
        printer.take(room(viewers))
    assert len(capsys.readouterr().out.splitlines()) == 3


def reads() -> Quiet:
    """A session whose engine is ready."""
    session = Quiet()
    session.view = replace(session.view, engine=EngineStatus("c3d", EngineState.READY))
    return session


def test_the_summary_goes_by_time_and_not_by_how_often_one_was_told(clock: list[float]) -> None:
    printer = Printer(reads(), as_json=True)  # type: ignore[arg-type]
    for step in range(30):  # a second of many frames
        clock[0] = 100.0 + step / 30
        printer.take(SelfUpdate(0.0, SelfView("ok", Emotion.SURPRISE, 0.9)))
    for second in range(3):  # three of few
        clock[0] = 101.0 + second
        printer.take(SelfUpdate(0.0, SelfView("ok", Emotion.NEUTRAL, 0.9)))
    clock[0] = 104.0
    assert printer.summary().endswith("; you: neutral 75%, surprise 25%")


@pytest.mark.parametrize(
    "view",
    [
        {"camera": CameraStatus(CameraState.OPENING)},
        {"engine": EngineStatus("c3d", EngineState.LOADING)},
    ],
)
def test_nothing_is_said_of_oneself_before_anything_can_be_read(
    view: dict[str, Any], clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    session = reads()
    ready = session.view
    session.view = replace(ready, **view)
    printer = Printer(session, as_json=False)  # type: ignore[arg-type]
    printer.take(SelfUpdate(0.0, SelfView()))
    clock[0], session.view = 101.0, ready
    printer.take(SelfUpdate(0.0, SelfView("ok", Emotion.HAPPINESS, 0.9)))
    clock[0] = 102.0
    assert [line.split()[-3] for line in capsys.readouterr().out.splitlines()] == ["happiness"]
    assert printer.summary().endswith("you: happiness 100%")


def test_as_json_everything_is_told_however_often(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    printer = Printer(Quiet(), as_json=True)  # type: ignore[arg-type]
    for _ in range(5):
        printer.take(room(1))
        printer.take(SelfUpdate(0.0, SelfView()))
        printer.take(LinkUpdate(0.0, CONNECTED))
    assert len(capsys.readouterr().out.splitlines()) == 15


def test_as_text_attempts_that_fail_in_the_same_way_are_one_line(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    printer = Printer(Quiet(), as_json=False)  # type: ignore[arg-type]
    for _ in range(4):
        printer.take(LinkUpdate(0.0, LinkStatus(LinkState.LOST, "nobody there", 1.0)))
        printer.take(LinkUpdate(0.0, LinkStatus(LinkState.CONNECTING)))
    printer.take(LinkUpdate(0.0, CONNECTED))
    said = [line.split("  ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert said == ["link  lost  nobody there", "link  connected"]


class Cut(Quiet):
    """Never gets a connection; ends by itself after `turns` of the loop, or never."""

    def __init__(self, turns: float = math.inf) -> None:
        super().__init__()
        self.view = replace(self.view, broker_url="mqtt://nowhere")
        self.listeners: list[Callable[[SessionEvent], None]] = []
        self.turns = turns
        self.tried = asyncio.Event()

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:  # type: ignore[override]
        self.listeners.append(listener)

    async def run(self) -> None:
        while self.turns > 0:
            self.turns -= 1
            for listener in self.listeners:
                listener(LinkUpdate(0.0, LinkStatus(LinkState.LOST, "nobody there")))
            self.tried.set()
            await asyncio.sleep(0)


@pytest.mark.parametrize(("turns", "duration"), [(3, None), (math.inf, 0.05)])
async def test_who_was_never_connected_ends_with_why(turns: float, duration: float | None) -> None:
    with pytest.raises(BrokerUnreachable) as caught:
        await run(Cut(turns), as_json=True, duration=duration)  # type: ignore[arg-type]
    assert "mqtt://nowhere" in caught.value.message and caught.value.hint == "nobody there"


async def test_ctrl_c_before_the_first_connection_says_why_there_was_none() -> None:
    session = Cut()
    task = asyncio.create_task(run(session, as_json=True, duration=None))  # type: ignore[arg-type]
    await session.tried.wait()
    task.cancel()
    with pytest.raises(BrokerUnreachable):
        await task


async def test_ctrl_c_once_connected_is_an_interruption() -> None:
    session = Live()
    task = asyncio.create_task(run(session, as_json=True, duration=None))  # type: ignore[arg-type]
    await session.ticked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class Live(Quiet):
    """Tells its listener of the same event until it is ended."""

    def __init__(self) -> None:
        super().__init__()
        self.listeners: list[Callable[[SessionEvent], None]] = []
        self.is_over = False
        self.ticked = asyncio.Event()

    def add_listener(self, listener: Callable[[SessionEvent], None]) -> None:  # type: ignore[override]
        self.listeners.append(listener)

    async def run(self) -> None:
        try:
            while True:
                for listener in self.listeners:
                    listener(LinkUpdate(0.0, CONNECTED))
                self.ticked.set()
                await asyncio.sleep(0)
        finally:
            self.is_over = True


@pytest.mark.parametrize("error", [BrokenPipeError(32, "no reader"), OSError(28, "no room")])
async def test_a_stream_that_takes_no_more_ends_the_session_with_its_error(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    printed: list[str] = []

    def echo(text: str, err: bool = False) -> None:
        printed.append(text)
        if not err and len(printed) > 3:
            raise error

    monkeypatch.setattr(click, "echo", echo)
    session = Live()
    with pytest.raises(OSError) as caught:
        await run(session, as_json=True, duration=20)  # type: ignore[arg-type]
    assert caught.value is error
    assert session.is_over
    assert [text for text in printed if "at most" in text] == printed[-1:], "the summary is last"
    assert len(printed) < 9, "nothing is tried again"


async def test_who_is_cancelled_while_the_stream_fails_stays_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def echo(text: str, err: bool = False) -> None:
        if not err:
            task.cancel()
            raise BrokenPipeError(32, "no reader")

    monkeypatch.setattr(click, "echo", echo)
    task = asyncio.create_task(run(Live(), as_json=True, duration=20))  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await task


def test_an_address_of_a_notice_is_told_without_a_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer(Quiet(), as_json=True)  # type: ignore[arg-type]
    printer.take(NoticeUpdate(0.0, "One runs here while you stay.", "mqtt://127.0.0.1:1883"))
    printer.take(NoticeUpdate(0.0, "Recording again."))
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "note: One runs here while you stay: mqtt://127.0.0.1:1883",
        "note: Recording again.",
    ]


@pytest.mark.parametrize(
    ("unknown", "word"),
    [({"confirming": 17}, "confirming 17 ..."), ({"is_counting": True}, "counting ...")],
)
def test_a_number_of_viewers_that_is_no_fact_yet_says_so(
    unknown: dict[str, Any], word: str
) -> None:
    seen = replace(EMPTY_ROOM, **unknown)
    assert headless.room_text(RoomUpdate(0.0, seen, None, None)) == f"room  {word}"
    one = replace(seen, viewers=1, away=1)
    assert headless.room_text(RoomUpdate(0.0, one)) == f"room  1 viewer: away 1; {word}"
    assert word in status_text(replace(Quiet().view, room=seen), 5)
    assert word not in headless.room_text(RoomUpdate(0.0, EMPTY_ROOM, None, None))
