"""Broker URLs, typed by people."""

from __future__ import annotations

import errno
import socket
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.errors import InvalidBrokerUrl
from resonance_tui.messaging.probe import why_unreachable
from resonance_tui.protocol.links import invite_link
from resonance_tui.protocol.urls import BrokerUrl, TlsFiles, parse_broker_url

PIN = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("localhost", BrokerUrl("mqtt", "localhost", 1883)),
        ("localhost:1884", BrokerUrl("mqtt", "localhost", 1884)),
        ("mqtt://example.org", BrokerUrl("mqtt", "example.org", 1883)),
        ("mqtts://example.org/", BrokerUrl("mqtts", "example.org", 8883)),
        ("MQTTS://Example.org:99", BrokerUrl("mqtts", "example.org", 99)),
        ("mqtt://[::1]:1885", BrokerUrl("mqtt", "::1", 1885)),
        ("mqtt://[fe80::1%25Eth0]:1885", BrokerUrl("mqtt", "fe80::1%Eth0", 1885)),
        ("mqtt://[fe80::1%eth0.5]", BrokerUrl("mqtt", "fe80::1%eth0.5", 1883)),
        ("mqtt://al:p%40ss%3A@h", BrokerUrl("mqtt", "h", 1883, "al", "p@ss:")),
        ("mqtt://al@h", BrokerUrl("mqtt", "h", 1883, "al", None)),
        (f"mqtts://al@h?pin={PIN}", BrokerUrl("mqtts", "h", 8883, "al", None, PIN)),
        (f"mqtts://h?pin={PIN[:32]}", BrokerUrl("mqtts", "h", 8883, pin=PIN[:32])),
        ("tcp://h", BrokerUrl("mqtt", "h", 1883)),
        ("tcp://h:1884", BrokerUrl("mqtt", "h", 1884)),
        ("SSL://h", BrokerUrl("mqtts", "h", 8883)),
        (f"tls://al@h:1?pin={PIN}", BrokerUrl("mqtts", "h", 1, "al", None, PIN)),
        ("ws://h", BrokerUrl("ws", "h", 80)),
        ("ws://h/mqtt", BrokerUrl("ws", "h", 80)),
        ("ws://h/", BrokerUrl("ws", "h", 80, path="/")),
        ("WSS://H/Chat/%2Fx", BrokerUrl("wss", "h", 443, path="/Chat/%2Fx")),
        ("wss://h?region=eu&v=1", BrokerUrl("wss", "h", 443, path="/mqtt?region=eu&v=1")),
        (f"wss://h/x?v=1&pin={PIN}", BrokerUrl("wss", "h", 443, pin=PIN, path="/x?v=1")),
        ("wss://al:p%40@[::1]:8084/", BrokerUrl("wss", "::1", 8084, "al", "p@", path="/")),
        ("ws://[fe80::1%eth0]:81", BrokerUrl("ws", "fe80::1%eth0", 81)),
        ("mqtt://al:p[]½ss@h", BrokerUrl("mqtt", "h", 1883, "al", "p[]½ss")),
        ("mqtt://al:p@[ss@[::1]", BrokerUrl("mqtt", "::1", 1883, "al", "p@[ss")),
        ("mqtt://al:5%@h", BrokerUrl("mqtt", "h", 1883, "al", "5%")),
        (
            "tcp://a,ws://b/x,wss://c",
            BrokerUrl(
                *("mqtt", "a", 1883),
                alternates=(BrokerUrl("ws", "b", 80, path="/x"), BrokerUrl("wss", "c", 443)),
            ),
        ),
        ("mqtt://al:p,w@h", BrokerUrl("mqtt", "h", 1883, "al", "p,w")),
        (
            "mqtt://a, MQTTS://b:1,mqtt://al@c",
            BrokerUrl(
                *("mqtt", "a", 1883),
                alternates=(BrokerUrl("mqtts", "b", 1), BrokerUrl("mqtt", "c", 1883, "al")),
            ),
        ),
        (
            f"mqtts://h?pin={':'.join([PIN[:2].upper(), PIN[2:]])}",
            BrokerUrl("mqtts", "h", 8883, pin=PIN),
        ),
    ],
)
def test_a_url_says_where_the_broker_is(typed: str, meant: BrokerUrl) -> None:
    assert parse_broker_url(f" {typed} ") == meant


