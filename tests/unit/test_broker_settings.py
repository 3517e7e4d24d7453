"""Broker settings, users files and access rules: what is refused, and what Mosquitto is told."""

from __future__ import annotations

import base64
import hashlib
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resonance_broker import BrokerProblem, BrokerSettings, ProblemKind
from resonance_broker.access import BrokerLogin, access_rules, parse_users, users_file
from resonance_broker.accounts import (
    HOST_NAME,
    Account,
    AccountList,
    Reading,
    Role,
    StoredInvite,
    decode_accounts,
    encode_accounts,
    set_reading,
)
from resonance_broker.passwords import hash_password
from resonance_broker.settings import is_loopback, mosquitto_conf, warnings
from resonance_tui.protocol.messages import NICKNAME, REPORT, TABLE
from resonance_tui.protocol.topics import shard_of

DATA = Path("/data")
DEBIAN = (2, 0, 11)
FILES = {"users": Path("u"), "tls_cert": Path("c"), "tls_key": Path("k")}
HASH = hash_password("secret", b"0123456789ab")


def directives(settings: BrokerSettings, version=DEBIAN, **options) -> dict[str, str]:
    """The configuration as a mapping; several log_type lines leave the last one."""
    text = mosquitto_conf(settings, DATA, version, **options)
    return dict(line.split(" ", 1) for line in text.splitlines())


def refusal(**settings) -> BrokerProblem:
    with pytest.raises(BrokerProblem) as caught:
        BrokerSettings(**settings).validate()
    assert caught.value.kind is ProblemKind.USAGE
    return caught.value


# --- settings ----------------------------------------------------------------------------------


def test_without_options_it_stays_on_this_machine_without_a_password() -> None:
    settings = BrokerSettings()
    settings.validate()
    conf = directives(settings)
    assert conf["listener"] == "1883 127.0.0.1"
    assert conf["allow_anonymous"] == "true"
    assert not {"password_file", "acl_file", "certfile", "user"} & conf.keys()
    assert warnings(settings, DEBIAN) == ()


def test_limits_and_privacy_of_every_broker() -> None:
    conf = directives(BrokerSettings())
    assert conf["max_packet_size"] == "4096"
    assert conf["max_keepalive"] == "120"
    assert conf["max_inflight_messages"] == "20"
    assert conf["set_tcp_nodelay"] == "true"
    assert conf["persistent_client_expiration"] == "1h"
    assert conf["check_retain_source"] == "true"
    assert conf["persistence"] == "false"
    assert conf["connection_messages"] == "false"


@pytest.mark.parametrize(
    ("version", "is_there"), [(DEBIAN, False), ((2, 0, 21), True), ((2, 1, 2), True)]
)
def test_expired_messages_are_swept_where_mosquitto_can(version, is_there: bool) -> None:
    conf = directives(BrokerSettings(), version)
    assert conf.get("retain_expiry_interval") == ("1" if is_there else None)


def test_a_safe_public_broker() -> None:
    settings = BrokerSettings(host="0.0.0.0", port=8883, public=True, **FILES)
    settings.validate()
    conf = directives(settings, run_as="mosquitto")
    assert conf["listener"] == "8883 0.0.0.0"
    assert conf["allow_anonymous"] == "false"
    assert conf["password_file"] == "/data/users"
    assert conf["acl_file"] == "/data/access"
    assert conf["certfile"] == "/data/cert.pem"
    assert conf["user"] == "mosquitto"
    assert settings.url == "mqtts://127.0.0.1:8883"
    assert settings.url_for("fe80::1") == "mqtts://[fe80::1]:8883"


