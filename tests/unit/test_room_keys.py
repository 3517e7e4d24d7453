"""Keys of rooms on disk, their numbers, and their way to a co-host."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from resonance_tui.errors import InputError, StoreError
from resonance_tui.protocol.rules import NUMBER_MOST
from resonance_tui.room_keys import (
    MOST_ACTS,
    GivenKey,
    LoggedAct,
    RoomKey,
    RoomKeys,
    key_text,
    parse_key_text,
)
from resonance_tui.secret import may_hold_secret
from resonance_tui.signing import SigningKey, print_of

ROOM = "cats-live"


@pytest.fixture
def keys(tmp_path: Path) -> RoomKeys:
    return RoomKeys(tmp_path / "room-keys")


def cohosts_key(host: RoomKey) -> RoomKey:
    return RoomKey(ROOM, SigningKey.generate(), host.host_public, b"delegation", "Ben")


def test_a_room_has_no_key_until_one_is_made(keys: RoomKeys) -> None:
    assert (keys.find(ROOM), keys.all()) == (None, [])
    made = keys.make(ROOM)
    found = keys.find(ROOM)
    assert found is not None and found.key.public == made.key.public == made.host_public
    assert found.is_host and found.print == print_of(made.key.public)
    assert [each.channel for each in keys.all()] == [ROOM]


def test_a_key_is_made_once_whoever_asks(keys: RoomKeys) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = {key.host_public for key in threads.map(keys.make, [ROOM] * 8)}
    assert len(made) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="has no such permissions")
def test_its_owner_alone_can_read_a_key(keys: RoomKeys, tmp_path: Path) -> None:
    keys.make(ROOM)
    file = tmp_path / "room-keys" / f"key-{ROOM}.json"
    assert (os.stat(file).st_mode & 0o777, os.stat(file.parent).st_mode & 0o777) == (0o600, 0o700)


def test_a_damaged_key_is_not_replaced_in_silence(keys: RoomKeys, tmp_path: Path) -> None:
    keys.make(ROOM)
    (tmp_path / "room-keys" / f"key-{ROOM}.json").write_text('{"version": 1', encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be read"):
        keys.make(ROOM)


def test_numbers_rise_whatever_others_published_and_the_clock_says(keys: RoomKeys) -> None:
    keys.make(ROOM)
    first = keys.take_number(ROOM, above=0, now=1_000.0)
    assert first >= 1_000
    assert keys.take_number(ROOM, above=5_000, now=1_000.0) == 5_001
    assert keys.take_number(ROOM, above=0, now=0.0) == 5_002


def test_no_number_is_taken_twice(keys: RoomKeys) -> None:
    keys.make(ROOM)
    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(keys.take_number, ROOM, 0, 0.0) for _ in range(20)]
        taken = [each.result() for each in waiting]
    assert len(set(taken)) == 20


def test_an_exported_key_rules_the_same_room_elsewhere(keys: RoomKeys, tmp_path: Path) -> None:
    keys.make(ROOM)
    keys.take_number(ROOM, above=41, now=0.0)
    text = key_text(keys.find(ROOM) or pytest.fail("no key"))
    there = RoomKeys(tmp_path / "other")
    there.keep(parse_key_text(f"the key:\n {text[:30]}\n{text[30:]}\n"))
    moved, original = there.find(ROOM), keys.find(ROOM)
    assert moved is not None and original is not None
    assert (moved.key.public, moved.number) == (original.key.public, 42)


def test_the_text_of_a_key_is_known_for_a_secret(keys: RoomKeys) -> None:
    assert may_hold_secret(key_text(keys.make(ROOM)))


def test_a_cohosts_key_comes_with_its_delegation(keys: RoomKeys, tmp_path: Path) -> None:
    given = cohosts_key(keys.make(ROOM))
    there = RoomKeys(tmp_path / "other")
    there.keep(parse_key_text(key_text(given)))
    kept = there.find(ROOM)
    assert kept is not None and not kept.is_host
    assert (kept.name, kept.delegation, kept.print) == ("Ben", b"delegation", given.print)


def test_a_key_that_is_here_is_not_overwritten_by_a_lesser_one(keys: RoomKeys) -> None:
    ours = keys.make(ROOM)
    stranger = SigningKey.generate()
    for other in (cohosts_key(ours), RoomKey(ROOM, stranger, stranger.public)):
        with pytest.raises(InputError, match="another key"):
            keys.keep(other)
    keys.keep(replace(ours, number=7))
    kept = keys.find(ROOM)
    assert kept is not None and kept.number == 7


def cut(text: str) -> str:
    return text[:-9]


def mistyped(text: str) -> str:
    return text[:40] + ("A" if text[40] != "A" else "B") + text[41:]


def a_link(text: str) -> str:
    return "resonance://host/cats-live"


def empty(text: str) -> str:
    return "resonance-key-"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(cut, "damaged"), (mistyped, "damaged"), (a_link, "no key"), (empty, "no key")],
)
def test_what_is_no_key_is_refused_in_words(
    spoil: Callable[[str], str], says: str, keys: RoomKeys
) -> None:
    with pytest.raises(InputError, match=says):
        parse_key_text(spoil(key_text(keys.make(ROOM))))


def test_a_private_key_that_belongs_to_another_room_key_is_refused(keys: RoomKeys) -> None:
    ours = keys.make(ROOM)
    crooked = replace(ours, key=SigningKey.generate())
    with pytest.raises(InputError, match="does not fit"):
        parse_key_text(key_text(crooked))


def test_who_was_given_a_key_is_remembered_under_one_name(keys: RoomKeys) -> None:
    keys.make(ROOM)
    keys.give(ROOM, GivenKey("Ben", b"1" * 32, 10.0))
    keys.give(ROOM, GivenKey("Ben", b"2" * 32, 20.0))
    found = keys.find(ROOM)
    assert found is not None and found.given == (GivenKey("Ben", b"2" * 32, 20.0),)


def test_the_newest_rules_outlive_a_broker_that_forgets_them(keys: RoomKeys) -> None:
    assert keys.rules(ROOM) == b""
    keys.keep_rules(ROOM, b"older")
    keys.keep_rules(ROOM, b"newer")
    assert keys.rules(ROOM) == b"newer"


def test_an_act_is_logged_once_however_often_it_is_seen(keys: RoomKeys) -> None:
    muted = LoggedAct(10.0, "host", "mute", "mia")
    keys.log(ROOM, [muted])
    keys.log(ROOM, [muted, LoggedAct(5.0, "Ben", "lock")])
    assert keys.acts(ROOM) == [LoggedAct(5.0, "Ben", "lock"), muted]


def test_the_log_of_acts_does_not_grow_for_ever(keys: RoomKeys) -> None:
    keys.log(ROOM, [LoggedAct(float(n), "host", "mute", f"v{n}") for n in range(MOST_ACTS + 10)])
    acts = keys.acts(ROOM)
    assert (len(acts), acts[0].t) == (MOST_ACTS, 10.0)


def test_a_nickname_is_added_to_what_is_logged_without(tmp_path: Path) -> None:
    keys = RoomKeys(tmp_path)
    plain = LoggedAct(1.0, "host", "mute", "mia")
    named = LoggedAct(1.0, "host", "mute", "mia", "Mia")
    keys.log("cats", [plain])
    keys.log("cats", [named])
    keys.log("cats", [plain])
    assert [act.name for act in keys.acts("cats")] == ["Mia"]


def test_no_number_of_a_co_host_leaves_the_host_without_one(tmp_path: Path) -> None:
    keys = RoomKeys(tmp_path)
    keys.make("cats")
    now = 1_790_000_000.0
    assert keys.take_number("cats", NUMBER_MOST, now) == int(now)
    assert keys.take_number("cats", NUMBER_MOST - 1, now) == int(now) + 1
    assert keys.take_number("cats", int(now) + 1000, now) == int(now) + 1001
    assert keys.take_number("cats", 0, now, own=2**52) == 2**52 + 1  # the same key elsewhere


def test_a_key_whose_numbers_are_used_up_says_so(tmp_path: Path) -> None:
    keys = RoomKeys(tmp_path)
    keys.make("cats")
    with pytest.raises(StoreError, match="last number"):
        keys.take_number("cats", 0, 0.0, own=NUMBER_MOST)
