"""From the first question to the room and out again."""

from __future__ import annotations

import asyncio

import pytest
from limits import patience
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from resonance_tui.errors import BrokerRefused, BrokerUnreachable, EngineUnavailable
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.join_context import ListedRoom
from resonance_tui.tui.screens.consent import ConsentScreen
from resonance_tui.tui.screens.error import ErrorScreen, explain
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.screens.lobby import LobbyScreen

from .fakes import FakeLaunch, FakeSession, view


async def until(pilot: Pilot, holds) -> None:
    """Let the app work until `holds()`; the suite's own time-out is the bound."""
    while not holds():
        await pilot.pause(0.01)


def text_of(screen: Screen, selector: str) -> str:
    return str(screen.query_one(selector, Static).render())


async def test_consent_yes_is_remembered_and_leads_into_the_room():
    launch = FakeLaunch(needs_consent=True)
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        assert isinstance(app.screen, ConsentScreen)
        assert not launch.opened
        await pilot.press("y")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert not launch.needs_consent
        await until(pilot, lambda: launch.session.is_running)


@pytest.mark.parametrize("key", ["n", "escape"])
async def test_consent_no_opens_nothing(key: str):
    launch = FakeLaunch(needs_consent=True)
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await pilot.press(key)
    assert launch.needs_consent and not launch.opened
    assert app.has_declined and app.return_code == 1


async def test_consent_says_everything_that_matters():
    app = ResonanceApp(FakeLaunch(needs_consent=True))
    async with app.run_test():
        words = " ".join(str(each.render()) for each in app.screen.query(Static))
    for part in ("on this machine", "Never a picture", "mqtt://localhost:1883", "15 seconds"):
        assert part in words
    for part in ("at work or at school", "config consent --revoke", "nickname"):
        assert part in words


async def test_consent_tells_the_broker_of_the_room_and_none_before_a_room_is_chosen():
    launch = FakeLaunch(needs_consent=True)
    for told_to, words in (("mqtts://room.example", "mqtts://room.example"), ("", "you choose")):
        launch.told_to = told_to
        async with (app := ResonanceApp(launch)).run_test():
            shown = " ".join(str(each.render()) for each in app.screen.query(Static))
        assert words in shown and "localhost" not in shown


async def test_consent_by_mouse():
    launch = FakeLaunch(needs_consent=True)
    async with (app := ResonanceApp(launch)).run_test() as pilot:
        await pilot.click("#yes")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))


async def test_setup_takes_a_new_channel_and_the_offered_nickname():
    launch = FakeLaunch(channel=None)
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        assert app.screen.query_one("#nickname", Input).value == "lucky-heron"
        await pilot.press(*"Demo", "enter")
        await until(pilot, lambda: launch.opened)
        assert launch.opened == [("demo", "lucky-heron")]


async def test_setup_rerolls_the_nickname_and_an_empty_one_is_anonymous():
    launch = FakeLaunch(channel=None)
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+r")
        field = app.screen.query_one("#nickname", Input)
        assert field.value == "calm-otter"
        field.value = ""
        await pilot.press(*"demo", "enter")
        await until(pilot, lambda: launch.opened)
        assert launch.opened == [("demo", "")]


async def test_setup_lists_channels_and_recent_ones_and_enter_joins():
    launch = FakeLaunch(channel=None, found=[ListedRoom("music", 3), ListedRoom("late-show", 1)])
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        options = app.screen.query_one(OptionList)
        await until(pilot, lambda: options.option_count)
        shown = [str(option.prompt).split(None, 1) for option in options.options]
        assert shown == [["#music", "3 viewers"], ["#late-show", "1 viewer"]]
        options.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: launch.opened)
        assert launch.opened[0][0] in ("music", "late-show")


async def test_setup_says_what_is_wrong_in_place():
    launch = FakeLaunch(channel=None)
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await pilot.press(*"no[/]pe", "enter")
        await until(pilot, lambda: "Not a channel name" in text_of(app.screen, "#channel-error"))
        assert "pe'. Use 1 to 64 letters" in text_of(app.screen, "#channel-error")
        app.screen.query_one("#nickname", Input).value = "x" * 30
        app.screen.query_one("#channel", Input).value = "fine"
        await pilot.press("enter")
        assert "too long. 24 characters" in text_of(app.screen, "#nickname-error")
        assert isinstance(app.screen, LobbyScreen) and not launch.opened
        await pilot.press("backspace")
        assert text_of(app.screen, "#nickname-error") == ""