@pytest.mark.parametrize(
    ("version", "said", "unsaid"),
    [
        (DEBIAN, ("messages a second", "miscounts", "expired message"), ()),
        ((2, 0, 18), ("messages a second", "expired message"), ("miscounts",)),
        ((2, 1, 2), ("messages a second", "subscription"), ("miscounts", "expired message")),
    ],
)
def test_what_a_version_cannot_enforce_is_said(version, said, unsaid) -> None:
    settings = BrokerSettings(host="0.0.0.0", port=8883, public=True, **FILES)
    text = " ".join(warnings(settings, version))
    assert all(word in text for word in said)
    assert not any(word in text for word in (*unsaid, "No TLS", "No passwords"))


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({}, "accounts or a users file (--users FILE) and TLS"),
        ({"accounts": Path("a")}, "TLS"),
        ({"users": Path("u")}, "TLS"),
        ({"tls_cert": Path("c"), "tls_key": Path("k")}, "a users file"),
    ],
)
def test_public_demands_users_and_tls_or_insecure(files, missing: str) -> None:
    problem = refusal(host="0.0.0.0", public=True, **files)
    assert missing in problem.message
    assert "--insecure" in problem.hint
    insecure = BrokerSettings(host="0.0.0.0", public=True, insecure=True, **files)
    insecure.validate()
    assert warnings(insecure, DEBIAN)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"host": "0.0.0.0"}, "--public"),
        ({"host": "192.0.2.7"}, "--public"),
        ({"public": True, **FILES}, "--host"),
        ({"insecure": True}, "--public"),
        ({"tls_cert": Path("c")}, "--tls-key"),
        ({"tls_key": Path("k")}, "--tls-cert"),
        ({"port": 0}, "65535"),
        ({"port": 70000}, "65535"),
        ({"host": "127.0.0.1\nallow_anonymous true"}, "127.0.0.1"),
        ({"host": ""}, "127.0.0.1"),
    ],
)
def test_what_contradicts_itself_is_refused_with_advice(settings, word: str) -> None:
    assert word in refusal(**settings).hint


@given(host=st.text(max_size=40), port=st.integers(-5, 70000), public=st.booleans())
def test_whatever_is_accepted_cannot_smuggle_lines_into_the_configuration(
    host: str, port: int, public: bool
) -> None:
    settings = BrokerSettings(host=host, port=port, public=public, insecure=public)
    try:
        settings.validate()
    except BrokerProblem:
        return
    text = mosquitto_conf(settings, DATA, DEBIAN)
    assert text.startswith(f"listener {port} {host}\n")
    plain = mosquitto_conf(BrokerSettings(host="h", public=public), DATA, DEBIAN)
    assert text.count("\n") == plain.count("\n")
    assert public or is_loopback(host)


# --- users files -------------------------------------------------------------------------------


def test_users_in_the_order_of_the_file() -> None:
    text = f"# made today\n\nada:{HASH}\nagg-1:{HASH}\r\n"
    assert parse_users(text, DEBIAN) == (
        Account("ada", HASH),
        Account("agg-1", HASH, Role.AGGREGATOR),
    )


def test_both_hashes_of_mosquitto_passwd_are_taken() -> None:
    _, _, _, salt, digest = HASH.split("$")
    assert len(parse_users(f"ada:$6${salt}${digest}\nbob:$7$901${salt}${digest}", DEBIAN)) == 2


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        ("ada", "NAME:HASH"),
        (f":{HASH}", "NAME:HASH"),
        ("ada:secret", "not hashed"),
        ("ada:", "not hashed"),
        ("ada:$7$101$c2FsdA==$c2hvcnQ=", "damaged"),
        ("ada:" + HASH[:-4], "damaged"),
        ("ada:" + HASH.replace("$7$101", "$7$"), "damaged"),
        ("ada:" + hash_password("secret", b"thirteen byte"), "damaged"),
        ("ada:$1$salt$hash", "damaged"),
        (f"a\x1bda:{HASH}", "not a name"),
        ("a" * 33 + f":{HASH}", "not a name"),
        (f"bob smith:{HASH}", "not a name"),
        (f"Ada:{HASH}", "not a name"),
        (f"a/b:{HASH}", "not a name"),
        (f"+:{HASH}", "not a name"),
        (f"{HOST_NAME}:{HASH}", "kept for this program"),
        (f"invite-abcdefgh:{HASH}", "kept for this program"),
        (f"first:{HASH}", "twice"),
        ("ada:$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA", "Mosquitto 2.1"),
    ],
)
def test_a_bad_line_is_named_without_its_secret(line: str, trouble: str) -> None:
    with pytest.raises(BrokerProblem, match=f"line 2.*{trouble}") as caught:
        parse_users(f"first:{HASH}\n{line}\n", DEBIAN, name="users file x")
    assert caught.value.kind is ProblemKind.FILE
    assert "mosquitto_passwd" in caught.value.hint
    assert "secret" not in caught.value.message


def test_argon2_is_for_the_mosquittos_that_know_it() -> None:
    line = "ada:$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA"
    assert parse_users(line, (2, 1, 0))[0].name == "ada"


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody yet\n"])
def test_a_file_without_users_is_refused(text: str) -> None:
    with pytest.raises(BrokerProblem, match="holds no user"):
        parse_users(text, DEBIAN)


