"""What this machine remembers of a room's host, from one run to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonance_tui.commands.session_builder import _known_host, _remember_host
from resonance_tui.profile import Profile
from resonance_tui.room_keys import RoomKeys
from resonance_tui.session.plan import KnownHost

KEY = bytes(range(32))


def test_a_host_is_remembered_with_its_room(tmp_path: Path) -> None:
    profile, keys = Profile(tmp_path / "profile.json"), RoomKeys(tmp_path)
    assert _known_host(keys, profile, "cats") is None
    _remember_host(profile, "cats", KnownHost(KEY, 7))
    assert _known_host(keys, Profile(tmp_path / "profile.json"), "cats") == KnownHost(KEY, 7)
    assert _known_host(keys, profile, "dogs") is None


@pytest.mark.parametrize("damaged", ["", "no digits", "ab", "ab" * 33])
def test_a_damaged_key_is_none(tmp_path: Path, damaged: str) -> None:
    profile, keys = Profile(tmp_path / "profile.json"), RoomKeys(tmp_path)
    profile.remember_room("cats", host_key=damaged, rule_number=7)
    assert _known_host(keys, profile, "cats") is None


def test_a_host_knows_its_own_room_before_it_was_there(tmp_path: Path) -> None:
    profile, keys = Profile(tmp_path / "profile.json"), RoomKeys(tmp_path)
    made = keys.make("cats")
    assert _known_host(keys, profile, "cats") == KnownHost(made.host_public)
    assert _known_host(keys, profile, "dogs") is None


def test_a_key_of_ours_that_cannot_be_read_does_not_keep_us_out(tmp_path: Path) -> None:
    profile, keys = Profile(tmp_path / "profile.json"), RoomKeys(tmp_path)
    keys.make("cats")
    (file,) = tmp_path.glob("key-*.json")
    file.write_text("damaged")
    assert _known_host(keys, profile, "cats") is None
