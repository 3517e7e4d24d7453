"""The truth on screen, whatever is wrong: at every size, without colour, and as pictures."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from rich.style import Style
from textual.pilot import Pilot
from textual.widgets import Button

from resonance_tui.emotions import STYLES, Emotion
from resonance_tui.engines.base import EngineState, EngineStatus
from resonance_tui.errors import RoomClosed
from resonance_tui.messaging.link_status import LinkState, LinkStatus
from resonance_tui.pipeline.sources import CameraState, CameraStatus
from resonance_tui.session import HappeningUpdate, SelfView, SessionView
from resonance_tui.session.outage import Outage
from resonance_tui.tui.alerts import Alerts
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.error import ErrorScreen
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.widgets.bars import Bars
from resonance_tui.tui.widgets.roster import Roster
from resonance_tui.tui.widgets.status import StatusBar, chips

from .fakes import FakeLaunch, FakeSession, view
from .test_flow import text_of, until
from .test_live import drawn, shown

LARGE, USUAL, SMALL, SMALLEST = (120, 40), (80, 24), (60, 15), (40, 12)
SIZES = [LARGE, USUAL, SMALL, SMALLEST]
NOW, T = 1000.0, 1_790_000_000.0
CUT = "the connection to localhost:1883 was lost"
NOBODY_THERE = "nothing listens at localhost:1883"


def cut_off() -> SessionView:
    link = LinkStatus(LinkState.LOST, CUT, NOW + 3)
    return view(link=link, outage=Outage(NOW - 40, False, CUT, NOW + 3))


def never() -> SessionView:
    link = LinkStatus(LinkState.LOST, NOBODY_THERE, NOW + 3)
    outage = Outage(NOW - 5, True, NOBODY_THERE, NOW + 3)
    return view(0, link=link, outage=outage, me=SelfView(), resonance=None)


def happened() -> SessionView:
    return view(
        happenings=(
            HappeningUpdate(T - 130, "link_back", "connected again after 0:40"),
            HappeningUpdate(T - 70, "laugh", "the room laughs", (), 9),
            HappeningUpdate(T - 5, "joined", "Mia, Zoë and 3 more came", ("Mia", "Zoë"), 5),
        )
    )


CAMERAS = {
    "no camera": CameraStatus(CameraState.MISSING, "camera 0", "There is no camera 0.", NOW + 4),
    "camera busy": CameraStatus(CameraState.BUSY, "camera 0", "Another program has it.", NOW + 4),
    "camera lost": CameraStatus(CameraState.LOST, "camera 0", "It was unplugged.", NOW + 4),
    "camera off": CameraStatus(CameraState.OFF, "camera 0", "switched off"),
}
FAILED = EngineStatus("zoo", EngineState.FAILED, "torch is not installed")
ABSENT = {
    **{word: view(camera=camera, me=SelfView()) for word, camera in CAMERAS.items()},
    "engine not there": view(engine=FAILED, me=SelfView()),
    "paused": view(is_sharing=False, me=SelfView("paused")),
}


async def opened(pilot: Pilot, first: SessionView, **more) -> FakeSession:
    """The live room on screen, at NOW and T."""
    session = FakeSession(first)
    if first.outage is not None and first.outage.is_first:
        session.history = ()
    screen = LiveScreen(session, clock=lambda: NOW, wall_clock=lambda: T, **more)  # type: ignore[arg-type]
    await pilot.app.push_screen(screen)
    await pilot.pause(0.1)
    return session


def own_line(text: str) -> str:
    """The own line of the roster, where there is a roster."""
    return next((line for line in text.splitlines() if "lucky-he" in line), "")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", [True, False])
async def test_a_lost_connection_makes_everything_old(
    size: tuple[int, int], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=size) as pilot:
        session = await opened(pilot, cut_off())
        await shown(pilot, "✕ not connected for 0:40, ")
        text = drawn(app)
        assert "old" in text and "✕ not connected" in text.splitlines()[0]
        assert " here" not in text and "▲ sharing" not in text and "◉" not in text
        assert "24 viewers" in text, "what was seen last stays"
        assert ("as of 0:40 ago" in text) == (size in (LARGE, USUAL))
        session.view = view()
        await shown(pilot, "● connected")
        while "old" in drawn(app):  # the notice goes with the next layout
            await pilot.pause(0.02)
        text = drawn(app)
        assert "24 viewers" in text and "▲ sharing" in text


async def test_old_panels_are_grey_and_get_their_colour_back() -> None:
    emotions = {Style(color=look.color).color for look in STYLES.values()}

    def colours(app: ResonanceApp) -> set[object]:
        lines = (
            strip for panel in (Bars, Roster) for strip in strips_of(app.screen.query_one(panel))
        )
        return {segment.style.color for strip in lines for segment in strip if segment.style}

    def strips_of(panel: Bars | Roster):
        return [panel.render_line(y) for y in range(panel.size.height)]

    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=LARGE) as pilot:
        session = await opened(pilot, view())
        assert colours(app) & emotions
        session.view = cut_off()
        await shown(pilot, "what you see is old")
        assert not colours(app) & emotions
        session.view = view()
        await shown(pilot, "● connected")
        assert colours(app) & emotions


@pytest.mark.parametrize("size", SIZES)
async def test_a_first_connection_that_fails_says_what_why_and_when(size: tuple[int, int]) -> None:
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, never())
        await shown(pilot, "✕ not connected")
        text = " ".join(drawn(app).split())
        for words in ("not connected yet: nothing listens at localhost:1883;", "next try in 3 s"):
            assert words in text, words
        for lie in ("lost", "old", "0 viewers", "0 here", "Nobody is here", "▲ sharing", "0 %"):
            assert lie not in text, lie


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("words", ABSENT)
async def test_why_no_emotion_is_read_is_said_in_its_own_word(
    size: tuple[int, int], words: str
) -> None:
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, ABSENT[words])
        await shown(pilot, f"· {words}")
        text = drawn(app)
        assert "no face in view" not in text
        if size != SMALLEST:
            short = "no engine" if words == "engine not there" else words
            assert short in own_line(text), "the roster says what the panel says"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("me", "panel", "line"),
    [
        (SelfView("ok", Emotion.FEAR, 0.505), "◊ fear 50 %", "fear"),
        (SelfView("unsure", Emotion.UNSURE, 0.2), "? unsure", "unsure"),
        (SelfView("ok", Emotion.ANGER, 1.0, is_manual=True), "▲ anger 100 %", "anger"),
        (SelfView("ok", Emotion.ANGER, 0.7, is_simulated=True), "▲ anger 70 %", "anger"),
    ],
)
async def test_the_own_line_follows_the_own_panel(
    size: tuple[int, int], me: SelfView, panel: str, line: str
) -> None:
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=size) as pilot:
        await opened(pilot, view(me=me))
        await shown(pilot, panel)
        text = drawn(app)
        notes = {"key": me.is_manual, "sim": me.is_simulated}
        if size != SMALLEST:
            own = own_line(text)
            assert line in own and (f"{round(100 * me.confidence)}%" in own) == me.code.is_emotion
            for mark, is_shown in notes.items():
                assert (f" {mark}" in own[:48]) == is_shown, mark
        if size in (LARGE, USUAL):
            panel_line = next(each for each in text.splitlines() if panel in each)
            beside = panel_line.partition(panel)[2]
            for mark, is_shown in notes.items():
                assert (mark in beside) == is_shown, mark


@pytest.mark.parametrize("size", [LARGE, USUAL, SMALL])
async def test_what_happens_has_a_line(size: tuple[int, int]) -> None:
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=size) as pilot:
        session = await opened(pilot, view())
        before = drawn(app)
        session.view = happened()
        await shown(pilot, "→ Mia, Zoë and 3 more came · just now")
        text = drawn(app)
        assert ("☺ the room laughs · 1 min ago" in text) == (size != SMALL)
        changed = [a for a, b in zip(before.splitlines(), text.splitlines(), strict=True) if a != b]
        assert changed == [""], "nothing else moves"


@pytest.mark.parametrize("kind", ["laugh", "host", "link_lost", "recording_on"])
async def test_the_bell_rings_once_where_it_is_wanted(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(ResonanceApp, "bell", lambda self: rung.append("ring"))
    app = ResonanceApp(FakeLaunch(channel=None))
    event = HappeningUpdate(T, kind, "something")  # type: ignore[arg-type]
    async with app.run_test(size=USUAL) as pilot:
        session = await opened(pilot, view())
        session.listeners[-1](event)
        assert rung == [], "off unless asked for"
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=USUAL) as pilot:
        session = await opened(pilot, view(), alerts=Alerts(bell=True))
        session.listeners[-1](event)
        session.listeners[-1](event)
        assert rung == ([] if kind == "recording_on" else ["ring"])


async def test_the_bell_has_a_key_and_notifications_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(ResonanceApp, "bell", lambda self: rung.append("ring"))
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test(size=USUAL, notifications=True) as pilot:
        session = await opened(pilot, view())
        await pilot.press("l")
        await shown(pilot, "The bell is on.")
        session.listeners[-1](HappeningUpdate(T, "laugh", "the room laughs"))
        assert rung == ["ring"]
        await pilot.press("l")
        await shown(pilot, "The bell is off.")
        await pilot.press("ctrl+p")
        await shown(pilot, "Bell on or off")
        await pilot.press(*"notif")
        await shown(pilot, "Notifications on or off")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        await shown(pilot, "Notifications are on.")


async def test_of_a_session_that_has_ended_nothing_is_said_to_go_on() -> None:
    over = view(link=LinkStatus(LinkState.CLOSED))
    words = [chip.long for line in chips(over, NOW) for chip in line]
    assert "○ left" in words and "‖ nothing is shared" in words
    assert not any("here" in each or "▲" in each for each in words)


class Ended(FakeSession):
    """Ends as a session does: its view says so, and then it raises."""

    async def run(self) -> None:
        await asyncio.sleep(0)
        self.view = replace(self.view, link=LinkStatus(LinkState.CLOSED))
        raise RoomClosed("See you next week.")


async def test_below_the_words_of_an_end_nothing_is_said_to_be_shared() -> None:
    app = ResonanceApp(FakeLaunch(Ended(view())))
    async with app.run_test(size=USUAL) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        live = next(each for each in app.screen_stack if isinstance(each, LiveScreen))
        bar = live.query_one(StatusBar)
        said = "\n".join(bar.render_line(y).text for y in range(bar.size.height))
        assert "left" in said and "nothing is shared" in said and "connected" not in said


async def test_what_is_final_offers_no_retry() -> None:
    launch = FakeLaunch(FakeSession(view(), failure=RoomClosed("See you next week.")))
    app = ResonanceApp(launch)
    async with app.run_test(size=USUAL) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await until(pilot, lambda: list(app.screen.query(Button)))
        assert text_of(app.screen, "#message") == "See you next week."
        assert "Room" in text_of(app.screen, ".card-title")
        assert [button.id for button in app.screen.query(Button)] == ["channel", "quit"]
        await pilot.press("r", "enter")
        await pilot.pause(0.2)
        assert isinstance(app.screen, ErrorScreen) and len(launch.opened) == 1
        await pilot.press("q")
        await pilot.pause()
    assert app.return_code == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["cut_off", "never", "happened"])
def test_pictures(snap_compare, size: tuple[int, int], state: str) -> None:
    first = {"cut_off": cut_off, "never": never, "happened": happened}[state]()

    async def opening(pilot: Pilot) -> None:
        await opened(pilot, first)

    app = ResonanceApp(FakeLaunch(channel=None))
    assert snap_compare(app, terminal_size=size, run_before=opening)


@pytest.mark.parametrize("size", SIZES)
def test_a_picture_without_colour(
    snap_compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def opening(pilot: Pilot) -> None:
        await opened(pilot, cut_off())

    app = ResonanceApp(FakeLaunch(channel=None))
    assert snap_compare(app, terminal_size=size, run_before=opening)
