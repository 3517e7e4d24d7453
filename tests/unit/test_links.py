"""Links to a room, as they are printed, and what a chat, a shell or a finger makes of them."""

from __future__ import annotations

import contextlib
import re
import string
import time
from base64 import b32decode
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from resonance_tui.errors import InputError, InvalidBrokerUrl, InvalidChannel
from resonance_tui.protocol import link_code, pasted
from resonance_tui.protocol.links import (
    find_place,
    invite_link,
    new_token,
    parse_invite,
    repair,
    token_of,
)
from resonance_tui.protocol.urls import BrokerUrl, Invite, InviteToken, parse_broker_url

PIN = "0123456789abcdef" * 2
OLD_PIN = "0123456789abcdef" * 4
TICKET = token_of("abcdefghijklmnopqrst")
HOME = BrokerUrl("mqtts", "stream.example.org", 8883, pin=PIN)
LINK = invite_link(HOME, "cats-live", TICKET)
# As the release before this one printed them.
OLD_TOKEN = InviteToken("abcdefgh", "secretsecretsecret2345")
OLD = {
    "resonance://example.org:1999/cinema": Invite(BrokerUrl("mqtt", "example.org", 1999), "cinema"),
    "resonance://[::1]:1883/cinema": Invite(BrokerUrl("mqtt", "::1", 1883), "cinema"),
    "resonance://example.org:8883/cinema?tls=1": Invite(
        BrokerUrl("mqtts", "example.org", 8883), "cinema"
    ),
    f"resonance://192.168.1.7:8883/cats-live?tls=1&pin={OLD_PIN}"
    "&invite=abcdefgh-secretsecretsecret2345kk2p": Invite(
        BrokerUrl("mqtts", "192.168.1.7", 8883, pin=OLD_PIN), "cats-live", OLD_TOKEN
    ),
}

ports = st.sampled_from([1883, 8883]) | st.integers(1, 65535)
names = st.from_regex(r"[a-z0-9_-]{1,20}(\.[a-z0-9-]{1,20}){0,2}", fullmatch=True)
hosts = names.filter(lambda each: not each.endswith(".ip6")) | st.ip_addresses().map(str)
prints = st.binary(min_size=16, max_size=16).map(bytes.hex)
secrets = st.text(link_code.BASE32, min_size=20, max_size=20)
channels = st.from_regex(r"[a-z0-9_-]{1,64}", fullmatch=True)


@st.composite
def invites(draw: st.DrawFn) -> Invite:
    scheme = draw(st.sampled_from(["mqtt", "mqtts", "ws", "wss"]))
    pin = draw(st.none() | prints) if scheme in ("mqtts", "wss") else None
    places = draw(st.lists(st.tuples(hosts, ports), min_size=1, max_size=3))
    first, *others = (BrokerUrl(scheme, host, port, pin=pin) for host, port in places)
    url = BrokerUrl(scheme, first.host, first.port, pin=pin, alternates=tuple(others))
    ticket = draw(st.none() | secrets.map(token_of))
    host_print = None if pin else draw(st.none() | prints)
    return Invite(url, draw(channels), ticket, host_print)


def written(invite: Invite) -> str:
    return invite_link(invite.url, invite.channel, invite.ticket, invite.host_print)


links = invites().map(written)


@given(invites())
def test_a_link_reads_back_as_what_it_was_made_of(invite: Invite) -> None:
    assert parse_invite(written(invite)) == invite


@given(links)
def test_a_link_is_made_of_what_every_shell_leaves_alone(link: str) -> None:
    assert re.fullmatch(r"resonance://[a-z0-9.:/+_-]+", link)


@given(links)
def test_a_link_is_read_in_any_case(link: str) -> None:
    assert parse_invite(link.upper()) == parse_invite(link)
    assert find_place(link.upper()) == parse_invite(link)