async def test_setup_without_a_broker_still_offers_recent_channels():
    launch = FakeLaunch(channel=None, found=BrokerUnreachable("Nobody answers.", "Start one."))
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await until(pilot, lambda: "Nobody" in text_of(app.screen, "#found"))
        assert text_of(app.screen, "#found") == "Nobody answers. Start one."
        assert app.screen.query_one(OptionList).option_count == 1
        await pilot.press("f5")
        await until(pilot, lambda: "Nobody" in text_of(app.screen, "#found"))


async def test_setup_leaves_with_escape():
    app = ResonanceApp(FakeLaunch(channel=None))
    async with app.run_test() as pilot:
        await pilot.press("escape")
    assert app.return_code == 0


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+q", 0), ("ctrl+c", 130)])
async def test_quitting_waits_for_the_session_to_clean_up(key: str, code: int):
    session = FakeSession(view())
    session.lingers_s = 0.2
    app = ResonanceApp(FakeLaunch(session))
    async with app.run_test() as pilot:
        await until(pilot, lambda: session.is_running)
        await pilot.press(key)
    assert session.has_cleaned_up and app.return_code == code


async def test_quitting_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resonance_tui.tui.app.LEAVE_WITHIN_S", 0.1)
    session = FakeSession(view())
    session.lingers_s = 30
    app = ResonanceApp(FakeLaunch(session))
    started = asyncio.get_running_loop().time()
    async with app.run_test() as pilot:
        await until(pilot, lambda: session.is_running)
        await pilot.press("q")
    assert asyncio.get_running_loop().time() - started < patience(10)


async def test_a_session_that_ends_by_itself_ends_the_app():
    session = FakeSession(view())

    async def over() -> None:
        session.has_cleaned_up = True

    session.run = over
    app = ResonanceApp(FakeLaunch(session))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 0 and app.failure is None


async def test_a_refusal_is_shown_with_its_hint_and_the_app_stays():
    refused = BrokerRefused("The broker refused [us].", "Check the password.")
    session = FakeSession(view(), failure=ExceptionGroup("tasks", [refused]))
    launch = FakeLaunch(session)
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await until(pilot, lambda: bool(app.screen.query("#message")))
        assert text_of(app.screen, "#message") == "The broker refused [us]."
        assert text_of(app.screen, "#hint") == "Check the password."
        assert app.failure is refused
        session.failure = None
        await pilot.press("r")
        await until(pilot, lambda: session.is_running)
        assert isinstance(app.screen, LiveScreen) and len(launch.opened) == 2


async def test_after_a_failure_another_channel_can_be_chosen():
    launch = FakeLaunch(FakeSession(view(), failure=BrokerRefused("No.")))
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, LobbyScreen))
        assert not any(isinstance(screen, LiveScreen) for screen in app.screen_stack)


async def test_quitting_after_a_failure_gives_its_exit_code():
    app = ResonanceApp(FakeLaunch(FakeSession(view(), failure=BrokerRefused("No."))))
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        await pilot.press("q")
    assert app.return_code == 1


async def test_a_session_that_cannot_be_opened_is_a_problem_too():
    launch = FakeLaunch()
    launch.refuses = EngineUnavailable("No weights.", "Pull them.")
    app = ResonanceApp(launch)
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, ErrorScreen))
        launch.refuses = None
        await pilot.press("r")
        await until(pilot, lambda: launch.session.is_running)


def test_an_unknown_failure_names_itself_and_the_log():
    problem = explain(ExceptionGroup("x", [ValueError("boom"), BrokerRefused("No.", "Hint.")]))
    assert problem.message == "No."
    problem = explain(ValueError("boom"))
    assert "ValueError: boom" in problem.hint and "log file" in problem.hint


async def test_a_time_limit_from_outside_leaves_the_room_too():
    session = FakeSession(view())
    session.lingers_s = 0.2
    app = ResonanceApp(FakeLaunch(session))

    async def limit() -> None:
        while not session.is_running:
            await asyncio.sleep(0.01)
        running.cancel()

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(app.run_async(headless=True))
        tasks.create_task(limit())
    assert session.has_cleaned_up


async def test_what_fails_while_the_screen_is_left_is_for_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    app = ResonanceApp(FakeLaunch())
    async with app.run_test():
        pass
    app._handle_exception(LookupError("no roster yet"))
    assert not app._exit_renderables and not app.return_code
    assert "no roster yet" in caplog.text
