"""What a host tells its network of a room, and what strangers may tell there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.commands.nearby import choose, is_trusted
from resonance_tui.errors import InputError
from resonance_tui.profile import RoomMemory
from resonance_tui.protocol.nearby import (
    HOST_LIMIT,
    MOST_ADDRESSES,
    TITLE_LIMIT,
    NearbyRoom,
    read_room,
    records,
)
from resonance_tui.protocol.topics import is_channel
from resonance_tui.protocol.urls import BrokerUrl, InviteToken
from resonance_tui.signing import print_of
from resonance_tui.widths import cells

PRINT = "0123456789abcdef" * 2
LAN = "192.168.1.5"
PLAIN = NearbyRoom("cats", "Cats, live", BrokerUrl("mqtt", LAN, 1883), "studio")
SECURE = NearbyRoom("cats", "", BrokerUrl("mqtts", LAN, 8883, pin=PRINT * 2), "studio")


def wire(told: dict[str, str]) -> dict[bytes, bytes | None]:
    return {key.encode(): value.encode() for key, value in told.items()}


@pytest.mark.parametrize(
    "room",
    [
        PLAIN,
        SECURE,
        replace(SECURE, needs_link=True),
        replace(SECURE, ticket=InviteToken("abcdefgh", "secretsecretsecret23")),
        replace(PLAIN, host_print=PRINT),
        replace(PLAIN, title="Über Katzen 猫", host=""),
        replace(SECURE, url=BrokerUrl("mqtts", "home.example", 8883)),
    ],
)
def test_a_guest_reads_what_the_host_told(room: NearbyRoom) -> None:
    assert read_room(wire(records(room)), [LAN], room.url.port) == room


KEY = bytes(range(32))
KEYED = replace(PLAIN, host_print=print_of(KEY))
BEFORE = RoomMemory("mqtt://192.168.1.5:1883", host_key=KEY.hex())
PINNED_BEFORE = RoomMemory(SECURE.url.spelled_out)


@pytest.mark.parametrize(
    ("room", "known", "is_so"),
    [
        (PLAIN, BEFORE, True),
        (KEYED, BEFORE, True),
        (replace(KEYED, host_print="0" * 32), BEFORE, False),  # the right address, another host
        (KEYED, replace(BEFORE, host_key=""), False),
        (KEYED, replace(BEFORE, host_key="no key"), False),
        (replace(PLAIN, url=BrokerUrl("mqtt", "192.168.1.6", 1883)), BEFORE, False),
        (SECURE, PINNED_BEFORE, True),
        (replace(SECURE, url=replace(SECURE.url, host="10.0.0.9")), PINNED_BEFORE, True),
        (replace(SECURE, url=replace(SECURE.url, pin="0" * 64)), PINNED_BEFORE, False),
        (replace(SECURE, url=replace(SECURE.url, pin=None)), PINNED_BEFORE, False),
        (PLAIN, PINNED_BEFORE, False),
        (SECURE, BEFORE, False),
        (PLAIN, RoomMemory(), False),
        (PLAIN, RoomMemory("mqtt://["), False),
    ],
)
def test_a_room_is_trusted_where_it_is_the_one_of_before(
    room: NearbyRoom, known: RoomMemory, is_so: bool
) -> None:
    assert is_trusted(room, known) is is_so


def test_nobody_takes_the_place_of_a_room_by_announcing_its_channel() -> None:
    url = replace(SECURE.url, host="192.168.1.6", pin="0" * 64)
    stranger = replace(SECURE, url=url, host="aaa")
    assert choose([stranger, SECURE], "cats", PINNED_BEFORE) == SECURE
    other = replace(PLAIN, url=BrokerUrl("mqtt", "192.168.1.6", 1883), host="aaa")
    for rooms in ([stranger, SECURE], [other, PLAIN], [stranger, PLAIN]):
        with pytest.raises(InputError, match="Several hosts"):
            choose(rooms, "cats", RoomMemory())
    assert choose([SECURE, replace(SECURE, host="b")], "cats", RoomMemory()) == SECURE


def test_what_is_trusted_is_the_certificates_print_or_the_host_keys() -> None:
    assert SECURE.fingerprint == PRINT * 2
    assert PLAIN.fingerprint == "" and replace(PLAIN, host_print=PRINT).fingerprint == PRINT


def test_the_likeliest_address_comes_first_and_the_others_are_tried_too() -> None:
    told = ["fe80::1%2", "169.254.1.1", "fd00::1", "fe80::2", "127.0.0.1", "::1", "224.0.0.1", LAN]
    room = read_room(wire(records(PLAIN)), told, 1883)
    assert room is not None
    hosts = [each.host for each in (room.url, *room.url.alternates)]
    assert hosts == [LAN, "fd00::1", "169.254.1.1", "fe80::1%2"]


def test_where_an_authority_vouches_the_name_is_joined_and_no_address() -> None:
    room = replace(SECURE, url=BrokerUrl("mqtts", "home.example", 8883))
    told = wire(records(room))
    assert told[b"name"] == b"home.example" and b"print" not in told
    del told[b"name"]
    assert read_room(told, [LAN], 8883) is None


GOOD = records(replace(SECURE, host_print=PRINT))


@pytest.mark.parametrize(
    ("told", "addresses", "port"),
    [
        ({}, [LAN], 8883),
        (GOOD | {"v": "2"}, [LAN], 8883),
        (GOOD | {"channel": "Cats!"}, [LAN], 8883),
        (GOOD | {"channel": ""}, [LAN], 8883),
        (GOOD | {"print": PRINT[1:]}, [LAN], 8883),
        (GOOD | {"tls": ""}, [LAN], 8883),  # a fingerprint, and nothing that it belongs to
        (GOOD | {"title": "x" * 2000}, [LAN], 8883),
        (GOOD, [], 8883),
        (GOOD, ["127.0.0.1", "::1", "0.0.0.0", "fe80::1", "nonsense"], 8883),
        (GOOD, [LAN], 0),
        (GOOD, [LAN], None),
        (GOOD, [LAN], 65536),
    ],
)
def test_what_leads_to_no_room_is_dropped(
    told: dict[str, str], addresses: list[str], port: int | None
) -> None:
    assert read_room(wire(GOOD), [LAN], 8883) is not None
    assert read_room(wire(told), addresses, port) is None


KEYS = st.sampled_from(["v", "channel", "title", "host", "tls", "print", "name", "ticket", "link"])
VALUES = st.one_of(
    st.sampled_from(["1", "cats", PRINT, "home.example", "\x1b[31m", "\u202e", "[@click=quit]"]),
    st.text(max_size=60),
).map(str.encode)
TXT = st.dictionaries(
    KEYS.map(str.encode) | st.binary(max_size=20), VALUES | st.binary(max_size=255) | st.none()
)
ADDRESSES = st.lists(st.ip_addresses().map(str) | st.just(LAN) | st.text(max_size=20), max_size=9)


@given(TXT, ADDRESSES, st.none() | st.integers(-1, 70_000))
def test_whatever_a_stranger_says_is_a_room_that_can_be_shown_or_nothing(
    txt: dict[bytes, bytes | None], addresses: list[str], port: int | None
) -> None:
    told = {key.encode(): value.encode() for key, value in GOOD.items()} | txt
    for each in (txt, told):
        room = read_room(each, addresses, port)
        if room is None:
            continue
        assert is_channel(room.channel)
        for text, limit in ((room.title, TITLE_LIMIT), (room.host, HOST_LIMIT)):
            assert "\x1b" not in text and "[" not in text and cells(text) <= limit
        urls = [room.url, *room.url.alternates]
        assert len(urls) <= MOST_ADDRESSES
        assert not any(each.is_loopback for each in urls)
        assert {len(each.pin or "") for each in urls} <= {0, 32, 64}
        assert set(room.fingerprint) <= set("0123456789abcdef")