@given(st.text(max_size=300))
def test_any_text_is_users_or_a_problem(text: str) -> None:
    try:
        users = parse_users(text, DEBIAN)
    except BrokerProblem as problem:
        assert problem.kind is ProblemKind.FILE
    else:
        assert users


@given(name=st.from_regex(r"[a-z0-9_]{1,32}", fullmatch=True), password=st.text(max_size=40))
def test_what_is_hashed_can_be_read_back_and_checked(name: str, password: str) -> None:
    digest = hash_password(password, b"twelve bytes")
    assert parse_users(f"{name}:{digest}", DEBIAN) == (Account(name, digest),)
    _, _, rounds, salt, hashed = digest.split("$")
    again = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(rounds))
    assert base64.b64decode(hashed) == again


# --- rules -------------------------------------------------------------------------------------


def sections(rules: str) -> dict[str, list[str]]:
    """Rules by user; "" for those who come without a name."""
    first, *named = rules.split("user ")
    parts = {"": first.splitlines()}
    return parts | {part.splitlines()[0]: part.splitlines()[1:] for part in named}


def test_a_viewer_writes_its_own_topics_and_no_others() -> None:
    rules = sections(access_rules([Account("ada", HASH, Role.VIEWER, ("cats", "dogs"))], []))
    shard = shard_of("ada")
    assert rules.pop("ada") == [
        "topic read resonance/1/cats/#",
        f"topic write resonance/1/cats/r/{shard}/ada",
        f"topic write resonance/1/cats/n/{shard}/ada",
        "topic write resonance/1/cats/call/ada",
        f"topic write resonance/1/cats/x/{shard}/ada",
        "topic write resonance/1/cats/rules/ada",
        f"topic write resonance/1/cats/a/{shard}/ada",
        "topic read resonance/1/dogs/#",
        f"topic write resonance/1/dogs/r/{shard}/ada",
        f"topic write resonance/1/dogs/n/{shard}/ada",
        "topic write resonance/1/dogs/call/ada",
        f"topic write resonance/1/dogs/x/{shard}/ada",
        "topic write resonance/1/dogs/rules/ada",
        f"topic write resonance/1/dogs/a/{shard}/ada",
    ]
    assert rules == {"": [], HOST_NAME: ["topic readwrite resonance/#", "topic read $SYS/#"]}


@given(st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True))
def test_the_broker_and_its_viewers_mean_the_same_shard(name: str) -> None:
    rules = access_rules([Account(name, HASH, Role.VIEWER, ("c",))], [])
    assert f"topic write {REPORT.topic.of('c', name)}\n" in rules
    assert f"topic write {NICKNAME.topic.of('c', name)}\n" in rules


def test_each_role_writes_what_it_is_for() -> None:
    accounts = [Account(role.value, HASH, role, ("c",)) for role in Role]
    rules = sections(access_rules(accounts, []))

    def written(role: Role) -> set[str]:
        return {line.split("/", 3)[3] for line in rules[role] if " write " in line}

    assert written(Role.LOGGER) == set()
    assert written(Role.AGGREGATOR) == {
        *("call/aggregator", "agent/aggregator", "agg/aggregator", "total"),
        *("side/aggregator/+", "sides"),
    }
    assert written(Role.HOST) == {
        *("call/host", "agent/host", "agg/host", "total", "room", "host", "rules/host"),
        *("side/host/+", "sides"),
    }
    assert not any("$SYS" in line for role in list(Role)[:3] for line in rules[role])


TOLD = ("total", "room", "host", "rules/+", "sides")


def reads(rules: str, name: str) -> list[str]:
    lines = sections(rules)[name]
    return [line.removeprefix("topic read ") for line in lines if line.startswith("topic read ")]


def test_a_viewer_of_a_small_room_reads_totals_and_its_own_alone() -> None:
    accounts = [Account("ada", HASH, Role.VIEWER, ("cats", "dogs"))]
    rules = access_rules(accounts, [], reading=Reading(("cats",), ("dogs",)))
    own = [f"resonance/1/cats/{kind}/{shard_of('ada')}/ada" for kind in "rna"]
    told = [f"resonance/1/cats/{each}" for each in TOLD]
    assert reads(rules, "ada") == [*told, *own, "resonance/1/dogs/#"]
    before = access_rules(accounts, [])
    assert written_by(rules, "ada") == written_by(before, "ada")


