"""The book of accounts and invites, and the words at the door: hostile until decoded."""

from __future__ import annotations

import contextlib
import stat
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_broker import AccountsStore, BrokerProblem, ProblemKind
from resonance_broker.accounts import (
    Account,
    AccountList,
    Role,
    StoredInvite,
    add_account,
    decode_accounts,
    encode_accounts,
    remove_account,
    set_reading,
)
from resonance_broker.invites import REMEMBER_S, add_invites, redeem
from resonance_broker.passwords import hash_password, is_sha512, new_secret
from resonance_tui.errors import InputError, StoreError, WireError
from resonance_tui.hosting.accounts import parse_span
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.protocol.events import EnrollmentAnswer, EnrollmentRequest
from resonance_tui.protocol.frames import encode_enrollment_answer, encode_enrollment_request
from resonance_tui.protocol.links import new_token
from resonance_tui.protocol.messages import ENROLLMENT_ANSWER, ENROLLMENT_REQUEST, decode
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.values import EnrollmentResult

DIGEST = hash_password("a", b"0123456789ab")
OTHER = hash_password("b", b"0123456789ab")
INVITE = StoredInvite("abcdefgh", DIGEST, "cats", expires_at=1000.0)
OPEN = add_invites(AccountList(), [INVITE], now=0.0)


# --- invites -----------------------------------------------------------------------------------


def test_an_invite_becomes_one_account_bound_to_its_channel() -> None:
    book, verdict = redeem(OPEN, "abcdefgh", "mia", DIGEST, now=999.0)
    assert verdict is EnrollmentResult.WELCOME
    assert book.accounts == {"mia": Account("mia", DIGEST, Role.VIEWER, ("cats",))}
    assert redeem(book, "abcdefgh", "eve", OTHER, now=999.0) == (book, EnrollmentResult.USED)


def test_who_asks_again_after_a_lost_answer_is_welcome_again_even_when_time_is_up() -> None:
    book, _ = redeem(OPEN, "abcdefgh", "mia", DIGEST, now=999.0)
    assert redeem(book, "abcdefgh", "mia", DIGEST, now=2000.0) == (book, EnrollmentResult.WELCOME)
    assert redeem(book, "abcdefgh", "mia", OTHER, now=999.0) == (book, EnrollmentResult.USED)
    assert redeem(book, "abcdefgh", "eve", OTHER, now=2000.0) == (book, EnrollmentResult.USED)


def test_who_was_removed_is_told_so_and_does_not_come_back_by_the_same_name() -> None:
    book, _ = redeem(OPEN, "abcdefgh", "mia", DIGEST, now=999.0)
    without = remove_account(book, "mia")
    again = redeem(without, "abcdefgh", "mia", DIGEST, now=999.0)
    assert again == (without, EnrollmentResult.REMOVED)


@pytest.mark.parametrize(
    ("invite", "name", "digest", "now", "verdict"),
    [
        ("abcdefgh", "mia", DIGEST, 1000.0, EnrollmentResult.EXPIRED),
        ("zzzzzzzz", "mia", DIGEST, 1.0, EnrollmentResult.UNKNOWN),
        ("abcdefgh", "agg-1", DIGEST, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "resonance-host", DIGEST, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "invite-abcdefgh", DIGEST, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "a/b", DIGEST, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "+", DIGEST, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "mia\nuser eve", DIGEST, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "mia", "secret", 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "mia", hash_password("a", b"salt"), 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "mia", DIGEST + "\neve:" + OTHER, 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "mia", DIGEST.replace("$101$", "$900000000$"), 1.0, EnrollmentResult.BROKEN),
        ("abcdefgh", "taken", DIGEST, 1.0, EnrollmentResult.NAME_TAKEN),
    ],
)
def test_what_is_not_right_changes_nothing(invite, name, digest, now, verdict) -> None:
    book = add_account(OPEN, Account("taken", OTHER))
    assert redeem(book, invite, name, digest, now) == (book, verdict)


@given(name=st.text(max_size=40), digest=st.text(max_size=220), now=st.floats(0, 2000))
def test_whatever_is_asked_a_file_for_mosquitto_keeps_its_lines(name, digest, now) -> None:
    book, verdict = redeem(OPEN, "abcdefgh", name, digest, now)
    assert (verdict is EnrollmentResult.WELCOME) == (book != OPEN)
    assert all("\n" not in f"{each.name}{each.digest}" for each in book.accounts.values())


