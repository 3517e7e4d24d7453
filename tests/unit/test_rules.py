"""A room's rules as bytes: what is signed comes back, and nothing else gets through."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import InputError, WireError
from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.frames import encode_host_key, encode_rules
from resonance_tui.protocol.messages import HOST_KEY, RULES, decode
from resonance_tui.protocol.rules import (
    BODY_MOST,
    DELEGATION_MOST,
    IDS_MOST,
    NUMBER_MOST,
    Act,
    Delegation,
    RoomRules,
    decode_body,
    decode_delegation,
    delegate,
    encode_body,
    encode_delegation,
    sign_rules,
)
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.signing import SigningKey

HOST = SigningKey.from_private(bytes(range(32)))
CO_HOST = SigningKey.from_private(bytes(range(1, 33)))
THEN = 1_790_000_000

ids = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)
few_ids = st.lists(ids, max_size=10).map(tuple)
plain = st.text(st.characters(categories=("Lu", "Ll", "Nd")), max_size=32).map(safe_text)
rules = st.builds(
    RoomRules,
    muted=few_ids,
    removed=few_ids,
    hidden_names=few_ids,
    is_locked=st.booleans(),
    admitted=few_ids,
    nicknames_off=st.booleans(),
    slow_s=st.integers(0, 600),
    closed=st.none() | plain,
    host_ids=few_ids,
    revoked=st.lists(st.binary(min_size=8, max_size=8), max_size=16).map(tuple),
    acts=st.lists(st.builds(Act, st.integers(0, 2**40), plain, plain, plain), max_size=4).map(
        tuple
    ),
    title=plain,
)


@given(rules)
def test_rules_come_back_as_they_were_sent(sent: RoomRules) -> None:
    assert decode_body(encode_body(sent)) == sent


def test_an_empty_room_has_rules_of_one_byte() -> None:
    assert encode_body(RoomRules()) == b"\x80"
    assert decode_body(b"\x80") == RoomRules()


def test_a_newer_key_is_ignored() -> None:
    body = msgpack.packb({"muted": ["mia"], "music": "loud"})
    assert decode_body(body) == RoomRules(muted=("mia",))


@pytest.mark.parametrize(
    "body",
    [
        {"muted": ["Not An Id"]},
        {"muted": ["mia\n"]},
        {"muted": "mia"},
        {"muted": [f"v{n}" for n in range(IDS_MOST + 1)]},
        {"muted": ["a"] * 100, "removed": ["b"] * 51},
        {"slow_s": 601},
        {"slow_s": True},
        {"is_locked": 1},
        {"closed": 3},
        {"revoked": [b"7 bytes"]},
        {"acts": [[1, "host", "mute", "mia"]] * 9},
        {"title": "x" * 5000},
        ["mia"],
    ],
)
def test_rules_out_of_bounds_are_refused(body: object) -> None:
    with pytest.raises(WireError):
        decode_body(msgpack.packb(body))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_rules_or_a_wire_error(data: bytes) -> None:
    for read in (decode_body, decode_delegation):
        with contextlib.suppress(WireError):
            read(data)


def test_text_from_the_network_comes_out_safe_to_draw() -> None:
    nasty = "\x1b[31mred\u202e [@click=app.quit]"
    body = msgpack.packb(
        {"closed": nasty, "title": nasty, "acts": [[1, nasty, nasty, nasty]], "slow_s": 1}
    )
    read = decode_body(body)
    for text in (read.closed, read.title, read.acts[0].by, read.acts[0].whom):
        assert text == safe_text(text or "", 200) and "red" in text


def test_the_oldest_acts_make_room_for_the_rules() -> None:
    acts = tuple(Act(THEN + n, "x" * 32, "y" * 32, "z" * 32) for n in range(20))
    many = tuple(f"{n:020}" for n in range(130))
    read = decode_body(encode_body(RoomRules(muted=many, acts=acts)))
    assert read.muted == many
    assert 0 < len(read.acts) < 8 and read.acts == acts[-len(read.acts) :]


def test_rules_that_nobody_would_take_are_not_signed() -> None:
    for muted in (tuple(f"v{n}" for n in range(IDS_MOST + 1)), ("Not An Id",), ("a" * 32,) * 120):
        with pytest.raises(InputError, match="cannot be sent"):
            encode_body(RoomRules(muted=muted))


# --- signatures --------------------------------------------------------------------------------


def test_a_signature_holds_for_its_channel_number_expiry_and_body() -> None:
    signed = sign_rules(RoomRules(muted=("mia",)), "cats", 7, THEN, HOST)
    assert signed.is_signed("cats")
    assert not signed.is_signed("dogs")
    for other in (
        replace(signed, number=8),
        replace(signed, expires_at=THEN + 1),
        replace(signed, body=b"\x80"),
        replace(signed, key=CO_HOST.public),
        replace(signed, signature=bytes(64)),
    ):
        assert not other.is_signed("cats")


def test_a_delegation_holds_for_its_channel_key_name_and_expiry() -> None:
    made = delegate(HOST, "cats", CO_HOST.public, "Zoë", THEN)
    assert decode_delegation(encode_delegation(made)) == made
    assert made.is_signed_by(HOST.public, "cats")
    assert not made.is_signed_by(CO_HOST.public, "cats")
    assert not made.is_signed_by(HOST.public, "dogs")
    for other in (
        replace(made, key=HOST.public),
        replace(made, name="Zoe"),
        replace(made, expires_at=THEN + 1),
    ):
        assert not other.is_signed_by(HOST.public, "cats")


def test_the_largest_rules_fit_their_message() -> None:
    name = "漢" * 12
    delegation = encode_delegation(Delegation(CO_HOST.public, "漢" * 32, 2**40, bytes(64)))
    assert len(delegation) <= DELEGATION_MOST
    signed = sign_rules(RoomRules(title=name), "c" * 64, NUMBER_MOST, 2**40, CO_HOST, delegation)
    widest = replace(signed, body=bytes(BODY_MOST), delegation=bytes(DELEGATION_MOST))
    assert len(encode_rules(widest)) <= RULES.max_bytes


@given(rules, st.integers(0, NUMBER_MOST), st.binary(max_size=DELEGATION_MOST))
def test_signed_rules_come_back_over_the_wire(
    sent: RoomRules, number: int, delegation: bytes
) -> None:
    signed = sign_rules(sent, "cats", number, THEN, HOST, delegation)
    event = decode(RULES.topic.of("cats", "mia"), encode_rules(signed))
    assert event == RulesEvent("cats", "mia", signed)
    assert decode_body(signed.body) == sent


def test_a_host_key_comes_back_and_both_can_be_taken_back() -> None:
    topic = HOST_KEY.topic.of("cats")
    payload = encode_host_key(HOST.public, b"spki", b"voucher")
    assert decode(topic, payload) == HostKeyEvent("cats", HOST.public, b"spki", b"voucher")
    assert decode(topic, b"") == HostKeyEvent("cats", None)
    assert decode(RULES.topic.of("cats", "mia"), b"") == RulesEvent("cats", "mia", None)
    with pytest.raises(WireError):
        decode(topic, msgpack.packb([1, b"short"]))
