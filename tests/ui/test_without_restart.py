"""Nickname, camera, recording, room and theme change while the room goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from resonance_tui.pipeline.sources import Source
from resonance_tui.tui.actions import LIVE
from resonance_tui.tui.alerts import Alerts
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.consent import ConsentScreen
from resonance_tui.tui.screens.dialogs import ChoiceDialog, NicknameDialog
from resonance_tui.tui.screens.help import HelpScreen
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.screens.lobby import LobbyScreen

from .fakes import FakeLaunch, FakeSession, view


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    while not holds():
        await pilot.pause(0.01)


async def in_the_room(app: ResonanceApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.launch.session.is_running)


STAYS = [
    action.keys[0]
    for action in LIVE
    if action.keys and not action.name.startswith(("quit", "other_room"))
]


@pytest.mark.parametrize("key", STAYS)
async def test_the_room_goes_on_whatever_is_pressed(key: str) -> None:
    launch = FakeLaunch(FakeSession(view()))
    app = ResonanceApp(launch, history=lambda _: HelpScreen(LIVE))
    async with app.run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press(key, key)
        await pilot.pause(0.2)
        assert launch.session.is_running
        while not isinstance(app.screen, LiveScreen):
            await pilot.press("escape")
        assert launch.session.is_running and app.is_running


async def test_cameras_that_are_found_late_are_not_offered_in_another_room() -> None:
    launch, found = FakeLaunch(FakeSession(view())), asyncio.Event()

    async def cameras() -> list[Source]:
        await found.wait()
        return [Source("demo")]

    launch.cameras = cameras
    async with (app := ResonanceApp(launch)).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("v", "o")
        await until(pilot, lambda: isinstance(app.screen, LobbyScreen))
        launch.session = FakeSession(view())
        await pilot.press(*"music", "enter")
        await in_the_room(app, pilot)
        found.set()
        await pilot.pause(0.2)
        assert isinstance(app.screen, LiveScreen)


async def test_where_no_camera_was_asked_for_the_key_says_how_to_choose_one() -> None:
    launch = FakeLaunch(FakeSession(view()))
    launch.session.set_source(Source("none"))
    async with (app := ResonanceApp(launch)).run_test(notifications=True) as pilot:
        await in_the_room(app, pilot)
        await pilot.press("c")
        await until(pilot, lambda: any("v lists" in each.message for each in app._notifications))
        assert ("camera", True) not in launch.session.told


async def test_recording_goes_on_and_off() -> None:
    launch = FakeLaunch(FakeSession(view(is_recording=False)))
    async with (app := ResonanceApp(launch)).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("e", "e")
        assert launch.session.told == [("recording", True), ("recording", False)]


async def test_another_nickname_is_checked_and_told() -> None:
    async with (app := ResonanceApp(launch := FakeLaunch())).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NicknameDialog))
        app.screen.query_one(Input).value = "x" * 30
        await pilot.press("enter")
        words = str(app.screen.query_one(".error", Static).render())
        assert words == "That is too long. 24 characters at most."
        app.screen.query_one(Input).value = "Zoe"
        await pilot.press("enter")
        await until(pilot, lambda: launch.session.told == [("nickname", "Zoe")])


async def test_escape_keeps_the_nickname() -> None:
    async with (app := ResonanceApp(launch := FakeLaunch())).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, NicknameDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert not launch.session.told


async def choose_first_camera(app: ResonanceApp, pilot: Pilot[None]) -> None:
    await pilot.press("v")
    await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
    labels = [str(each.prompt) for each in app.screen.query_one(OptionList).options]
    assert labels == ["camera 0", "demo portraits", "no camera"]
    await pilot.press("home", "enter")


async def test_another_camera_is_chosen_from_those_that_there_are() -> None:
    async with (app := ResonanceApp(launch := FakeLaunch())).run_test() as pilot:
        await in_the_room(app, pilot)
        await choose_first_camera(app, pilot)
        camera = Source("device", "0")
        await until(pilot, lambda: launch.session.told == [("source", camera)])
        assert launch.camera == camera
        assert launch.session.is_running


async def test_a_camera_waits_for_consent() -> None:
    launch = FakeLaunch()
    launch.camera_consent_is_due = True
    async with (app := ResonanceApp(launch)).run_test() as pilot:
        await in_the_room(app, pilot)
        for key, told in (("n", []), ("y", [("source", Source("device", "0"))])):
            await choose_first_camera(app, pilot)
            await until(pilot, lambda: isinstance(app.screen, ConsentScreen))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, LiveScreen))
            await until(pilot, lambda told=told: launch.session.told == told)


async def test_another_room_leaves_this_one_first() -> None:
    async with (app := ResonanceApp(launch := FakeLaunch())).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, LobbyScreen))
        assert launch.session.has_cleaned_up
        await pilot.press(*"music", "enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert [channel for channel, _ in launch.opened] == ["movie-night", "music"]
        await until(pilot, lambda: launch.session.is_running)


async def test_a_bell_that_was_switched_on_rings_the_next_time_too() -> None:
    async with (app := ResonanceApp(launch := FakeLaunch())).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("l")
        await until(pilot, lambda: launch.alerts == Alerts(bell=True))
    async with (app := ResonanceApp(launch)).run_test() as pilot:
        await in_the_room(app, pilot)
        await pilot.press("l")
        await until(pilot, lambda: launch.alerts == Alerts())


async def test_a_theme_is_remembered_and_comes_back() -> None:
    async with (app := ResonanceApp(launch := FakeLaunch())).run_test() as pilot:
        await in_the_room(app, pilot)
        assert launch.theme == ""
        app.theme = "textual-light"
        await until(pilot, lambda: launch.theme == "textual-light")
    async with (app := ResonanceApp(launch)).run_test():
        assert app.theme == "textual-light"