@pytest.mark.parametrize(
    ("host", "port", "channel", "most"),
    [
        ("a-host-of-20.example", 65535, "cats-live-12", 110),
        ("a-host-of-20.example", 8883, "cats-live-12", 100),
        ("192.168.100.100", 8883, "cats-live-12", 95),
        ("fd00:1234:5678:9abc:def0:1234:5678:9abc", 8883, "x", 112),
    ],
)
def test_a_link_with_everything_in_it_is_short(
    host: str, port: int, channel: str, most: int
) -> None:
    link = invite_link(BrokerUrl("mqtts", host, port, pin=PIN), channel, new_token())
    assert len(link) <= most


def test_a_link_reads_as_in_the_documentation() -> None:
    assert LINK == (
        "resonance://stream.example.org/cats-live/"
        "b4aerukz4jvpg66ajdivtytk6n54abcdefghijklmnopqrstyheif"
    )
    page = Path(__file__).parents[2] / "docs" / "PROTOCOL.md"
    assert LINK in page.read_text(encoding="utf-8")
    assert invite_link(BrokerUrl(host="fd00::1"), "x").startswith("resonance://fd00--1.ip6/x/")


@given(links, st.data())
def test_any_single_wrong_character_is_noticed(link: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(link) - 1))
    wrong = data.draw(st.sampled_from(string.printable) | st.characters())
    assume(
        wrong.translate(pasted.LIKE).lower() != link[at] and not (link + wrong)[at + 1 :].isspace()
    )
    assume(wrong.strip())
    typo = link[:at] + wrong + link[at + 1 :]
    for read in (parse_invite, find_place):
        with pytest.raises((InvalidBrokerUrl, InvalidChannel)) as caught:
            read(typo)
        assert caught.value.exit_code == 2
        assert "\n" not in caught.value.message


@given(links, st.data())
def test_a_character_too_few_or_too_many_is_noticed(link: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(link) - 1))
    more = data.draw(st.sampled_from("abz27.:/+_-"))
    for typo in (link[:at] + link[at + 1 :], link[:at] + more + link[at:]):
        if typo != link:
            with pytest.raises((InvalidBrokerUrl, InvalidChannel)):
                find_place(typo)


@pytest.mark.parametrize("cut", range(len("resonance://"), len(LINK)))
def test_a_link_that_was_cut_is_not_taken_for_another_room(cut: int) -> None:
    """Cut before the code it looks like one without: then no secret and no pin is in it."""
    try:
        place = parse_invite(LINK[:cut])
    except (InvalidBrokerUrl, InvalidChannel) as error:
        assert "cut" in error.message or "names no host" in error.message
    else:
        assert LINK.startswith(f"resonance://stream.example.org/{place.channel}")
        assert place.ticket is None and not place.url.is_tls


def test_no_message_repeats_a_secret() -> None:
    for typo in (LINK[:-1], LINK + "a", LINK.replace("cats", "dogs"), LINK[12:], LINK[30:]):
        with pytest.raises(InputError) as caught:
            find_place(typo)
        assert TICKET.secret not in caught.value.message + caught.value.hint
    assert TICKET.secret not in repr(parse_invite(LINK))


def test_a_link_of_a_later_version_is_named_as_such() -> None:
    place = "example.org/cats"
    text = link_code.base32(bytes([0x20])) + "whatever"
    later = f"resonance://{place}/{text}{link_code._check_sum(f'{place}/{text}')}"
    with pytest.raises(InvalidBrokerUrl, match="later version"):
        parse_invite(later)


@pytest.mark.parametrize(
    "text",
    ["", "mqtt://host/room", "resonance://user:pw@host:1/room", "resonance://host:99999/room",
     "resonance:/host/room", "resonance://h/room?tls=2", f"resonance://h/c?tls=1&pin={PIN[1:]}"],
)  # fmt: skip
def test_what_is_no_link_is_refused(text: str) -> None:
    with pytest.raises(InvalidBrokerUrl):
        parse_invite(text)


@pytest.mark.parametrize("text", ["resonance://host", "resonance://host/"])
def test_a_link_without_a_channel_is_refused(text: str) -> None:
    with pytest.raises(InvalidChannel):
        parse_invite(text)


