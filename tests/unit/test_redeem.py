"""Invites for many: how many come in, how fast, until when, and how it ends."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from resonance_broker import BrokerProblem, ProblemKind
from resonance_broker.accounts import (
    Account,
    AccountList,
    InviteUse,
    StoredInvite,
    add_account,
    decode_accounts,
    encode_accounts,
    remove_account,
)
from resonance_broker.invites import (
    RATE_WINDOW_S,
    InviteState,
    add_invites,
    find_invites,
    redeem,
    remove_guests,
    revoke,
    state_of,
)
from resonance_broker.passwords import hash_password
from resonance_tui.protocol.values import EnrollmentResult

DIGEST = hash_password("a", b"0123456789ab")
OTHER = hash_password("b", b"0123456789ab")
LINK = StoredInvite("abcdefgh", DIGEST, "cats", expires_at=1000.0, most_uses=3, label="friday")
OPEN = add_invites(AccountList(), [LINK], now=0.0)


def enter(book: AccountList, *names: str, now: float = 1.0) -> AccountList:
    for name in names:
        book, result = redeem(book, "abcdefgh", name, DIGEST, now)
        assert result is EnrollmentResult.WELCOME
    return book


def test_a_room_link_lets_in_as_many_as_it_was_made_for() -> None:
    book = enter(OPEN, "a", "b", "c")
    assert {*book.accounts} == {"a", "b", "c"}
    assert {each.channels for each in book.accounts.values()} == {("cats",)}
    assert book.invites["abcdefgh"].users == ("a", "b", "c")
    assert redeem(book, "abcdefgh", "d", DIGEST, 1.0) == (book, EnrollmentResult.FULL)
    assert state_of(book.invites["abcdefgh"], 1.0) is InviteState.USED


def test_who_has_come_in_is_welcome_again_and_nobody_else_by_that_name() -> None:
    book = enter(OPEN, "a", "b", "c")
    assert redeem(book, "abcdefgh", "b", DIGEST, 2000.0) == (book, EnrollmentResult.WELCOME)
    assert redeem(book, "abcdefgh", "b", OTHER, 1.0) == (book, EnrollmentResult.NAME_TAKEN)
    without = remove_account(book, "b")
    assert redeem(without, "abcdefgh", "b", DIGEST, 1.0) == (without, EnrollmentResult.REMOVED)
    assert redeem(without, "abcdefgh", "d", DIGEST, 1.0) == (without, EnrollmentResult.FULL)


def test_a_link_that_ran_out_of_time_or_was_revoked_says_so() -> None:
    assert redeem(OPEN, "abcdefgh", "a", DIGEST, 1000.0) == (OPEN, EnrollmentResult.EXPIRED)
    ended = revoke(OPEN, [LINK], now=5.0)
    assert redeem(ended, "abcdefgh", "a", DIGEST, 1.0) == (ended, EnrollmentResult.REVOKED)
    assert state_of(ended.invites["abcdefgh"], 1.0) is InviteState.REVOKED


def test_a_locked_room_lets_nobody_new_in_and_spends_nothing() -> None:
    answer = redeem(OPEN, "abcdefgh", "a", DIGEST, 1.0, locked={"cats"})
    assert answer == (OPEN, EnrollmentResult.LOCKED)
    inside = enter(OPEN, "a")
    again = redeem(inside, "abcdefgh", "a", DIGEST, 1.0, locked={"cats"})
    assert again == (inside, EnrollmentResult.WELCOME)
    _, other = redeem(OPEN, "abcdefgh", "a", DIGEST, 1.0, locked={"dogs"})
    assert other is EnrollmentResult.WELCOME


def test_more_than_the_rate_wait_for_their_turn() -> None:
    slow = add_invites(AccountList(), [dataclasses.replace(LINK, per_minute=2)], now=0.0)
    book = enter(slow, "a", now=10.0)
    book = enter(book, "b", now=20.0)
    assert redeem(book, "abcdefgh", "c", DIGEST, 69.9) == (book, EnrollmentResult.WAIT)
    assert redeem(book, "abcdefgh", "b", DIGEST, 21.0) == (book, EnrollmentResult.WELCOME)
    enter(book, "c", now=70.0)


def test_accounts_that_came_by_a_revoked_link_stay_unless_they_are_removed_too() -> None:
    book = add_account(enter(OPEN, "a", "b"), Account("ada", DIGEST))
    (link,) = find_invites(book, "friday", 1.0)
    ended = revoke(book, [link], 1.0)
    assert {*ended.accounts} == {"a", "b", "ada"}
    assert {*remove_guests(ended, [link]).accounts} == {"ada"}


def test_an_invite_is_found_by_its_id_or_its_name() -> None:
    old = dataclasses.replace(LINK, id="bbbbbbbb", expires_at=1.0)
    book = AccountList({}, {each.id: each for each in (LINK, old)})
    assert find_invites(book, "bbbbbbbb", 5.0) == [old]
    assert find_invites(book, "friday", 5.0) == [LINK]
    assert find_invites(book, "friday", 2000.0) == [LINK, old]
    for unknown in ("", "saturday"):
        with pytest.raises(BrokerProblem, match="there is no invite") as caught:
            find_invites(book, unknown, 5.0)
        assert caught.value.kind is ProblemKind.USAGE


def test_two_open_links_never_have_one_name() -> None:
    second = dataclasses.replace(LINK, id="bbbbbbbb")
    with pytest.raises(BrokerProblem, match="an open link is called 'friday'"):
        add_invites(OPEN, [second], now=1.0)
    assert len(add_invites(OPEN, [second], now=1000.0).invites) == 2
    assert len(add_invites(revoke(OPEN, [LINK], 1.0), [second], now=1.0).invites) == 2


# --- whatever happens --------------------------------------------------------------------------


class Door(RuleBasedStateMachine):
    """A link with four places and two accounts a minute, and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        link = dataclasses.replace(LINK, most_uses=4, per_minute=2, expires_at=400.0)
        self.book = add_invites(AccountList(), [link], self.now)
        self.came_in: dict[str, float] = {}
        self.has_ended = False

    @rule(seconds=st.sampled_from([0.0, 1.0, 25.0, 60.0, 500.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def it_is_revoked(self) -> None:
        self.book = revoke(self.book, [self.link], self.now)
        self.has_ended = True

    @rule(name=st.sampled_from("abcdef"))
    def somebody_is_removed(self, name: str) -> None:
        if name in self.book.accounts:
            self.book = remove_account(self.book, name)

    @rule(
        name=st.sampled_from("abcdef"),
        digest=st.sampled_from([DIGEST, OTHER]),
        is_locked=st.booleans(),
    )
    def somebody_asks(self, name: str, digest: str, is_locked: bool) -> None:
        before, known = self.book, self.book.accounts.get(name)
        locked = {"cats"} if is_locked else ()
        self.book, result = redeem(before, "abcdefgh", name, digest, self.now, locked=locked)
        if self.book == before:
            is_again = known is not None and known.digest == digest
            assert (result is EnrollmentResult.WELCOME) == is_again
            return
        assert result is EnrollmentResult.WELCOME
        assert name not in self.came_in and not is_locked and not self.has_ended
        assert self.now < 400.0
        assert self.book.accounts == {
            **before.accounts,
            name: Account(name, digest, channels=("cats",)),
        }
        self.came_in[name] = self.now

    @rule()
    def everything_is_written_down_and_read_again(self) -> None:
        assert decode_accounts(encode_accounts(self.book)) == self.book

    @property
    def link(self) -> StoredInvite:
        return self.book.invites["abcdefgh"]

    @invariant()
    def no_more_than_it_was_made_for_and_no_faster(self) -> None:
        assert self.link.users == tuple(self.came_in)
        assert len(self.came_in) <= 4
        times = sorted(self.came_in.values())
        assert all(
            later - first >= RATE_WINDOW_S for first, later in zip(times, times[2:], strict=False)
        )


TestDoor = Door.TestCase


# --- files of other versions -------------------------------------------------------------------


def test_accounts_of_the_first_version_open_and_their_invites_stay_for_one_person() -> None:
    old = {"id": "abcdefgh", "digest": DIGEST, "channel": "cats", "expires_at": 9.0}
    page = {"version": 1, "accounts": [], "invites": [{**old, "used_by": "mia"}]}
    book = decode_accounts(msgspec.json.encode(page))
    invite = book.invites["abcdefgh"]
    assert (invite.most_uses, invite.users, invite.is_room_link) == (1, ("mia",), False)
    assert redeem(book, "abcdefgh", "eve", DIGEST, 1.0)[1] is EnrollmentResult.USED


@dataclasses.dataclass
class FirstInvite:
    """A stored invite as the first version reads it."""

    id: str
    digest: str
    channel: str = ""
    expires_at: float = 0.0
    used_by: str = ""


def test_the_first_version_opens_ours_and_takes_no_ended_link_for_an_open_one() -> None:
    book = revoke(OPEN, [LINK], now=5.0)
    used = enter(add_invites(book, [dataclasses.replace(LINK, id="bbbbbbbb")], 1.0))
    used, _ = redeem(used, "bbbbbbbb", "a", DIGEST, 1.0)
    read = msgspec.json.decode(encode_accounts(used), type=dict[str, msgspec.Raw])
    revoked, spent = msgspec.json.decode(read["invites"], type=list[FirstInvite])
    assert revoked.expires_at <= 5.0
    assert spent.used_by == "a"


@pytest.mark.parametrize(
    "change",
    [
        {"most_uses": 0},
        {"most_uses": 10_001},
        {"per_minute": -1},
        {"label": "two\nlines"},
        {"label": "x" * 33},
        {"uses": (InviteUse("Not/A/Name", 1.0),)},
    ],
)
def test_an_invite_that_was_tampered_with_is_refused(change: dict[str, object]) -> None:
    book = AccountList({}, {"abcdefgh": dataclasses.replace(LINK, **change)})
    with pytest.raises(ValueError):
        decode_accounts(encode_accounts(book))
