"""Broker settings, users files and access rules: what is refused, and what Mosquitto is told."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import BrokerProblem, BrokerSettings, ProblemKind
from broker.access import HOST_NAME, Login, User, access_rules, hash_login, parse_users, users_file
from broker.settings import is_loopback, mosquitto_conf, warnings

DATA = Path("/data")
DEBIAN = (2, 0, 11)
FILES = {"users": Path("u"), "tls_cert": Path("c"), "tls_key": Path("k")}
HASH = hash_login(Login("x", "secret"), b"0123456789ab").digest


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
    assert warnings(settings) == ()


def test_limits_and_privacy_of_every_broker() -> None:
    conf = directives(BrokerSettings())
    assert conf["max_packet_size"] == "4096"
    assert conf["max_keepalive"] == "120"
    assert conf["max_inflight_messages"] == "20"
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
    assert warnings(settings) == ()


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({}, "a users file (--users FILE) and TLS"),
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
    assert warnings(insecure)


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
    text = f"# made today\n\nada:{HASH}\nbob smith:{HASH}\r\n"
    users = parse_users(text, DEBIAN)
    assert [user.name for user in users] == ["ada", "bob smith"]
    assert users[1].line == f"bob smith:{HASH}"


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
        ("ada:$1$salt$hash", "damaged"),
        (f"a\x1bda:{HASH}", "not a name"),
        ("a" * 65 + f":{HASH}", "not a name"),
        (f"{HOST_NAME}:{HASH}", "kept for this program"),
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


@given(
    name=st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=64),
    password=st.text(max_size=40),
)
def test_what_is_hashed_can_be_read_back_and_checked(name: str, password: str) -> None:
    user = hash_login(Login(name, password), b"salt of twelve")
    assert parse_users(user.line, DEBIAN) == (user,)
    _, _, rounds, salt, digest = user.digest.split("$")
    again = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(rounds))
    assert base64.b64decode(digest) == again


# --- rules -------------------------------------------------------------------------------------


def test_only_the_host_writes_the_room_and_reads_the_figures() -> None:
    rules = access_rules((User("ada", HASH), User("bob", HASH)))
    sections = rules.split("user ")
    assert [part.splitlines()[0] for part in sections[1:]] == ["ada", "bob", HOST_NAME]
    for section in sections[:-1]:
        writes = [line for line in section.splitlines() if line.startswith("topic write")]
        assert writes == ["topic write resonance/+/+/r/+/+", "topic write resonance/+/+/n/+/+"]
        assert "$SYS" not in section
        assert "readwrite" not in section
    assert "topic readwrite resonance/#" in sections[-1]
    assert "topic read $SYS/#" in sections[-1]


def test_an_aggregator_tells_totals_and_speaks_under_its_own_name_only() -> None:
    names = ("agg-1", "agg-+", "agg-#", "agg-a/b", "Agg-1", "my-agg-1", "agg-")
    rules = access_rules(tuple(User(name, HASH) for name in names))
    sections = {part.splitlines()[0]: part for part in rules.split("user ")[1:]}
    more = sections.pop("agg-1").replace("agg-1\n", "", 1).replace(sections["agg-+"][6:], "")
    assert more.splitlines() == [
        "topic write resonance/+/+/agent/agg-1",
        "topic write resonance/+/+/agg/agg-1",
        "topic write resonance/+/+/total",
    ]
    for name in names[1:]:
        assert "agent" not in sections[name] and "total" not in sections[name]


def test_the_password_file_has_everyone_and_the_host() -> None:
    host = hash_login(Login(HOST_NAME, "p"), b"salt")
    text = users_file((User("ada", HASH),), host)
    assert [line.split(":")[0] for line in text.splitlines()] == ["ada", HOST_NAME]