@given(st.text().map(lambda text: f"resonance://{text}") | st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    repair(text)
    try:
        find_place(text)
    except (InvalidBrokerUrl, InvalidChannel) as error:
        assert error.message.isprintable()


# --- links of the release before ---------------------------------------------------------------


@pytest.mark.parametrize("link", OLD)
def test_old_links_go_on_working(link: str) -> None:
    assert parse_invite(link) == find_place(link) == OLD[link]
    assert find_place(f"see <{link}>.") == OLD[link]


@pytest.mark.parametrize("link", OLD)
def test_what_a_code_cannot_hold_makes_an_old_link(link: str) -> None:
    invite = OLD[link]
    if invite.url.pin or invite.ticket:
        assert invite_link(invite.url, invite.channel, invite.ticket) == link


def test_every_slip_of_the_pen_in_an_old_invite_is_noticed() -> None:
    link = list(OLD)[-1]
    start = link.index("invite=") + len("invite=")
    for at in (*range(start, len(link)), link.index("cats") + 2, link.index(OLD_PIN) + 5):
        typo = link[:at] + ("b" if link[at] != "b" else "c") + link[at + 1 :]
        with pytest.raises(InvalidBrokerUrl) as caught:
            parse_invite(typo)
        assert OLD_TOKEN.secret not in caught.value.message
    with pytest.raises(InvalidBrokerUrl, match="mistyped"):
        parse_invite(link[:-1])


@given(st.text(max_size=80))
def test_any_old_token_is_read_or_refused(text: str) -> None:
    try:
        invite = parse_invite(f"resonance://h/c?invite={text}")
    except (InvalidBrokerUrl, InvalidChannel) as error:
        assert error.message.isprintable()
    else:
        assert invite.ticket is None or len(invite.ticket.id) == 8


# --- from a chat -------------------------------------------------------------------------------


@given(links | st.sampled_from(sorted(OLD)), st.data())
def test_line_breaks_and_invisible_signs_are_repaired(link: str, data: st.DataObject) -> None:
    debris = st.sampled_from(
        ["\n", "\r\n", " ", "\t", "\u200b", "\ufeff", "\u00ad", "\u2060", "\u00a0", "\n> "]
    )
    pasted = link
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(pasted)))
        pasted = pasted[:at] + data.draw(debris) + pasted[at:]
    if "?" in link or len(link.removeprefix("resonance://").split("/")) == 3:
        assert repair(pasted) == link


@pytest.mark.parametrize(
    "around",
    ["<{}>", '"{}"', "'{}'", "`{}`", "({})", "[{}]", "{}.", "{}, come", "{}!", "{}:", "see {} now",
     "**{}**", "_{}_", "[room]({})", "<{}|room>", "“{}”", "«{}».", "resonance-tui join {}",
     "$ resonance-tui join {} --name Mia", "join '{}'", "Room:\n{}\nSee you there", "{}?", "{}..."],
)  # fmt: skip
@pytest.mark.parametrize("link", [LINK, LINK.upper(), *OLD])
def test_what_a_chat_puts_around_a_link_is_taken_away(around: str, link: str) -> None:
    if link.endswith("cinema"):  # its channel may end with this sign
        around = around.replace("_", "*")
    assert find_place(around.format(link)) == parse_invite(link)


def test_a_phone_s_dashes_are_repaired() -> None:
    link = invite_link(BrokerUrl(host="fd00::1"), "cats")
    assert find_place(link.replace("--", "—")) == parse_invite(link)
    for dash in "–—‐‑‒−﹣－":
        assert find_place(LINK.replace("-", dash)) == parse_invite(LINK)
        place = find_place("resonance://h/a-b".replace("-", dash))
        assert isinstance(place, Invite) and place.channel in ("a-b", "a--b")