@pytest.mark.parametrize(
    "typed",
    [
        "", "mqtt://", "http://host", "ws://", "wss://:443", "ws://host/mqtt#x", "ws://host/a b",
        "ws://host/ä", "ws://host/mqtt?token=abc", "wss://host/x?a=1&password=2", "tcp://host/x",
        f"ws://h/mqtt?pin={PIN}", "ssl://h?x=1", "mqtt://host:0", "mqtt://host:65536",
        "mqtt://host:abc", "mqtt://host/topic", "mqtt://host?x=1", "mqtt://host#x",
        "mqtt://ho st", "mqtt://[::1", "mqtt://[nonsense]", "::1", "mqtt://a\x00b",
        f"mqtt://h?pin={PIN}", f"mqtts://h?pin={PIN[1:]}", f"mqtts://h?pin={PIN}&x=1",
        "mqtts://h?pin=", "mqtt://us%00er:pw@host", "mqtt://host\n.evil", "resonance://host/room",
        "mqtt://a,mqtt://", "mqtt://a,,mqtt://b", ",".join(["mqtt://a"] * 17),
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(InvalidBrokerUrl) as caught:
        parse_broker_url(typed)
    assert "mqtt://" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_link_in_place_of_an_address_is_told_where_it_belongs() -> None:
    with pytest.raises(InvalidBrokerUrl, match="a link to a room") as caught:
        parse_broker_url("resonance://host/room/aaoqryq")
    assert "in place of the channel" in caught.value.hint


@given(st.text() | st.from_regex(r"(mqtts?|wss?|tcp|ssl)://[^\s]{0,40}", fullmatch=True))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = parse_broker_url(text)
    except InvalidBrokerUrl as error:
        assert error.message.isprintable()
    else:
        assert 1 <= url.port <= 65535
        again = parse_broker_url(url.public)
        assert replace(again, pin=url.pin) == replace(url, password=None, alternates=())
        assert parse_broker_url(url.place).place == url.place
        spelled = parse_broker_url(url.spelled_out)
        assert spelled.spelled_out == url.spelled_out and spelled.target == url.target


def test_the_password_is_shown_nowhere() -> None:
    url = parse_broker_url("mqtts://alice:hunter2@example.org")
    assert url.password == "hunter2"
    assert url.public == "mqtts://alice@example.org:8883"
    for text in (str(url), repr(url), f"{url}", url.public, invite_link(url, "cinema")):
        assert "hunter2" not in text


def test_a_pinned_url_reads_back_as_itself_without_its_password() -> None:
    url = BrokerUrl("mqtts", "h", 8883, "al", "hunter2", PIN)
    assert parse_broker_url(url.spelled_out) == BrokerUrl("mqtts", "h", 8883, "al", None, PIN)
    assert PIN not in url.public and url.place == "mqtts://h:8883"


def test_a_cluster_s_url_reads_back_as_itself() -> None:
    url = parse_broker_url(f"mqtts://al@a?pin={PIN[:32]},mqtt://[::1]:99")
    assert parse_broker_url(url.spelled_out) == url


@given(
    st.sampled_from(["mqtt", "mqtts", "ws", "wss"]),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}|::1|fe80::[0-9]%[a-z][a-z0-9]{0,6}", fullmatch=True),
    st.integers(1, 65535),
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8),
    st.sampled_from(["", "0123456789abcdef" * 2, PIN]),
    st.from_regex(r"(/[A-Za-z0-9._~!$&'()*+,;=:%-]{0,6}){1,3}(\?[a-df-z=&]{1,6})?", fullmatch=True),
)
def test_every_address_reads_back_as_itself(
    scheme: str, host: str, port: int, user: str, pin: str, path: str
) -> None:
    is_tls, is_web = scheme in ("mqtts", "wss"), scheme in ("ws", "wss")
    path = path if is_web and path != "/mqtt" and "pin" not in path and "&" not in path else ""
    pins = pin if pin and is_tls else None
    url = BrokerUrl(scheme, host, port, user or None, None, pins, path=path)
    assert parse_broker_url(url.spelled_out) == url
    assert parse_broker_url(url.place) == BrokerUrl(scheme, host, port, path=path)
    listed = replace(url, alternates=(BrokerUrl("wss", "b", 443, path="/x"),))
    assert parse_broker_url(listed.spelled_out) == listed


@pytest.mark.parametrize("password", ["p#ss", "p/ss", "p?ss", "a[b/c"])
@pytest.mark.parametrize("scheme", ["mqtt", "tcp", "wss"])
def test_a_password_that_ends_the_host_is_named_as_the_reason(password: str, scheme: str) -> None:
    with pytest.raises(InvalidBrokerUrl, match="password") as caught:
        parse_broker_url(f"{scheme}://mia:{password}@host")
    assert "%23" in caught.value.hint and "RESONANCE_BROKER_PASSWORD" in caught.value.hint
    assert password not in f"{caught.value.message}{caught.value.hint}"


def test_a_query_that_may_hold_a_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidBrokerUrl, match="may hold a key") as caught:
        parse_broker_url("wss://host/mqtt?X-Amz-Signature=abcdef")
    assert "abcdef" not in f"{caught.value.message}{caught.value.hint}"


def test_the_files_of_the_settings_are_no_part_of_an_address() -> None:
    plain = parse_broker_url("wss://host")
    url = replace(plain, files=TlsFiles("ca.pem", "me.pem", "me.key", "geheim"))
    assert url == plain and hash(url) == hash(plain)
    assert "geheim" not in repr(url.files)
    for text in (repr(url), url.spelled_out, url.place):
        assert "pem" not in text and "geheim" not in text


def test_a_password_in_a_query_is_seen_behind_escapes() -> None:
    with pytest.raises(InvalidBrokerUrl, match="may hold a key"):
        parse_broker_url("wss://host/mqtt?pass%77ord=4711")


def refused(number: int) -> OSError:
    """As asyncio raises it: its own words stand in the place of the system's."""
    return OSError(number, "Connect call failed ('2001:db8::1', 1883, 0, 0)")


@pytest.mark.parametrize(
    ("error", "address", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "mqtt://cats.example",
         "no host is called cats.example"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "mqtt://cats.example",
         "cats.example cannot be looked up: there is no network, or its DNS is silent"),
        (refused(errno.ENETUNREACH), "mqtt://[2001:db8::1]",
         "no way leads from this network to [2001:db8::1]:1883, which is an address of IPv6: "
         "not every network has that"),
        (refused(errno.EHOSTUNREACH), "mqtt://192.0.2.1",
         "no way leads from this network to 192.0.2.1:1883"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "mqtt://192.0.2.1",
         "nothing listens at 192.0.2.1:1883"),
    ],
)  # fmt: skip
def test_why_a_broker_is_out_of_reach(error: OSError, address: str, said: str) -> None:
    assert why_unreachable(error, parse_broker_url(address)) == said
