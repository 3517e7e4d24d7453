"""From a link in the start screen's field into a room with accounts, and back without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from guests import hosted, invited
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from resonance_broker import RunningBroker
from resonance_tui import config
from resonance_tui.commands.destination import destination_of, own_broker
from resonance_tui.commands.join_context import CommandLineContext
from resonance_tui.commands.session_builder import check_intent
from resonance_tui.hosting.accounts import list_accounts
from resonance_tui.hosting.host import own_url
from resonance_tui.hosting.running import told_as_running
from resonance_tui.logins import Logins
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.links import invite_link
from resonance_tui.tui.app import ResonanceApp
from resonance_tui.tui.screens.live import LiveScreen

pytestmark = pytest.mark.mosquitto


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path / "guest"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("RESONANCE_CAMERA_SOURCE", "none")


def guest() -> CommandLineContext:
    loaded = config.load()
    return CommandLineContext(loaded, check_intent(loaded))


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    while not holds():
        await pilot.pause(0.02)


def is_in(app: ResonanceApp) -> bool:
    screen = app.screen
    if not isinstance(screen, LiveScreen):
        return False
    view = screen.session.view
    return view.link.state is LinkState.CONNECTED and view.room.viewers == 1


async def test_a_pasted_link_is_redeemed_and_the_room_remembers_where_it_was(
    broker: RunningBroker,
) -> None:
    invitation = invited(broker)
    link = invite_link(invitation.url, invitation.channel, invitation.ticket)
    launch = guest()
    async with hosted(broker):
        async with (app := ResonanceApp(launch)).run_test(size=(120, 40)) as pilot:
            wrapped = f"<{link[:30]}\n{link[30:]}>."
            app.screen.query_one("#channel", Input).post_message(events.Paste(wrapped))
            await until(pilot, lambda: app.screen.query_one("#channel", Input).value == link)
            await pilot.press("enter")
            await until(pilot, lambda: is_in(app))
            await until(pilot, lambda: launch.profile.room("cats").broker)
        launch.profile.release()
        assert launch.profile.room("cats").broker == invitation.url.spelled_out
        assert launch.visits[0].lines()[0].startswith("You were in cats for")

        back = guest()
        back.go_to(destination_of(back.config, "cats"))
        async with (app := ResonanceApp(back)).run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: is_in(app))
            assert "cats was last at" in app.screen.session.view.notice
        back.profile.release()


async def test_a_link_that_has_been_used_is_refused_at_the_field(broker: RunningBroker) -> None:
    invitation = invited(broker)
    link = invite_link(invitation.url, invitation.channel, invitation.ticket)
    async with hosted(broker):
        first = guest()
        await first.reach(link, print)
        (first.config.directories.logins_file).unlink()
        async with (app := ResonanceApp(guest())).run_test(size=(120, 40)) as pilot:
            app.screen.query_one("#channel", Input).value = link
            await pilot.press("enter")
            error = app.screen.query_one("#channel-error", Static)
            await until(pilot, lambda: "has been used" in str(error.render()))


@pytest.mark.parametrize("channels", [["cats"], []])
async def test_the_owner_of_a_broker_comes_into_its_room_with_an_account_that_lasts(
    broker: RunningBroker, channels: list[str]
) -> None:
    """Not at port 1883 of this machine, where a broker would be started for one alone."""
    launch = guest()
    folder = launch.config.directories.broker_folder
    assert broker.settings.accounts is not None
    folder.parent.mkdir(parents=True)
    folder.symlink_to(broker.settings.accounts)
    logins = Logins(launch.config.directories.logins_file)
    async with hosted(broker):
        with told_as_running(folder, own_url(broker), channels):
            for _ in range(2):
                await launch.reach("cats", print)
                (login,) = logins.all()
                assert login.user in [each.name for each in list_accounts(folder).accounts]
            async with (app := ResonanceApp(launch)).run_test(size=(120, 40)) as pilot:
                app.screen.query_one("#channel", Input).value = "cats"
                await pilot.press("enter")
                await until(pilot, lambda: is_in(app))
                session = app.screen.session
                assert session.view.viewer_id == login.user
                assert "cats is hosted on this machine" in session.view.notice
            launch.profile.release()
            (again,) = logins.all()
            assert again == login
    assert own_broker(launch.config, "cats") is None
