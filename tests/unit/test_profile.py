"""What an installation remembers, and that it survives damage and twins."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from resonance_tui.errors import StoreError
from resonance_tui.profile import MOST_ROOMS, RECENT, HostMemory, Memory, Profile, RoomMemory


@pytest.fixture
def profile(tmp_path: Path):
    made = Profile(tmp_path / "data" / "profile.json")
    yield made
    made.release()


def counting():
    numbers = itertools.count()
    return lambda: f"id{next(numbers)}"


def test_consent_is_remembered_and_reversible(profile: Profile) -> None:
    assert profile.load().consented_at is None
    profile.set_consent(12.5)
    assert profile.load().consented_at == 12.5
    profile.set_consent(None)
    assert profile.load().consented_at is None


def test_recent_channels_newest_first_without_repeats(profile: Profile) -> None:
    for number in range(RECENT + 3):
        profile.remember_channel(f"c{number}")
    profile.remember_channel("c5")
    recent = profile.load().recent_channels
    assert recent[0] == "c5"
    assert len(recent) == len(set(recent)) == RECENT


def test_a_room_keeps_what_a_later_change_does_not_name(profile: Profile) -> None:
    profile.remember_room("cats", broker="mqtts://there", nickname="Mia", last_at=5.0)
    profile.remember_room("cats", host_key="ab" * 32, rule_number=7)
    seen = RoomMemory("mqtts://there", "Mia", "", "ab" * 32, 7, 5.0)
    assert profile.room("cats") == seen
    assert profile.room("dogs") == RoomMemory()


def test_rooms_left_longest_ago_are_forgotten_first(profile: Profile) -> None:
    for number in range(MOST_ROOMS):
        profile.remember_room(f"c{number}", last_at=float(number + 1))
    profile.remember_room("cats", host_key="ab")  # never joined, but of just now
    rooms = profile.load().rooms
    assert len(rooms) == MOST_ROOMS
    assert "cats" in rooms and "c1" in rooms and "c0" not in rooms


@pytest.mark.parametrize(
    "damaged",
    [3, [], {"broker": 3}, {"last_at": True}, {"rule_number": 1.5}, {"rule_number": 2**70},
     {"last_at": float("inf")}],
)  # fmt: skip
def test_a_damaged_room_costs_no_other_and_no_consent(tmp_path: Path, damaged: object) -> None:
    file = tmp_path / "profile.json"
    rooms = {"bad": damaged, "cats": {"title": "Cats", "last_at": 3, "of_a_newer_program": 1}}
    file.write_text(json.dumps({"consented_at": 2.0, "rooms": rooms}))
    memory = Profile(file).load()
    assert memory.consented_at == 2.0
    assert memory.rooms == {"cats": RoomMemory(title="Cats", last_at=3)}


def test_names_that_cannot_stand_in_a_topic_or_on_a_screen_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    names = ["cats", "../cats", "#", "cats/+", "\x1b[31m", "", "c" * 65]
    file.write_text(
        json.dumps(
            {
                "recent_channels": names,
                "viewer_ids": {each: "id" for each in names} | {"dogs": "+", "mice": "a/#"},
                "rooms": {each: {"title": "T"} for each in names},
            }
        )
    )
    memory = Profile(file).load()
    assert memory.recent_channels == ("cats",)
    assert memory.viewer_ids == {"cats": "id"}
    assert memory.rooms == {"cats": RoomMemory(title="T")}


def test_the_same_id_in_a_channel_and_another_elsewhere(profile: Profile) -> None:
    new_id = counting()
    first = profile.claim_viewer_id("cats", new_id)
    other = profile.claim_viewer_id("dogs", new_id)
    profile.release()
    assert profile.claim_viewer_id("cats", new_id) == first != other


def test_a_second_process_in_the_channel_gets_an_id_of_its_own(tmp_path: Path) -> None:
    file, new_id = tmp_path / "profile.json", counting()
    one, two = Profile(file), Profile(file)
    try:
        assert one.claim_viewer_id("cats", new_id) != two.claim_viewer_id("cats", new_id)
    finally:
        one.release()
        two.release()


@pytest.mark.parametrize("clock", [(100.0, 101.0), (100.0, 100.0), (100.0, 3.0)])
def test_boot_numbers_rise_whatever_the_clock_does(
    profile: Profile, clock: tuple[float, float]
) -> None:
    assert profile.next_boot(clock[0]) < profile.next_boot(clock[1])


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"rooms": 3}', '{"recent_channels": 3}', '{"last_boot": "x"}', "[" * 100_000,
     '{"last_boot": 1e999}', '{"consented_at": ' + "9" * 400 + "}", '{"consented_at": NaN}'],
)  # fmt: skip
def test_a_damaged_file_counts_as_empty_and_is_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "profile.json"
    file.write_text(content)
    profile = Profile(file)
    assert profile.load() == Memory()
    profile.set_consent(1.0)
    assert profile.load().consented_at == 1.0


def test_where_nothing_can_be_written_nothing_is_remembered_and_nothing_breaks(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    profile = Profile(tmp_path / "file" / "profile.json")
    profile.remember_channel("cats")
    assert profile.load() == Memory()
    assert profile.claim_viewer_id("cats", counting()) == "id0"
    assert profile.next_boot(50.0) == 50


def test_saving_leaves_no_drafts_behind(profile: Profile, tmp_path: Path) -> None:
    profile.set_consent(1.0)
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["profile.json"]


@pytest.mark.parametrize("answer", [1.0, None])
def test_an_answer_that_cannot_be_written_down_is_not_passed_over(
    tmp_path: Path, answer: float | None
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written"):
        Profile(tmp_path / "file" / "profile.json").set_consent(answer)


def test_trying_again_in_the_same_channel_keeps_the_id(profile: Profile) -> None:
    new_id = counting()
    assert profile.claim_viewer_id("cats", new_id) == profile.claim_viewer_id("cats", new_id)


def test_which_alerts_were_switched_on_is_remembered_and_damage_is_no_alert(
    profile: Profile, tmp_path: Path
) -> None:
    profile.remember_alert("bell", True)
    profile.remember_theme("nord")
    assert (profile.load().bell, profile.load().notify) == (True, False)
    profile.remember_alert("notify", True)
    profile.remember_alert("bell", False)
    assert (profile.load().bell, profile.load().notify) == (False, True)
    (tmp_path / "data" / "profile.json").write_text('{"bell": "no", "notify": 1}')
    assert (profile.load().bell, profile.load().notify) == (False, False)


def test_a_host_is_known_by_channel_and_broker(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile.json")
    first = HostMemory("cats", "mqtt://one:1883", "ab" * 32, 7)
    profile.remember_host(first)
    profile.remember_host(replace(first, broker="mqtt://two:1883", key="cd" * 32))
    profile.remember_host(replace(first, rule_number=8))
    found = Profile(tmp_path / "profile.json").host("cats", "mqtt://one:1883")
    assert found == replace(first, rule_number=8)
    assert len(profile.load().hosts) == 2
    assert profile.host("dogs", "mqtt://one:1883") is None


def test_one_damaged_host_costs_no_other(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    good = {"channel": "cats", "broker": "mqtt://one:1883", "key": "ab", "new": 1}
    file.write_text(json.dumps({"hosts": [3, {"channel": 3}, good]}), encoding="utf-8")
    assert Profile(file).load().hosts == (HostMemory("cats", "mqtt://one:1883", "ab"),)