def test_invites_that_ran_out_long_ago_are_forgotten_and_their_number_is_bounded() -> None:
    assert add_invites(OPEN, [], now=1000.0 + REMEMBER_S).invites == {}
    many = [StoredInvite(f"{number:08}", DIGEST) for number in range(10_001)]
    with pytest.raises(BrokerProblem, match="10000 invites"):
        add_invites(AccountList(), many, now=0.0)


def test_passwords_differ_and_cannot_be_guessed() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 29
    assert is_sha512(hash_password(new_secret())) and new_secret() not in hash_password("x")


# --- accounts ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "role", "word"),
    [
        ("", Role.VIEWER, "not a name"),
        ("Mia", Role.VIEWER, "not a name"),
        ("#", Role.VIEWER, "not a name"),
        ("m" * 33, Role.VIEWER, "not a name"),
        ("mia\n", Role.VIEWER, "not a name"),
        ("resonance-host", Role.HOST, "kept for this program"),
        ("invite-x", Role.VIEWER, "kept for this program"),
        ("agg-1", Role.VIEWER, "belongs to an aggregator"),
        ("mia", Role.AGGREGATOR, "begins with agg-"),
        ("taken", Role.VIEWER, "already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(name: str, role: Role, word: str) -> None:
    book = add_account(AccountList(), Account("taken", DIGEST))
    with pytest.raises(BrokerProblem, match=word) as caught:
        add_account(book, Account(name, DIGEST, role))
    assert caught.value.kind is ProblemKind.USAGE


def test_nobody_is_removed_twice() -> None:
    book = add_account(AccountList(), Account("mia", DIGEST))
    assert remove_account(book, "mia") == AccountList()
    with pytest.raises(BrokerProblem, match="no user 'eve'") as caught:
        remove_account(book, "eve")
    assert "mia" in caught.value.hint


# --- on disk -----------------------------------------------------------------------------------


def test_a_book_reads_back_as_itself_and_holds_no_secret() -> None:
    account = Account("mia", DIGEST, Role.LOGGER, ("cats", "dogs"))
    book, _ = redeem(add_account(OPEN, account), "abcdefgh", "bob", OTHER, 1.0)
    assert decode_accounts(encode_accounts(book)) == book
    assert DIGEST not in repr(book)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_book_or_refused(data: bytes) -> None:
    try:
        decode_accounts(data)
    except ValueError:
        pass
    else:
        pytest.fail("a book out of nothing")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"mia"', b'"mia\\nuser eve"'),
        (b'"mia"', b'"mia\\n"'),
        (b'"cats"', b'"cats\\n"'),
        (b'"viewer"', b'"king"'),
        (b'"cats"', b'"#"'),
        (b"$7$101$", b"$7$x$"),
        (b'"version": 1', b'"version": 2'),
    ],
)
def test_a_book_that_was_tampered_with_is_refused(before: bytes, after: bytes) -> None:
    data = encode_accounts(add_account(AccountList(), Account("mia", DIGEST, channels=("cats",))))
    assert before in data
    with pytest.raises(ValueError):
        decode_accounts(data.replace(before, after))


def test_changes_of_many_at_once_are_all_kept_and_for_the_owner_alone(tmp_path: Path) -> None:
    file = AccountsStore(tmp_path / "broker")
    assert file.load() == AccountList()

    def add(number: int) -> None:
        AccountsStore(tmp_path / "broker").change(
            lambda book: (add_account(book, Account(f"v{number}", DIGEST)), None)
        )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.load().accounts) == 20
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_a_damaged_book_is_named_and_left_alone(tmp_path: Path) -> None:
    file = AccountsStore(tmp_path)
    file.path.write_text("{")
    with pytest.raises(BrokerProblem, match=r"accounts\.json cannot be read") as caught:
        file.change(lambda book: (add_account(book, Account("mia", DIGEST)), None))
    assert caught.value.kind is ProblemKind.FILE
    assert file.path.read_text() == "{"


def test_a_stamp_tells_every_change(tmp_path: Path) -> None:
    file = AccountsStore(tmp_path)
    stamps = [file.stamp]
    for name in ("mia", "bob"):
        file.change(lambda book, name=name: (add_account(book, Account(name, DIGEST)), None))
        stamps.append(file.stamp)
    assert len(set(stamps)) == 3


# --- enrolment ---------------------------------------------------------------------------------


REQUEST_TOPIC = ENROLLMENT_REQUEST.topic.of("abcdefgh")
ANSWER_TOPIC = ENROLLMENT_ANSWER.topic.of("abcdefgh")


def test_request_and_answer_are_decoded_as_they_were_encoded() -> None:
    request = decode(REQUEST_TOPIC, encode_enrollment_request("mia", DIGEST))
    assert request == EnrollmentRequest("abcdefgh", "mia", DIGEST)
    answer = decode(ANSWER_TOPIC, encode_enrollment_answer("mia", "used"))
    assert answer == EnrollmentAnswer("abcdefgh", "mia", "used")


