"""The start screen: what may be typed, pasted and chosen, and how the way there is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from resonance_tui.errors import InviteRefused
from resonance_tui.protocol.links import invite_link, token_of
from resonance_tui.protocol.nearby import NearbyRoom
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.join_context import ListedRoom, RecentRoom
from resonance_tui.tui.screens.dialogs import TrustDialog
from resonance_tui.tui.screens.live import LiveScreen
from resonance_tui.tui.screens.lobby import LobbyScreen

from .fakes import FakeLaunch

LINK = invite_link(  # the same in every process: it names tests
    BrokerUrl("mqtts", "stream.example.org.x", 18883, pin="ab" * 16),
    "twelve-chars",
    token_of("q7x2" * 5),
)
NEARBY = NearbyRoom(
    "karaoke", "Friday", BrokerUrl("mqtts", "192.168.1.5", 8883, pin="cd" * 16), "mias-laptop"
)


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    while not holds():
        await pilot.pause(0.01)


def start(launch: FakeLaunch) -> ResonanceApp:
    launch.channel = None
    return ResonanceApp(launch)


def field(app: ResonanceApp) -> Input:
    return app.screen.query_one("#channel", Input)


def said(app: ResonanceApp, selector: str) -> str:
    return str(app.screen.query_one(selector, Static).render())


def listed(app: ResonanceApp) -> list[str]:
    options = app.screen.query_one(OptionList).options
    return [" ".join(str(option.prompt).split()) for option in options]


WRAPPED = f"{LINK[:40]}\n{LINK[40:80]}\r\n  {LINK[80:]}"


@pytest.mark.parametrize(
    "pasted",
    [
        LINK,
        LINK.upper(),
        WRAPPED,
        f"<{LINK}>.",
        f"$ resonance-tui join {LINK}\n",
        f'resonance-tui join "{WRAPPED}"',
    ],
)
async def test_a_link_is_pasted_as_it_comes_out_of_a_chat(pasted: str) -> None:
    async with (app := start(FakeLaunch())).run_test(size=(120, 40)) as pilot:
        await pilot.press(*"old")
        field(app).post_message(events.Paste(pasted))
        await until(pilot, lambda: field(app).value == LINK)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert app.launch.opened == [("twelve-chars", "lucky-heron")]


@pytest.mark.parametrize(
    ("pasted", "channel"),
    [
        ("resonance-tui join cats-live \\\n --broker mqtt://stream.example\n", "cats-live"),
        ("mqtt://stream.example/cats-live", "cats-live"),
        ("cats-live\n", "cats-live"),
    ],
)
async def test_a_command_an_address_and_a_channel_are_pasted(pasted: str, channel: str) -> None:
    async with (app := start(FakeLaunch())).run_test(size=(120, 40)) as pilot:
        field(app).post_message(events.Paste(pasted.replace("\\\n", "\n")))
        await until(pilot, lambda: field(app).value)
        await pilot.press("enter")
        await until(pilot, lambda: app.launch.opened)
        assert app.launch.opened == [(channel, "lucky-heron")]


async def test_the_field_is_wide_enough_for_a_whole_link() -> None:
    assert 100 < len(LINK) <= 110
    async with (app := start(FakeLaunch())).run_test(size=(120, 40)):
        assert field(app).content_size.width > 110  # and the cursor


async def test_while_an_invite_is_redeemed_it_says_so_and_escape_gives_up() -> None:
    launch = FakeLaunch()
    launch.reach_waits_for.clear()
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        field(app).value = LINK
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "Asking the host" in said(app, "#found"))
        assert launch.reached == [LINK]
        await pilot.press("escape")
        await until(pilot, lambda: "No channel yet" in said(app, "#found"))
        assert isinstance(app.screen, LobbyScreen) and not launch.opened
        launch.reach_waits_for.set()
        await pilot.press("enter")
        await until(pilot, lambda: launch.opened)


async def test_an_invite_that_is_refused_is_said_at_the_field() -> None:
    launch = FakeLaunch()
    launch.reach_fails = InviteRefused("That invite has expired", "Ask the host for a new one")
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        field(app).value = LINK
        await pilot.press("enter")
        words = "That invite has expired. Ask the host for a new one"
        await until(pilot, lambda: said(app, "#channel-error") == words)
        assert field(app).has_focus and field(app).value == LINK


async def test_recent_rooms_show_their_broker_and_title_and_lead_there() -> None:
    ghostly = ListedRoom("crypt", 6, is_sure=False)
    launch = FakeLaunch(found=[ghostly, ListedRoom("music", 3), ListedRoom("late-show", 1)])
    elsewhere = RecentRoom("late-show", "mqtts://stream.example:8883", "The Late Show", "Mia")
    launch.recent_rooms = (elsewhere, RecentRoom("music"))
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(listed(app)) == 4)
        assert listed(app) == [
            "#crypt about 6 viewers",
            "#music 3 viewers",
            "#late-show 1 viewer",
            "#late-show recent, at stream.example:8883 · The Late Show",
        ]
        app.screen.query_one(OptionList).focus()
        await pilot.press("end")
        await until(pilot, lambda: app.screen.query_one("#nickname", Input).value == "Mia")
        await pilot.press("enter")
        await until(pilot, lambda: launch.opened)
        assert launch.reached == [elsewhere]
        assert launch.opened == [("late-show", "Mia")]


async def test_a_nickname_that_was_typed_is_not_replaced() -> None:
    launch = FakeLaunch()
    launch.recent_rooms = (RecentRoom("late-show", nickname="Mia"),)
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        app.screen.query_one("#nickname", Input).value = "Bob"
        await pilot.press(*"late-show", "enter")
        await until(pilot, lambda: launch.opened)
        assert launch.opened == [("late-show", "Bob")]


@pytest.mark.parametrize(("key", "opened"), [("y", [("karaoke", "lucky-heron")]), ("n", [])])
async def test_a_room_nearby_is_joined_after_one_question(
    key: str, opened: list[tuple[str, str]]
) -> None:
    launch = FakeLaunch()
    launch.recent_rooms, launch.nearby = (), [NEARBY]
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app) == ["#karaoke nearby, at mias-laptop · Friday"])
        app.screen.query_one(OptionList).focus()
        await pilot.press("home", "enter")
        await until(pilot, lambda: isinstance(app.screen, TrustDialog))
        assert said(app, "#print") == " ".join(["cdcd"] * 8)
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(app.screen, TrustDialog))
        if opened:
            await until(pilot, lambda: launch.opened)
        assert launch.opened == opened


async def test_who_announces_a_room_that_was_elsewhere_is_not_taken_for_its_host() -> None:
    launch = FakeLaunch()
    launch.recent_rooms = (RecentRoom("karaoke", "mqtts://home.example:8883"),)
    launch.nearby = [NEARBY]
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: any("nearby" in line for line in listed(app)))
        app.screen.query_one(OptionList).focus()
        row = next(at for at, line in enumerate(listed(app)) if "nearby" in line)
        app.screen.query_one(OptionList).highlighted = row
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TrustDialog))
        assert app.screen.query_one("#changed").display
        assert "home.example:8883" in said(app, "#changed")
        await pilot.press("n")


async def test_a_room_nearby_that_one_trusts_is_joined_at_once() -> None:
    launch = FakeLaunch()
    launch.recent_rooms, launch.nearby, launch.trusted = (), [NEARBY], [NEARBY]
    async with (app := start(launch)).run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: listed(app))
        app.screen.query_one(OptionList).focus()
        await pilot.press("home", "enter")
        await until(pilot, lambda: launch.opened)
        assert launch.reached == [NEARBY]