@pytest.mark.parametrize("link", [LINK, list(OLD)[-1]])
def test_what_programs_and_keyboards_make_of_a_link_is_undone(link: str) -> None:
    start, end = link[:50], link[50:]
    wide = "".join(chr(ord(each) + 0xFEE0) for each in link)
    for changed in (
        quote(link), quote(link, safe=""), quote(quote(link, safe=""), safe=""), wide,
        f"https://out.example/?u={quote(link, safe='')}", link.replace("&", "&amp;"),
        link.upper().replace("I", "İ"), link.replace("i", "ı"), f"| {start}\n| {end}",
        f"{start}`\n{end}", f"{start}\\\n{end}", f"{start}^\n{end}",
        f"{start}\u3164{end}", f"{start}\u034f{end}", f"{link}です",
        f"{link.replace('=', '=3D')[:50]}=\r\n{link.replace('=', '=3D')[50:]}",
    ):  # fmt: skip
        assert find_place(changed) == parse_invite(link), changed


@pytest.mark.parametrize("sign", ["…", "...", "é", "日", "ߋ"])
@pytest.mark.parametrize("link", [LINK, list(OLD)[-1]])
def test_a_link_that_was_shortened_is_no_other_room_and_no_other_broker(
    link: str, sign: str
) -> None:
    """Screens show "resonance://host/ca…eif": what is left of it would be without TLS and pin."""
    for at in range(len("resonance://stream.example.org/c"), len(link) - 8):
        with pytest.raises(InputError):
            find_place(link[:at] + sign + link[at + 8 :])


def test_an_old_link_with_an_unknown_part_is_mistyped() -> None:
    for typo in ("resonance://h/c?tsl=1", f"resonance://h/c?tls=1&pim={OLD_PIN}"):
        with pytest.raises(InvalidBrokerUrl, match="mistyped"):
            parse_invite(typo)


@pytest.mark.parametrize(
    ("host", "words"),
    [("h:0", "port"), ("h:65536", "port"), ("h:", "port"), ("fe80--1%\x1b31m.ip6", "no host"),
     ("--1%eth0.ip6", "no host"), ("1--1--1.ip6", "no host"), ("münchen.de", "no host"),
     ("+".join(f"h{number}" for number in range(300)), "300 brokers")],
)  # fmt: skip
def test_a_link_with_a_right_check_sum_still_names_possible_hosts(host: str, words: str) -> None:
    code = link_code.encode(f"{host}/c", link_code.LinkCode())
    with pytest.raises(InvalidBrokerUrl, match=words) as caught:
        parse_invite(f"resonance://{host}/c/{code}")
    assert caught.value.message.isprintable()


def test_a_host_s_name_cannot_turn_a_line_around() -> None:
    for text in ("mqtt://\u202ea/cats", "mqtt://a\u2066b/cats", "mqtt://a\u2028b/cats"):
        with pytest.raises(InvalidBrokerUrl):
            parse_broker_url(text.removesuffix("/cats"))


def test_a_link_that_lost_its_start_is_named_as_such() -> None:
    for text in (LINK[12:], LINK[10:], "https" + LINK[9:], f"//{LINK[12:]}"):
        with pytest.raises(InvalidChannel, match="whole link") as caught:
            find_place(text)
        assert "resonance://" in caught.value.hint


@pytest.mark.parametrize(
    "piece",
    ["a", " ", "/a.", "> ", "\n> | ", "resonance://", "resonance://h/c?tls=1&", "resonance%3a", "—",
     "join ", "mqtt://a,", "%25", "=\n", "\u200b", "resonance://h /a "],
)  # fmt: skip
def test_a_megabyte_of_text_is_read_in_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    start = time.process_time()
    for each in (text, f"resonance://{text}", f"mqtt://{text}", f"join x --broker {text}"):
        with contextlib.suppress(InputError):
            find_place(each)
    assert time.process_time() - start < 10  # 1 s alone; quadratic work takes minutes


