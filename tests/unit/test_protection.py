"""What viewers are protected by, after the rules that said so have ended."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from resonance_tui.hosting.protection import (
    LIFETIME_S,
    kept_rules,
    known_authority,
    renew_protection,
)
from resonance_tui.hosting.rulebook import Rulebook
from resonance_tui.protocol.frames import encode_rules
from resonance_tui.protocol.rules import NO_RULES, RoomRules, decode_body, sign_rules
from resonance_tui.room_keys import RoomKey, RoomKeys
from resonance_tui.signing import SigningKey

ROOM = "cats"
PROTECTS = RoomRules(least=5, nicknames_off=True, private_eps=150)


@pytest.fixture
def keys(tmp_path: Path) -> RoomKeys:
    return RoomKeys(tmp_path)


def keep(keys: RoomKeys, rules: RoomRules, *, ends_in_s: float, number: int = 7) -> RoomKey:
    key = keys.make(ROOM)
    signed = sign_rules(rules, ROOM, number, int(time.time() + ends_in_s), key.key)
    keys.keep_rules(ROOM, encode_rules(signed))
    return key


def held(keys: RoomKeys, key: RoomKey) -> RoomRules | None:
    return known_authority(keys, key).look(time.monotonic(), time.time())


def test_it_outlasts_them_and_nothing_else_does(keys: RoomKeys) -> None:
    others = replace(PROTECTS, muted=("mia",), is_locked=True, closed="Bye", title="Cats")
    key = keep(keys, others, ends_in_s=-LIFETIME_S)
    assert held(keys, key) is None
    assert renew_protection(keys, key)
    assert held(keys, key) == PROTECTS
    kept = kept_rules(keys, ROOM)
    assert kept and kept.signed and kept.signed.number > 7


def test_rules_that_hold_are_left_alone(keys: RoomKeys) -> None:
    key = keep(keys, PROTECTS, ends_in_s=99)
    assert not renew_protection(keys, key)
    assert held(keys, key) == PROTECTS


@pytest.mark.parametrize("rules", [NO_RULES, RoomRules(muted=("mia",), blind=True)])
def test_of_rules_that_protected_nobody_nothing_is_left(keys: RoomKeys, rules: RoomRules) -> None:
    key = keep(keys, rules, ends_in_s=-LIFETIME_S)
    assert not renew_protection(keys, key)
    assert held(keys, key) is None


def test_nothing_is_made_of_what_is_not_there_or_not_signed(keys: RoomKeys) -> None:
    key = keys.make(ROOM)
    assert not renew_protection(keys, key)
    body = sign_rules(PROTECTS, "dogs", 7, 1, SigningKey.generate())
    keys.keep_rules(ROOM, encode_rules(body))
    assert decode_body(body.body) == PROTECTS
    assert not renew_protection(keys, key)


def test_rules_that_end_while_a_room_is_kept_are_known_to_have_ended(keys: RoomKeys) -> None:
    key = keep(keys, PROTECTS, ends_in_s=-LIFETIME_S)
    book = Rulebook(keys, key, "host")
    assert book.has_ended and book.rules == NO_RULES
    keep(keys, PROTECTS, ends_in_s=99)
    assert not Rulebook(keys, key, "host").has_ended
