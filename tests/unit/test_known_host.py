"""What this machine remembers of a room's host, from one run to the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonance_tui.commands.session_builder import _known_host, _remember_host
from resonance_tui.profile import Profile
from resonance_tui.session.plan import KnownHost

KEY = bytes(range(32))


def test_a_host_is_remembered_with_its_room(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile.json")
    assert _known_host(profile, "cats") is None
    _remember_host(profile, "cats", KnownHost(KEY, 7))
    assert _known_host(Profile(tmp_path / "profile.json"), "cats") == KnownHost(KEY, 7)
    assert _known_host(profile, "dogs") is None


@pytest.mark.parametrize("damaged", ["", "no digits", "ab", "ab" * 33])
def test_a_damaged_key_is_none(tmp_path: Path, damaged: str) -> None:
    profile = Profile(tmp_path / "profile.json")
    profile.remember_room("cats", host_key=damaged, rule_number=7)
    assert _known_host(profile, "cats") is None
