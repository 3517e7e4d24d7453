"""Who can reach an address of a host, and what a host may advertise."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_broker import BrokerProblem, BrokerSettings
from resonance_broker.address import (
    LocalAddress,
    Reach,
    listened_on,
    local_addresses,
    parse_advertised,
    reach_lines,
    reach_of,
    shared_host,
)
from resonance_broker.settings import mosquitto_conf
from resonance_tui.protocol.urls import parse_broker_url


@pytest.mark.parametrize(
    ("address", "interface", "reach"),
    [
        ("127.0.0.1", "lo", Reach.MACHINE),
        ("127.5.5.5", "", Reach.MACHINE),
        ("::1", "lo", Reach.MACHINE),
        ("192.168.1.5", "wlan0", Reach.NETWORK),
        ("10.0.0.1", "eth0", Reach.NETWORK),
        ("172.31.255.1", "en0", Reach.NETWORK),
        ("fd00::1", "eth0", Reach.NETWORK),
        ("100.64.3.2", "eth0", Reach.NETWORK),
        ("100.101.3.2", "tailscale0", Reach.VPN),
        ("10.8.0.2", "tun0", Reach.VPN),
        ("10.8.0.3", "wg0", Reach.VPN),
        ("172.17.0.1", "docker0", Reach.CONTAINERS),
        ("172.18.0.1", "br-0a1b2c3d4e5f", Reach.CONTAINERS),
        ("192.168.122.1", "virbr0", Reach.CONTAINERS),
        ("169.254.7.7", "eth0", Reach.LINK),
        ("fe80::1", "eth0", Reach.LINK),
        ("fe80::1%eth0", "eth0", Reach.LINK),
        ("8.8.8.8", "eth0", Reach.INTERNET),
        ("2a00:1450::1", "eth0", Reach.INTERNET),
    ],
)
def test_an_address_is_told_by_who_can_reach_it(address: str, interface: str, reach: Reach) -> None:
    assert reach_of(address, interface) is reach


@given(st.ip_addresses())
def test_every_address_has_a_reach(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    assert (reach_of(str(ip)) is Reach.MACHINE) == ip.is_loopback


LO, LAN = LocalAddress("127.0.0.1", "lo"), LocalAddress("192.168.1.5", "eth0")
LO6, WAN6 = LocalAddress("::1", "lo"), LocalAddress("2a00:1450::1", "eth0")
ALL = [LO, LO6, LAN, WAN6]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("*", [WAN6, LAN, LO, LO6]),
        ("0.0.0.0", [LAN, LO]),
        ("::", [WAN6, LO6]),
        ("192.168.1.5", [LAN]),
        ("127.0.0.1", [LO]),
        ("127.0.0.9", [LocalAddress("127.0.0.9")]),
        ("localhost", [LO]),
        ("studio", []),
    ],
)
def test_a_broker_is_found_where_it_listens_the_widest_reach_first(
    host: str, found: list[LocalAddress]
) -> None:
    assert listened_on(host, ALL) == found


def test_a_host_reads_who_can_reach_each_address() -> None:
    assert reach_lines(8883, listened_on("*", ALL), "192.168.1.5") == [
        "  2a00:1450::1  perhaps the internet: forward port 8883",
        "  192.168.1.5   your network (in the links)",
        "  127.0.0.1     this machine only",
        "  ::1           this machine only",
    ]
    assert reach_lines(8883, [], "x") == []


def test_this_machine_has_a_loopback_address_at_least() -> None:
    found = local_addresses()
    assert any(each.reach is Reach.MACHINE for each in found)
    assert all(("%" in each.text) <= (each.reach is not Reach.NETWORK) for each in found)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("home.example", ("home.example", None)),
        (" home.example:9000 ", ("home.example", 9000)),
        ("203.0.113.9:1", ("203.0.113.9", 1)),
        ("studio", ("studio", None)),
        ("[2a00::1]:8883", ("2a00::1", 8883)),
        ("[2a00::1]", ("2a00::1", None)),
        ("2a00::1", ("2a00::1", None)),
    ],
)
def test_what_a_host_advertises(typed: str, meant: tuple[str, int | None]) -> None:
    assert parse_advertised(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "", ":1883", "home:0", "home:65536", "home:x", "mqtt://home", "a@home", "home/room",
        "ho me", "localhost", "localhost:1883", "127.0.0.1", "[::1]:1883", "::1", "[nonsense",
        "-home", "home?pin=x", "home:1:2", "höme", "a..example", f"{'a' * 64}.example", "127.1",
        "0", "0x7f000001", "0.0.0.0", "[::]:1883", "::ffff:127.0.0.1", "255.255.255.255", "ff02::1",
        "224.0.0.1",
    ],
)  # fmt: skip
def test_what_nobody_could_reach_is_refused_without_being_repeated(typed: str) -> None:
    with pytest.raises(BrokerProblem) as caught:
        parse_advertised(typed)
    assert caught.value.exit_code == 2
    assert not typed or typed not in caught.value.message


@given(st.text(max_size=80))
def test_any_advertised_text_is_an_address_or_refused(text: str) -> None:
    try:
        host, port = parse_advertised(text)
    except BrokerProblem:
        return
    settings = BrokerSettings(advertised_host=host, advertised_port=port)
    url = parse_broker_url(settings.url_for(host))
    assert url.host == host.lower() and url.port == (port or 1883)


def test_links_lead_to_what_is_advertised_and_this_machine_goes_on_as_before() -> None:
    settings = BrokerSettings(port=8883, advertised_host="home.example", advertised_port=443)
    assert shared_host(settings) == "home.example"
    assert settings.url_for(shared_host(settings)) == "mqtt://home.example:443"
    assert settings.url == "mqtt://127.0.0.1:8883"


def test_a_broker_for_others_listens_on_both_families() -> None:
    both = BrokerSettings(host="*", port=8883, public=True, insecure=True)
    both.validate()
    assert both.local_host == "127.0.0.1" and both.is_everywhere
    lines = mosquitto_conf(both, Path("d"), (2, 0, 11)).splitlines()
    assert "listener 8883" in lines
