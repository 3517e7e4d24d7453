"""The keys of who records: remember this moment, and how late the stream is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.dialogs import TextDialog
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.screens.stream_delay import StreamDelay, Tries

from .fakes import T0, FakeLaunch, FakeSession, view
from .test_live import drawn, shown


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    while not holds():
        await pilot.pause(0.02)


def notified(app: ResonanceApp, words: str) -> Callable[[], bool]:
    return lambda: any(words in each.message for each in app._notifications)


def app_with(**changes: object) -> tuple[ResonanceApp, FakeSession]:
    session = FakeSession(view(**changes))
    return ResonanceApp(FakeLaunch(session)), session


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_key_remembers_the_moment_and_then_asks_for_a_word(size: tuple[int, int]) -> None:
    app, session = app_with(is_recording=True)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        live = app.screen
        assert isinstance(live, LiveScreen)
        live._wall_clock = lambda: T0 + 5.25
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        live._wall_clock = lambda: T0 + 99
        await pilot.press(*"falls", "enter")
        await until(pilot, notified(app, "Marked at"))
    assert session.told == [("mark", (T0 + 5.25, "falls"))]


async def test_a_mark_needs_no_word_and_escape_takes_it_back() -> None:
    app, session = app_with(is_recording=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        for key in ("escape", "enter"):
            await pilot.press("k")
            await until(pilot, lambda: isinstance(app.screen, TextDialog))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    assert [(what, text) for what, (_, text) in session.told] == [("mark", "")]


async def test_a_pasted_password_is_not_kept() -> None:
    app, session = app_with(is_recording=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))
        app.screen.query_one(Input).value = "mqtt://me:hunter2@host"
        await pilot.press("enter")
        await shown(pilot, "may hold a key or a password")
        assert isinstance(app.screen, TextDialog)
    assert session.told == []


@pytest.mark.parametrize("key", ["k", "d"])
async def test_where_nothing_is_recorded_that_is_said(key: str) -> None:
    app, session = app_with(is_recording=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press(key)
        await until(pilot, notified(app, "e starts that"))
        assert isinstance(app.screen, LiveScreen)
    assert session.told == []


async def test_a_host_marks_what_another_program_may_record() -> None:
    session = FakeSession(view(is_recording=False))
    live = LiveScreen(session, has_key=True)
    app = ResonanceApp(FakeLaunch(session))
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(live)
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, TextDialog))


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_the_delay_is_the_time_between_two_presses(size: tuple[int, int]) -> None:
    app, session = app_with(is_recording=True)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, StreamDelay))
        dialog = app.screen
        assert isinstance(dialog, StreamDelay)
        await pilot.press("enter")  # nothing was found yet
        assert app.screen is dialog
        for now in (100.0, 108.2, 120.0, 128.6, 140.0, 148.4):
            dialog._clock = lambda now=now: now
            await pilot.press("d")
        await shown(pilot, "8.4 s  (3 tries: 8.2 8.6 8.4)")
        assert "d now  enter keep  esc back" in drawn(app)
        await pilot.press("enter")
        await until(pilot, notified(app, "8.4 s late"))
    assert session.told == [("stream delay", 8.4)]


def test_one_try_that_went_wrong_does_not_count() -> None:
    tries = Tries()
    for now in (0.0, 8.0, 10.0, 10.4, 20.0, 28.2):
        tries.press(now)
    assert tries.delay_s == 8.0


def test_a_second_press_that_never_came_begins_anew() -> None:
    tries = Tries()
    tries.press(0.0)
    tries.press(5000.0)
    assert (tries.is_running, tries.delay_s) == (True, None)
    tries.press(5009.0)
    assert tries.delay_s == 9.0