@given(
    topic=st.text(max_size=60)
    | st.from_regex(r"resonance/door/[^/]{0,12}/(knock|answer)", fullmatch=True),
    payload=st.binary(max_size=600) | st.lists(st.text(max_size=300)).map(msgspec.msgpack.encode),
)
def test_any_message_is_a_request_an_answer_or_refused(topic: str, payload: bytes) -> None:
    with contextlib.suppress(WireError):
        assert isinstance(decode(topic, payload), EnrollmentRequest | EnrollmentAnswer)


@pytest.mark.parametrize("name", ["", "Mia", "a/b", "mia\nuser eve"])
def test_a_request_for_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        decode(REQUEST_TOPIC, encode_enrollment_request(name, DIGEST))


def test_a_request_that_is_too_long_is_refused() -> None:
    payload = encode_enrollment_request("mia", DIGEST) + bytes(600)
    with pytest.raises(WireError, match="bytes"):
        decode(REQUEST_TOPIC, payload)


# --- what a viewer keeps -----------------------------------------------------------------------


def saved(channel: str = "cats", **changes) -> SavedLogin:
    values = {
        **{"broker": "mqtts://h:8883", "channel": channel, "user": new_viewer_id()},
        **{"password": "pw", "pin": "ab", "invite": new_token().id, "is_confirmed": True},
    }
    return SavedLogin(**{**values, **changes})


def test_a_login_is_kept_for_its_channel_and_its_broker(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "data" / "logins.json")
    cats, dogs = saved(password="not to be told"), saved("dogs", pin="")
    for each in (cats, dogs):
        logins.keep(each)
    assert logins.find("mqtts://h:8883", "cats") == cats
    assert logins.find("mqtt://h:8883", "cats") is None  # without TLS it would be overheard
    assert logins.find("mqtts://moved:8883", "cats", "ab") == cats
    assert logins.find("mqtts://moved:8883", "cats", "cd") is None
    assert logins.pin_for("mqtts://h:8883") == "ab"
    assert logins.any_for("mqtts://h:8883") == cats
    assert stat.S_IMODE((tmp_path / "data" / "logins.json").stat().st_mode) == 0o600
    assert "not to be told" not in repr(cats)


def test_a_login_is_for_all_addresses_of_its_link(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "logins.json")
    own = saved(broker="mqtts://second:8883", pin="")
    linked = saved(pin="", also_at=("mqtts://second:8883", "mqtts://third:8883"))
    logins.keep(linked)
    assert logins.find("mqtts://second:8883", "cats") == linked
    assert logins.any_for("mqtts://third:8883") == linked
    assert logins.find("mqtt://third:8883", "cats") is None
    logins.keep(own)
    assert logins.find("mqtts://second:8883", "cats") == own, "no link takes another's place"
    assert logins.any_for("mqtts://second:8883") == own
    assert logins.all() == [linked, own]


def test_an_account_that_is_not_confirmed_yet_is_remembered_and_not_used(tmp_path: Path) -> None:
    logins = Logins(tmp_path / "logins.json")
    old, asked = saved(), saved(is_confirmed=False, pin="cd")
    for each in (old, asked):
        logins.keep(each)
    assert logins.of_invite(asked.invite) == asked
    assert logins.find("mqtts://h:8883", "cats") == old
    assert logins.pin_for("mqtts://h:8883") == "ab"
    logins.forget(asked)
    assert logins.all() == [old]
    confirmed = saved(pin="cd")
    logins.keep(confirmed)
    assert logins.all() == [confirmed]


def test_damaged_logins_are_named(tmp_path: Path) -> None:
    (tmp_path / "logins.json").write_text('[{"broker": 1}]')
    with pytest.raises(StoreError, match="cannot be read"):
        Logins(tmp_path / "logins.json").all()


# --- spans -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("24h", 86_400), (" 7D ", 604_800)])
def test_spans_of_time(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@given(st.text(max_size=12))
def test_any_text_is_a_span_or_refused(text: str) -> None:
    try:
        assert 0 < parse_span(text) <= 366 * 86_400
    except InputError as error:
        assert error.exit_code == 2


def test_whoever_comes_or_goes_changes_nothing_of_what_viewers_read() -> None:
    book = set_reading(OPEN, {"cats": True})
    after, _ = redeem(book, "abcdefgh", "mia", DIGEST, now=999.0)
    assert "mia" in after.accounts and after.reading == book.reading
    assert remove_account(after, "mia").reading == book.reading
