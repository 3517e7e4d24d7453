"""Whom a viewer believes about a room, and which rules hold."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import patience

from resonance_tui.protocol.events import HostKeyEvent, RulesEvent
from resonance_tui.protocol.rules import (
    RoomRules,
    SignedRules,
    delegate,
    encode_delegation,
    sign_rules,
    vouched,
)
from resonance_tui.room.authority import (
    GRACE_S,
    VERIFICATIONS_AT_ONCE,
    VERIFICATIONS_PER_S,
    Authority,
)
from resonance_tui.room.trust import Trust
from resonance_tui.signing import SigningKey, print_of, spki_print, vouch

NOW = 1_790_000_000
LATER = NOW + 86_400
HOST, OTHER, ZOE, BEN, MALLORY = (SigningKey.from_private(bytes([n] * 32)) for n in range(1, 6))


def word(key: SigningKey, co_host: SigningKey, *, channel="cats", until=LATER) -> bytes:
    return encode_delegation(delegate(key, channel, co_host.public, "zoe", until))


def rules(
    number: int,
    key: SigningKey = HOST,
    *,
    muted: str = "",
    channel: str = "cats",
    until: int = LATER,
    delegation: bytes = b"",
    revoked: tuple[bytes, ...] = (),
) -> SignedRules:
    body = RoomRules(muted=(muted or f"v{number}",), revoked=revoked)
    return sign_rules(body, channel, number, until, key, delegation)


def shown(signed: SignedRules, topic: str = "host") -> RulesEvent:
    return RulesEvent("cats", topic, signed)


def linked(**more) -> Authority:
    return Authority("cats", host_print=print_of(HOST.public), **more)


def muted_after(authority: Authority, *events: RulesEvent, at: float = NOW) -> tuple[str, ...]:
    for event in events:
        authority.take_rules(event)
    found = authority.look(0.0, at)
    return found.muted if found else ()


# --- the room's key ----------------------------------------------------------------------------


def test_a_key_is_believed_by_the_links_fingerprint_and_no_other_is() -> None:
    authority = linked()
    authority.take_key(HostKeyEvent("cats", OTHER.public), 0.0)
    assert (authority.trust, authority.key) == (Trust.CHANGED, None)
    authority.take_key(HostKeyEvent("dogs", HOST.public), 0.0)
    assert authority.key is None
    authority.take_key(HostKeyEvent("cats", HOST.public), 0.0)
    for event in (HostKeyEvent("cats", OTHER.public), HostKeyEvent("cats", None)):
        authority.take_key(event, 0.0)
        assert (authority.trust, authority.key) == (Trust.LINK, HOST.public)
    assert authority.shown is None


def test_a_link_is_enough_where_somebody_has_taken_the_key_away() -> None:
    assert muted_after(linked(), shown(rules(1))) == ("v1",)


def test_a_certificate_vouches_for_a_key_of_one_channel(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(certificate_key())
    spki, voucher = vouch(file, vouched("cats", HOST.public))
    pinned = Authority("cats", spki_print=spki_print(spki))
    for forged in (
        HostKeyEvent("cats", OTHER.public, spki, voucher),
        HostKeyEvent("cats", HOST.public, spki, b"x" * 70),
        HostKeyEvent("cats", HOST.public),
    ):
        pinned.take_key(forged, 0.0)
        assert (pinned.trust, pinned.key) == (Trust.UNKNOWN, None)
    pinned.take_key(HostKeyEvent("cats", HOST.public, spki, voucher), 0.0)
    assert (pinned.trust, pinned.key) == (Trust.LINK, HOST.public)
    other_room = Authority("dogs", spki_print=spki_print(spki))
    other_room.take_key(HostKeyEvent("dogs", HOST.public, spki, voucher), 0.0)
    assert other_room.key is None


def certificate_key() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_without_a_link_the_first_key_is_believed_only_where_the_topic_is_the_hosts() -> None:
    authority = Authority("cats")
    authority.take_rules(shown(rules(1)))
    authority.take_key(HostKeyEvent("cats", HOST.public), 0.0)
    assert authority.asks_for_first_use and authority.look(0.0, NOW) is None
    authority.trust_first()
    assert (authority.trust, authority.key) == (Trust.FIRST_USE, HOST.public)
    assert authority.look(0.0, NOW) == RoomRules(muted=("v1",))
    at_once = Authority("cats", may_trust_first=True)
    at_once.take_key(HostKeyEvent("cats", HOST.public), 0.0)
    assert at_once.trust is Trust.FIRST_USE and not at_once.asks_for_first_use


def test_a_changed_key_has_no_effect_until_the_person_has_chosen_it() -> None:
    authority = Authority("cats", remembered=HOST.public, highest_number=4)
    assert muted_after(authority, shown(rules(3)), shown(rules(9, OTHER), "x")) == ()
    authority.take_key(HostKeyEvent("cats", OTHER.public), 0.0)
    assert (authority.trust, authority.shown) == (Trust.CHANGED, OTHER.public)
    assert muted_after(authority, shown(rules(9, OTHER), "x")) == ()
    authority.accept()
    assert (authority.trust, authority.key, authority.shown) == (
        Trust.FIRST_USE,
        OTHER.public,
        None,
    )
    assert muted_after(authority) == ("v9",)  # what was there all the time
    assert authority.highest_number == 9
    assert muted_after(authority, shown(rules(2, OTHER), "x")) == ("v9",)


def test_the_remembered_key_comes_back() -> None:
    authority = Authority("cats", remembered=HOST.public)
    authority.take_key(HostKeyEvent("cats", OTHER.public), 0.0)
    authority.take_key(HostKeyEvent("cats", HOST.public), 0.0)
    assert (authority.trust, authority.shown) == (Trust.REMEMBERED, None)
    authority.take_key(HostKeyEvent("cats", OTHER.public), 0.0)
    assert authority.trust is Trust.REMEMBERED


def test_a_link_wins_over_what_was_remembered() -> None:
    authority = linked(remembered=OTHER.public, highest_number=9)
    assert authority.key is None
    assert muted_after(authority, shown(rules(1))) == ("v1",)


# --- rules -------------------------------------------------------------------------------------


def test_rules_that_are_forged_foreign_old_or_expired_have_no_effect() -> None:
    authority = linked()
    assert muted_after(authority, shown(rules(5))) == ("v5",)
    good = rules(9)
    for bad in (
        rules(9, OTHER),
        replace(good, key=OTHER.public),
        replace(good, number=10),
        replace(good, body=good.body + b"\x01"),
        replace(rules(9, OTHER), key=HOST.public),
        rules(9, channel="dogs"),
        rules(9, until=NOW - GRACE_S),
        rules(4),
        rules(9, ZOE),
        rules(9, ZOE, delegation=word(MALLORY, ZOE)),
        rules(9, ZOE, delegation=word(HOST, BEN)),
        rules(9, ZOE, delegation=word(HOST, ZOE, channel="dogs")),
        rules(9, ZOE, delegation=word(HOST, ZOE, until=NOW - GRACE_S)),
        rules(9, ZOE, delegation=b"junk"),
        rules(9, HOST, delegation=word(HOST, ZOE)),
    ):
        assert muted_after(authority, shown(bad)) == ("v5",)
    authority.take(RulesEvent("dogs", "host", good), 0.0)
    authority.take(RulesEvent("cats", "host", None), 0.0)
    assert muted_after(authority) == ("v5",)
    assert muted_after(authority, shown(good)) == ("v9",)


def test_a_co_host_rules_until_it_is_revoked_whatever_its_number() -> None:
    authority = linked()
    zoe = word(HOST, ZOE)
    huge = rules(2**53 - 1, ZOE, delegation=zoe, muted="bob")
    assert muted_after(authority, shown(rules(5)), shown(huge, "zoe")) == ("bob",)
    revoking = rules(6, revoked=(ZOE.public[:8],))
    assert muted_after(authority, shown(revoking)) == ("v6",)
    again = rules(2**53 - 1, ZOE, delegation=zoe, muted="mia")
    assert muted_after(authority, shown(again, "zoe")) == ("v6",)


def test_only_the_rooms_own_key_revokes() -> None:
    authority = linked()
    zoe, ben = word(HOST, ZOE), word(HOST, BEN)
    coup = rules(7, ZOE, delegation=zoe, revoked=(BEN.public[:8],))
    muted_after(authority, shown(rules(5)), shown(coup, "zoe"))
    assert authority.rules is not None and authority.rules.revoked == ()
    assert muted_after(authority, shown(rules(8, BEN, delegation=ben), "ben")) == ("v8",)


def test_of_two_equal_numbers_everybody_takes_the_same() -> None:
    one, two = rules(5), rules(5, ZOE, delegation=word(HOST, ZOE), muted="bob")
    expected = ("v5",) if one.signature > two.signature else ("bob",)
    assert muted_after(linked(), shown(one), shown(two, "zoe")) == expected
    assert muted_after(linked(), shown(two, "zoe"), shown(one)) == expected


def test_expired_rules_end_and_cannot_be_replayed() -> None:
    authority, until = linked(), NOW + 60
    assert muted_after(authority, shown(rules(5, until=until))) == ("v5",)
    assert muted_after(authority, at=until + GRACE_S - 1) == ("v5",)
    assert muted_after(authority, at=until + GRACE_S) == ()
    assert authority.number == 0
    assert muted_after(authority, shown(rules(4)), at=until + GRACE_S) == ()
    assert authority.highest_number == 5


def test_what_was_remembered_of_an_earlier_run_cannot_be_undercut() -> None:
    authority = Authority("cats", remembered=HOST.public, highest_number=7)
    assert muted_after(authority, shown(rules(6))) == ()
    assert authority.highest_number == 7
    assert muted_after(authority, shown(rules(7))) == ("v7",)


numbers = st.integers(1, 6)
honest = st.builds(rules, numbers)
co_hosted = st.builds(lambda n: rules(n, ZOE, delegation=word(HOST, ZOE)), numbers)
revoking = st.builds(lambda n: rules(n, revoked=(ZOE.public[:8],)), st.just(7))
dishonest = st.one_of(
    st.builds(lambda n: rules(n, MALLORY), numbers),
    st.builds(lambda n: replace(rules(n, MALLORY), key=HOST.public), numbers),
    st.builds(lambda n, m: replace(rules(n), number=m), numbers, st.integers(7, 9)),
    st.builds(lambda n: rules(n + 6, channel="dogs"), numbers),
    st.builds(lambda n: rules(n + 6, until=NOW - GRACE_S), numbers),
    st.builds(lambda n: rules(n + 6, ZOE, delegation=word(MALLORY, ZOE)), numbers),
    st.builds(lambda n: rules(n + 6, BEN, delegation=word(HOST, ZOE)), numbers),
    st.builds(
        lambda n: rules(n + 6, BEN, delegation=word(HOST, BEN, until=NOW - GRACE_S)), numbers
    ),
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(honest | co_hosted | revoking, max_size=8),
    st.lists(dishonest, max_size=6),
    st.randoms(use_true_random=False),
)
def test_order_repetition_and_forgery_change_nothing(
    good: list[SignedRules], bad: list[SignedRules], chance: random.Random
) -> None:
    arrivals = [*good, *good, *bad]
    chance.shuffle(arrivals)
    authority = linked()
    authority.take_key(HostKeyEvent("cats", HOST.public), 0.0)
    for number, signed in enumerate(arrivals):
        authority.take_rules(shown(signed, chance.choice(("host", "zoe", "mallory"))))
        authority.look(float(number), NOW)
    own = [each for each in good if each.key == HOST.public]
    is_revoked = any(each.number == 7 for each in own)
    left = own if is_revoked else good
    newest = max(left, key=lambda each: (each.number, each.signature), default=None)
    assert authority.number == (newest.number if newest else 0)
    expected = (f"v{newest.number}",) if newest else None
    assert (authority.rules.muted if authority.rules else None) == expected


# --- a flood -----------------------------------------------------------------------------------


@pytest.mark.parametrize("topics", [1, 10_000])
def test_ten_thousand_rules_a_second_cost_little_and_the_hosts_word_comes_through(
    topics: int,
) -> None:
    authority = linked()
    assert muted_after(authority, shown(rules(1))) == ("v1",)
    mine = rules(2)
    forged = [replace(mine, number=n + 10, signature=n.to_bytes(4) * 16) for n in range(10_000)]
    events = [shown(each, f"m{n % topics}") for n, each in enumerate(forged)]
    before = authority.verified
    spent = time.process_time()
    for tenth in range(10):
        for event in events[tenth * 1000 : (tenth + 1) * 1000]:
            authority.take_rules(event)
        if tenth == 9:
            authority.take_rules(shown(mine))
        authority.look(tenth / 10, NOW)
    spent = time.process_time() - spent
    assert authority.verified - before <= VERIFICATIONS_AT_ONCE + VERIFICATIONS_PER_S
    assert authority.rules is not None and authority.rules.muted == ("v2",)
    assert spent < patience(0.5), f"{spent:.3f} s of a second"


def test_rules_that_have_expired_are_not_lost_in_silence() -> None:
    """The clock of a guest may be ahead, or that of the host behind."""
    authority = linked()
    late = rules(7, until=NOW - 86_400)
    assert muted_after(authority, shown(late)) == ()
    assert authority.ended_at == NOW - 86_400
    forged = replace(late, expires_at=NOW - 3_600)
    assert muted_after(authority, shown(forged)) == ()
    assert authority.ended_at == NOW - 86_400  # nobody but the host says when
    spent = authority.verified
    for _ in range(20):
        muted_after(authority, shown(late), shown(forged))
    assert authority.verified == spent
    assert muted_after(authority, shown(rules(8))) == ("v8",)
    assert muted_after(authority, at=LATER + GRACE_S + 1) == ()
    assert authority.ended_at == LATER
