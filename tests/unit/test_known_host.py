"""What this machine remembers of a room's host, from one run to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonance_tui.commands.session_builder import _known_host, _remember_host
from resonance_tui.config import Config, load
from resonance_tui.hosting.running import told_as_running
from resonance_tui.profile import Profile
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.room_keys import RoomKeys
from resonance_tui.session.plan import KnownHost

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
HERE, THERE = "mqtt://one:1883", "mqtt://two:1883"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    return load()


@pytest.fixture
def profile(config: Config) -> Profile:
    return Profile(config.directories.profile_file)


def test_a_host_is_remembered_with_its_room(config: Config, profile: Profile) -> None:
    assert _known_host(config, profile, "cats", HERE) is None
    _remember_host(profile, "cats", HERE, KnownHost(KEY, 7))
    assert _known_host(config, profile, "cats", HERE) == KnownHost(KEY, 7)
    assert _known_host(config, profile, "dogs", HERE) is None


def test_the_hosts_of_one_name_at_two_brokers_are_two(config: Config, profile: Profile) -> None:
    profile.remember_room("cats", broker=HERE)
    _remember_host(profile, "cats", HERE, KnownHost(KEY, 7))
    assert _known_host(config, profile, "cats", THERE) == KnownHost(KEY, 7, is_elsewhere=True)
    _remember_host(profile, "cats", THERE, KnownHost(OTHER, 3))
    assert _known_host(config, profile, "cats", THERE) == KnownHost(OTHER, 3)
    assert _known_host(config, profile, "cats", HERE) == KnownHost(KEY, 7)


def test_what_an_older_version_remembers_is_of_the_broker_that_it_names(
    config: Config, profile: Profile
) -> None:
    profile.remember_room("cats", broker=HERE, host_key=KEY.hex(), rule_number=7)
    assert _known_host(config, profile, "cats", HERE) == KnownHost(KEY, 7)
    assert _known_host(config, profile, "cats", THERE) == KnownHost(KEY, 7, is_elsewhere=True)


def test_a_key_of_our_own_is_certain_where_we_host(config: Config, profile: Profile) -> None:
    ours = RoomKeys(config.directories.room_keys_folder).make("cats").host_public
    assert _known_host(config, profile, "cats", THERE) == KnownHost(ours, is_elsewhere=True)
    with told_as_running(config.directories.broker_folder, parse_broker_url(HERE), ["cats"]):
        assert _known_host(config, profile, "cats", HERE) == KnownHost(ours)


@pytest.mark.parametrize("damaged", ["", "no digits", "ab", "ab" * 33])
def test_a_damaged_key_is_none(config: Config, profile: Profile, damaged: str) -> None:
    profile.remember_room("cats", broker=HERE, host_key=damaged, rule_number=7)
    assert _known_host(config, profile, "cats", HERE) is None
