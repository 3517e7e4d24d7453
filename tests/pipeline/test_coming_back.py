"""A room is met where it was last: memory, and what wins over it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from limits import until

from resonance_tui import config
from resonance_tui.commands.destination import destination_of
from resonance_tui.commands.join_context import CommandLineContext
from resonance_tui.commands.session_builder import broker_url, check_intent
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.profile import Profile, RoomMemory
from resonance_tui.protocol.links import find_place
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.tui.join_context import ListedRoom, RecentRoom

PIN = "ab" * 16


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, data and state of a person without any."""
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("RESONANCE_CAMERA_SOURCE", "none")
    return tmp_path / "data"


@pytest.fixture
def profile(home: Path) -> Profile:
    return Profile(home / "profile.json")


def there(channel: str = "cats", **flags: str) -> tuple[BrokerUrl | None, str]:
    found = destination_of(
        config.load({k.replace("__", "."): v for k, v in flags.items()}), channel
    )
    return broker_url(found.config), found.remark


def test_a_room_is_met_where_it_was_last_and_that_is_said(profile: Profile) -> None:
    profile.remember_room("cats", broker=f"mqtts://one:8883?pin={PIN},mqtts://two:8883")
    url, remark = there()
    assert url is not None and (url.host, url.pin) == ("one", PIN)
    assert [each.host for each in url.alternates] == ["two"]
    assert remark == "cats was last at mqtts://one:8883; --broker says otherwise."


def test_a_link_says_itself_where_and_one_without_a_check_sum_is_remarked_upon(
    profile: Profile,
) -> None:
    profile.remember_room("cats", broker="mqtts://one:8883")
    found = destination_of(config.load(), find_place("resonance://two/cats"))
    url = broker_url(found.config)
    assert url is not None and url.host == "two"
    assert found.remark.startswith("That link has no check sum")


@pytest.mark.parametrize("memory", [RoomMemory(), RoomMemory(broker="ftp://damaged")])
def test_a_room_of_no_other_broker_is_met_on_this_machine(
    profile: Profile, memory: RoomMemory
) -> None:
    profile.remember_room("cats", broker=memory.broker)
    assert there() == (None, "")


def test_flag_variable_and_file_win_over_memory(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profile.remember_room("cats", broker="mqtt://one:1883")
    url, remark = there(broker__url="mqtt://flag")
    assert url is not None and url.host == "flag" and not remark
    file = tmp_path / "config" / "resonance-tui" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[broker]\nurl = "mqtt://file"\n')
    url, _ = there()
    assert url is not None and url.host == "file"
    monkeypatch.setenv("RESONANCE_BROKER_URL", "")  # this machine's own, on purpose
    assert there() == (None, "")


def test_a_password_goes_only_where_one_logged_in_by_name(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_BROKER_PASSWORD", "hunter2")
    profile.remember_room("cats", broker="mqtts://mia@one:8883")
    profile.remember_room("dogs", broker="mqtts://two:8883")
    url, _ = there("cats")
    assert url is not None and (url.username, url.password) == ("mia", "hunter2")
    url, _ = there("dogs")
    assert url is not None and (url.username, url.password) == (None, None)


def test_a_certificate_that_a_newer_login_knows_wins(profile: Profile, home: Path) -> None:
    profile.remember_room("cats", broker=f"mqtts://one:8883?pin={PIN}")
    login = SavedLogin("mqtts://one:8883", "dogs", "u", "p", "cd" * 16, "i", is_confirmed=True)
    Logins(home / "logins.json").keep(login)
    url, _ = there()
    assert url is not None and url.pin == "cd" * 16


def test_consent_is_asked_for_the_broker_where_the_room_is(profile: Profile) -> None:
    loaded = config.load()
    context = CommandLineContext(loaded, check_intent(loaded))
    assert context.told_to == ""
    context.go_to(destination_of(loaded, "dogs"))
    assert context.told_to == config.DEFAULT_BROKER_URL
    context.go_to(destination_of(loaded, find_place("mqtts://mia:pw@one/cats")))
    assert context.told_to == "mqtts://one:8883"


@pytest.mark.mosquitto
async def test_broker_nickname_and_title_are_kept_once_one_is_in(
    mosquitto, profile: Profile
) -> None:
    loaded = config.load({"broker.url": mosquitto.url})
    context = CommandLineContext(loaded, check_intent(loaded), title="Karaoke")
    await context.reach("cats", print)
    session = context.open_session("cats", "Mia")
    assert profile.room("cats") == RoomMemory()
    running = asyncio.create_task(session.run())
    await until(lambda: profile.room("cats").broker)
    room = profile.room("cats")
    assert (room.broker, room.nickname, room.title) == (mosquitto.url, "Mia", "Karaoke")
    assert abs(room.last_at - time.time()) < 60
    session.set_nickname("Zoe")
    await until(lambda: profile.room("cats").nickname == "Zoe")
    running.cancel()
    await asyncio.wait([running])
    context.profile.release()

    back = CommandLineContext(plain := config.load(), check_intent(plain))
    assert back.recent_rooms == (RecentRoom("cats", mosquitto.url, "Karaoke", "Zoe"),)
    assert await back.reach("cats", print) == "cats"
    assert back.nickname_in("cats") == "Zoe" == back.suggest_nickname()
    again = back.open_session("cats", "Zoe")
    assert again.view.broker_url == mosquitto.url
    elsewhere = await back.reach(ListedRoom("cats", 1), print)
    assert back.open_session(elsewhere, "Zoe").view.broker_url == config.DEFAULT_BROKER_URL
    back.profile.release()


@pytest.mark.mosquitto
async def test_the_line_on_where_a_room_was_is_the_first_notice(
    mosquitto, profile: Profile
) -> None:
    profile.remember_room("cats", broker=mosquitto.url)
    loaded = config.load()
    context = CommandLineContext(loaded, check_intent(loaded))
    await context.reach("cats", print)
    session = context.open_session("cats", "")
    running = asyncio.create_task(session.run())
    await until(lambda: session.view.notice)
    assert session.view.notice.startswith(f"cats was last at {mosquitto.url}")
    running.cancel()
    await asyncio.wait([running])
    context.profile.release()