def written_by(rules: str, name: str) -> list[str]:
    return [line for line in sections(rules)[name] if " write " in line]


def test_an_account_for_every_room_reads_hosted_rooms_whole_and_totals_elsewhere() -> None:
    accounts = [Account("ada", HASH)]
    rules = access_rules(accounts, [], reading=Reading(("cats",), ("dogs",)))
    assert "resonance/1/dogs/#" in reads(rules, "ada") and "resonance/1/+/total" in reads(
        rules, "ada"
    )
    assert not any(grants(each, "resonance/1/cats/r/7/eve") for each in reads(rules, "ada"))
    assert reads(access_rules(accounts, []), "ada") == ["resonance/1/+/#"]


def grants(rule: str, topic: str) -> bool:
    """As MQTT matches a filter."""
    pairs = zip_longest(rule.split("/"), topic.split("/"))
    for allowed, level in pairs:
        if allowed == "#":
            return True
        if allowed != level and (allowed != "+" or level is None):
            return False
    return True


ROOMS = st.from_regex(r"[a-z]{1,4}", fullmatch=True)
NAMES = st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True).filter(lambda name: "agg-" not in name)


@given(NAMES, NAMES, ROOMS, st.sets(ROOMS, max_size=3), st.booleans())
def test_no_rule_of_a_viewer_grants_a_message_of_another_in_a_small_room(
    me: str, other: str, room: str, more: set[str], is_for_all: bool
) -> None:
    assume(me != other)
    account = Account(me, HASH, Role.VIEWER, () if is_for_all else (room, *sorted(more - {room})))
    reading = Reading((room,), tuple(sorted(more - {room})))
    granted = reads(access_rules([account], [], reading=reading), me)
    for message in (each for each in TABLE if each.topic.is_in_room):
        names = {"channel": room, "viewer_id": other, "agent_id": other, "part": "0"}
        topic = message.topic.filter(**names)
        assert any(grants(each, topic) for each in granted) == message.is_told_to_all


@pytest.mark.parametrize("role", [Role.AGGREGATOR, Role.LOGGER, Role.HOST])
def test_who_counts_records_or_hosts_reads_a_small_room_whole(role: Role) -> None:
    rules = access_rules([Account("agg-1", HASH, role, ("c",))], [], reading=Reading(("c",)))
    assert "resonance/1/c/#" in reads(rules, "agg-1")


@given(st.dictionaries(ROOMS, st.booleans()), st.dictionaries(ROOMS, st.booleans()))
def test_what_viewers_read_is_the_last_word_on_each_room(
    first: dict[str, bool], then: dict[str, bool]
) -> None:
    book = set_reading(set_reading(AccountList(), first), then)
    last = first | then
    assert set(book.reading.totals) == {room for room, is_totals in last.items() if is_totals}
    assert not set(book.reading.whole) & set(book.reading.totals)
    assert book.reading.totals or not book.reading.whole
    assert decode_accounts(encode_accounts(book)) == book


def test_a_book_of_before_lets_viewers_read_everything() -> None:
    assert decode_accounts(b'{"version": 1, "accounts": [], "invites": []}') == AccountList()


def test_who_holds_an_invite_asks_at_its_own_door_only() -> None:
    rules = sections(access_rules([], [StoredInvite("abcdefgh", HASH, "c", 1.0)]))
    assert rules["invite-abcdefgh"] == [
        "topic write resonance/door/abcdefgh/knock",
        "topic read resonance/door/abcdefgh/answer",
    ]


def test_an_open_broker_still_keeps_rooms_to_the_host() -> None:
    rules = sections(access_rules([], [], is_open=True))
    writes = [line for line in rules[""] if "write" in line]
    assert writes == [
        f"topic write resonance/1/+/{own}"
        for own in ("r/+/+", "n/+/+", "call/+", "x/+/+", "rules/+", "a/+/+")
    ]
    assert "topic readwrite resonance/#" in rules[HOST_NAME]


def test_the_password_file_has_everyone_and_the_host() -> None:
    text = users_file(
        [Account("ada", HASH)], [StoredInvite("abcdefgh", HASH)], BrokerLogin(HOST_NAME, "p")
    )
    assert [line.split(":")[0] for line in text.splitlines()] == [
        "ada",
        "invite-abcdefgh",
        HOST_NAME,
    ]
    assert ":p" not in text
