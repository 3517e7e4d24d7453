"""Which broker a host's command goes to, and `join` on the machine that hosts the room."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from resonance_broker import AccountsStore
from resonance_broker.accounts import AccountList, InviteUse
from resonance_tui.commands.destination import destination_of
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.room.acts import open_link_of
from resonance_tui.commands.room.place import BrokerUnknown, Place, broker_of, find_place
from resonance_tui.commands.session_builder import broker_url
from resonance_tui.config import Config, load
from resonance_tui.hosting.room_links import LinkPlan, make_link, revoke_invites
from resonance_tui.hosting.running import told_as_running
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.profile import Profile
from resonance_tui.protocol.urls import parse_broker_url

OPEN = parse_broker_url("mqtt://127.0.0.1:1899")
GUARDED = parse_broker_url("mqtts://resonance-host:pw@127.0.0.1:8883?pin=" + "ab" * 32)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    return load()


def folder(config: Config) -> Path:
    return config.directories.broker_folder


@pytest.mark.parametrize(
    "text", ["cats", "mqtt://127.0.0.1:1899/cats", "(resonance://127.0.0.1:1899/cats).",
             "resonance-tui join resonance%3A//127.0.0.1%3A1899/cats"],
)  # fmt: skip
def test_a_command_for_a_host_takes_what_join_takes(config: Config, text: str) -> None:
    own_keys(config.directories).make("cats")
    with told_as_running(folder(config), OPEN, ["cats"]):
        place = find_place(config, text)
    assert (place.channel, place.url.place) == ("cats", OPEN.place)


def test_a_room_that_is_nowhere_is_not_looked_for_at_a_strangers_broker(config: Config) -> None:
    with pytest.raises(BrokerUnknown, match="At which broker is cats") as refusal:
        broker_of(config, "cats")
    assert "--broker URL" in refusal.value.hint


def test_a_rooms_own_broker_here_is_found_though_it_is_open(config: Config) -> None:
    with told_as_running(folder(config), GUARDED, ["dogs"]):
        with told_as_running(folder(config), OPEN, ["cats"]):
            assert broker_of(config, "cats") == OPEN
            assert broker_of(config, "dogs") == GUARDED
        with pytest.raises(BrokerUnknown):
            broker_of(config, "cats")


def test_what_is_asked_for_goes_before_what_runs_here(config: Config) -> None:
    asked = load({"broker.url": "mqtt://elsewhere:1883"})
    own = load({"broker.url": GUARDED.place})
    with told_as_running(folder(config), GUARDED, ["cats"]):
        assert broker_of(asked, "cats").place == "mqtt://elsewhere:1883"
        assert broker_of(own, "cats") == GUARDED


def test_the_owner_of_the_broker_rules_as_its_host_though_they_came_in_as_a_guest(
    config: Config,
) -> None:
    guest = SavedLogin(GUARDED.place, "cats", "ada", "pw", GUARDED.pin or "", is_confirmed=True)
    Logins(config.directories.logins_file).keep(guest)
    own = load({"broker.url": GUARDED.place})
    named = load({"broker.url": GUARDED.place.replace("://", "://ada:pw@")})
    with told_as_running(folder(config), GUARDED, ["cats"]):
        assert broker_of(own, "cats") == GUARDED
        assert broker_of(named, "cats").username == "ada"


def test_a_room_is_where_it_was_last(config: Config) -> None:
    profile = Profile(config.directories.profile_file)
    profile.remember_room("cats", broker="mqtt://elsewhere:1883", last_at=1.0)
    profile.remember_room("mine", last_at=1.0)  # at this machine's own
    with told_as_running(folder(config), OPEN, ["dogs"]):
        assert broker_of(config, "cats").place == "mqtt://elsewhere:1883"
        assert broker_of(config, "mine").place == "mqtt://localhost:1883"


def test_a_broker_that_announces_no_room_serves_any(config: Config) -> None:
    with told_as_running(folder(config), OPEN, []):
        assert broker_of(config, "cats") == OPEN


def test_join_goes_to_the_broker_that_runs_here_for_the_room(config: Config) -> None:
    Profile(config.directories.profile_file).remember_room("cats", broker="mqtt://elsewhere")
    with told_as_running(folder(config), GUARDED, ["cats"]):
        there = destination_of(config, "cats")
    url = replace(GUARDED, username=None, password=None)  # that one is for the host's program
    assert broker_url(there.config) == url
    assert there.remark.startswith("cats is hosted on this machine, at mqtts://127.0.0.1:8883;")


def test_join_at_the_usual_address_stays_able_to_start_a_broker(config: Config) -> None:
    with told_as_running(folder(config), parse_broker_url("mqtt://127.0.0.1:1883"), ["cats"]):
        assert destination_of(config, "cats").config is config


def test_the_link_that_a_removed_guest_came_by_is_named_while_it_is_open(config: Config) -> None:
    folder(config).mkdir(parents=True)
    now = time.time()
    link = make_link(folder(config), "cats", LinkPlan(5, now + 60, "friends", 0), now).invite

    def use(stored: AccountList) -> tuple[AccountList, None]:
        used = replace(link, uses=(InviteUse("mia", now),))
        return replace(stored, invites={link.id: used}), None

    AccountsStore(folder(config)).change(use)
    keys = own_keys(config.directories)
    place = Place(config, GUARDED, keys, keys.make("cats"))
    assert open_link_of(place, "mia") is None  # that broker is not ours, as far as is known
    with told_as_running(folder(config), GUARDED, ["cats"]):
        found = open_link_of(place, "mia")
        assert found is not None and (found.id, found.label) == (link.id, "friends")
        assert open_link_of(place, "ben") is None
        revoke_invites(folder(config), link.id, now, with_accounts=False)
        assert open_link_of(place, "mia") is None
