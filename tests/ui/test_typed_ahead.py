"""Keys in bursts, as a terminal delivers what was typed while a screen opened: on every screen, no
order of them ends the app with an error, or asks one screen for two answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.events import Key
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from resonance_tui.errors import BrokerUnreachable
from resonance_tui.history.loading import Request
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.join_context import ListedRoom
from resonance_tui.tui.patience import PatientApp, PatientPalette, PatientScreen
from resonance_tui.tui.screens.history import HistoryApp, HistoryScreen

from .fakes import FakeLaunch, FakeSession, view
from .test_flow import text_of, until

EVENING = 1_795_371_000
OPENING = ("h", "question_mark", "s", "ctrl+p", "ctrl+r", "f5", "r", "y", "n")
LEAVING = ("escape", "q", "ctrl+q", "ctrl+c", "enter")
WITHIN = ("c", "p", "v", "m", "g", "e", "0", "1", "right", "plus", "down", "tab", "backspace")
KEYS = st.one_of(st.sampled_from(OPENING), st.sampled_from(LEAVING), st.sampled_from(WITHIN))
BURSTS = st.lists(st.lists(KEYS, min_size=1, max_size=6), min_size=1, max_size=3)
Start = Callable[[Path], App[None]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "history.sqlite"
    with Store(path) as store:
        for evening in (EVENING, EVENING + 86_400):
            moods = ((4, 0, 3, 0, 0, 0, 0), (0, 3, 3, 0, 1, 0, 0))
            store.append(
                Sample("movie-night", evening + t, 7, moods[t // 100 % 2], 0, 0) for t in range(300)
            )
    return path


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports go there, and pictures are not painted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("resonance_tui.charting.image.save_picture", lambda *_: tmp_path / "1.png")


def resonance(database: Path, launch: FakeLaunch) -> ResonanceApp:
    return ResonanceApp(launch, lambda channel: HistoryScreen(Request(database, channel, zone=UTC)))


def asked(database: Path) -> ResonanceApp:
    return resonance(database, FakeLaunch(needs_consent=True, channel=None))


def choosing(database: Path) -> ResonanceApp:
    return resonance(database, FakeLaunch(channel=None, found=[ListedRoom("movie-night", 3)]))


def live(database: Path) -> ResonanceApp:
    return resonance(database, FakeLaunch())


def failing(database: Path) -> ResonanceApp:
    failure = BrokerUnreachable("Nobody listens there.", "Start a broker.")
    return resonance(database, FakeLaunch(FakeSession(view(3), failure)))


def history(database: Path) -> HistoryApp:
    return HistoryApp(Request(database, "movie-night", zone=UTC))


def type_ahead(app: App[None], *keys: str) -> None:
    """All at once, before the app has seen the first of them."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


async def settled(pilot: Pilot[None]) -> None:
    for _ in range(3):
        if not pilot.app.is_running:
            return
        await pilot.pause()


async def survives(app: App[None], bursts: list[list[str]]) -> None:
    """`run_test` raises what ended the app."""
    async with app.run_test(size=(80, 24)) as pilot:
        for burst in bursts:
            type_ahead(app, *burst)
            await settled(pilot)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("start", [asked, choosing, live, failing, history])
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bursts=BURSTS)
@example(bursts=[["q", "h"]])
@example(bursts=[["h", "q", "h", "escape", "question_mark", "q", "h"]])
@example(bursts=[["h"], ["s", "enter", "escape", "s", "q", "q"]])
@example(bursts=[["escape", "escape", "n", "n"]])
@example(bursts=[["ctrl+p", "q", "escape"], ["ctrl+p", "backspace", "1", "h", "s", "right"]])
def test_no_burst_is_an_error(database: Path, start: Start, bursts: list[list[str]]) -> None:
    asyncio.run(survives(start(database), bursts))


async def test_keys_behind_quit_open_nothing() -> None:
    opened: list[str] = []

    def history_of(channel: str) -> Screen[None]:
        opened.append(channel)
        return Screen()

    app = ResonanceApp(FakeLaunch(), history_of)
    async with app.run_test() as pilot:
        type_ahead(app, "q", "h", "h")
        await until(pilot, lambda: not app.is_running)
    assert (app.return_code, opened) == (0, [])


async def test_a_session_picked_and_put_away_at_once_leaves_the_history_open(
    database: Path,
) -> None:
    app = live(database)
    async with app.run_test() as pilot:
        await pilot.press("h")
        await until(pilot, lambda: text_of(app.screen, "#title").startswith("movie-night · "))
        type_ahead(app, "s", "enter", "escape")
        await settled(pilot)
        assert isinstance(app.screen, HistoryScreen)


async def test_the_palette_opens_above_a_screen_that_came_over_another_palette() -> None:
    app = PatientApp()
    async with app.run_test() as pilot:
        app.action_command_palette()
        await pilot.pause()
        await app.push_screen(Screen())
        app.action_command_palette()
        await pilot.pause()
        assert [type(each) for each in app.screen_stack[1::2]] == [PatientPalette] * 2


class Drawing(PatientScreen[None]):
    """Asks for its widget as often as it can."""

    def compose(self) -> ComposeResult:
        yield Static(id="picture")

    def on_mount(self) -> None:
        self.run_worker(self._draw)

    async def _draw(self) -> None:
        while True:
            self.query_one("#picture")
            await asyncio.sleep(0)


async def test_the_workers_of_a_screen_end_before_its_widgets() -> None:
    app = PatientApp()
    async with app.run_test() as pilot:
        screen = Drawing()
        await app.push_screen(screen)
        screen.dismiss()
        await until(pilot, lambda: not screen.is_running)
        assert not app.workers