@pytest.mark.parametrize(
    ("text", "broker", "channel"),
    [
        ("mqtt://host/cats", "mqtt://host", "cats"),
        (" <MQTT://host:99/Cats>. ", "mqtt://host:99", "cats"),
        ("mqtts://al:p%2Fw@host/cats", "mqtts://al:p%2Fw@host", "cats"),
        (f"mqtts://host/cats?pin={PIN}", f"mqtts://host?pin={PIN}", "cats"),
        ("mqtt://a,mqtt://b:2/cats", "mqtt://a,mqtt://b:2", "cats"),
        ("mqtt://[::1]:99/cats", "mqtt://[::1]:99", "cats"),
        ("tcp://host/cats", "mqtt://host", "cats"),
        ("wss://host/mqtt/cats", "wss://host", "cats"),
        ("WSS://host:8084/A/b/cats?v=1", "wss://host:8084/A/b?v=1", "cats"),
        ("ws://host//cats", "ws://host/", "cats"),
        (f"join cats --broker wss://h/x?pin={PIN}", f"wss://h/x?pin={PIN}", "cats"),
        ("resonance-tui join mqtt://host/cats", "mqtt://host", "cats"),
        ("resonance-tui join cats --broker mqtt://host", "mqtt://host", "cats"),
        (f"join cats --broker 'mqtts://h?pin={PIN}'", f"mqtts://h?pin={PIN}", "cats"),
    ],
)
def test_a_broker_s_address_with_a_channel_is_a_place(text: str, broker: str, channel: str) -> None:
    assert find_place(text) == Invite(parse_broker_url(broker), channel)


@pytest.mark.parametrize("text", ["Cats-Live", " cats-live\n", "resonance-tui join cats-live"])
def test_a_channel_is_a_place(text: str) -> None:
    assert find_place(text) == "cats-live"


@pytest.mark.parametrize("text", ["join", "log", "resonance", "resonance-tui", "a--broker"])
def test_a_channel_may_be_called_like_a_command(text: str) -> None:
    assert find_place(text) == text


@pytest.mark.parametrize("text", ["mqtt://us:hunter/2@host/cats", "mqtt://us/hunter2@host/cats"])
def test_half_a_password_is_not_repeated(text: str) -> None:
    with pytest.raises(InvalidBrokerUrl) as caught:
        find_place(text)
    assert "hunter" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("text", ["mqtt://host", "mqtt://host/", "mqtts://host:99/?pin=" + PIN])
def test_a_broker_s_address_alone_names_no_room(text: str) -> None:
    with pytest.raises(InvalidChannel, match="no channel"):
        find_place(text)


@pytest.mark.parametrize("text", ["wss://h", "wss://h/mqtt", "ws://al:hunter2@h/x", "ws://h/x/"])
def test_an_address_with_one_name_behind_a_websocket_is_asked_what_it_means(text: str) -> None:
    with pytest.raises(InvalidChannel, match="what the channel") as caught:
        find_place(text)
    assert "/CHANNEL" in caught.value.hint and "--broker" in caught.value.hint
    assert "hunter" not in caught.value.hint


def test_a_link_to_a_websocket_is_of_a_version_that_older_programs_do_not_know() -> None:
    place, _, code = invite_link(parse_broker_url("wss://h"), "cats").rpartition("/")
    (flags,) = b32decode(code[:2].upper() + "=" * 6)
    assert flags >> 4 == 1 and place == "resonance://h/cats"


@pytest.mark.parametrize("broker", ["wss://al:hunter2@h/x", f"wss://al:hunter2@h?pin={OLD_PIN}"])
def test_where_no_link_fits_the_command_is_told(broker: str) -> None:
    url = parse_broker_url(broker)
    with pytest.raises(InvalidBrokerUrl, match="A link holds no") as caught:
        invite_link(url, "cats")
    command = caught.value.hint.partition(": ")[2]
    assert find_place(command) == Invite(replace(url, username=None, password=None), "cats")


# --- tokens ------------------------------------------------------------------------------------


def test_a_token_s_id_follows_from_its_secret() -> None:
    token = new_token()
    assert token == token_of(token.secret) != new_token()
    assert re.fullmatch(r"[a-z2-7]{20}", token.secret) and re.fullmatch(r"[a-z2-7]{8}", token.id)
    assert token_of("abcdefghijklmnopqrst").id == "3vs65ibs"
