"""Hosts and guests on machines of their own: on one network, behind a router, with a dead address.

Everybody runs the real program; the guests come with the link that the host's broker prints.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from children import end_child
from limits import patience
from networks import Lab, Machine, ask_to_end, lab

pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(120)]

PORT = 8883
LAN, HOST, GUEST = "10.9.0.0/24", "10.9.0.1", "10.9.0.2"

# What a router does with a forwarded port: here by a program, which needs no packet filter.
ROUTER = """
import asyncio, sys

async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()

async def forward(reader, writer):
    inner_reader, inner_writer = await asyncio.open_connection(sys.argv[2], int(sys.argv[3]))
    await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))

async def main():
    server = await asyncio.start_server(forward, "0.0.0.0", int(sys.argv[1]))
    print("up", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

# Seconds from a broker's address to its answer.
KNOCK = """
import asyncio, sys, time
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.urls import parse_broker_url

began = time.monotonic()
asyncio.run(negotiate_version(parse_broker_url(sys.argv[1])))
print(time.monotonic() - began)
"""


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


class Hosted:
    """A host's broker in its own process: what it printed."""

    def __init__(self, machine: Machine, *options: str) -> None:
        words = ("broker", "--public", "--channel", "cats", "--quiet", *options)
        self.process = machine.program(*words)
        assert self.process.stdout is not None
        self.lines = dict[str, str]()
        last = "invite" if "--invites" in options else "join"
        while last not in self.lines and (line := self.process.stdout.readline()):
            name, _, value = line.rstrip("\n").partition("  ")
            self.lines[name] = value
        if last not in self.lines:
            pytest.fail(self.words())

    @property
    def link(self) -> str:
        return self.lines["invite"]

    def words(self) -> str:
        ask_to_end(self.process)
        return self.process.communicate(timeout=patience(20))[1]


def comes_in(guest: Machine, *words: str, within_s: float = 30, **options: int) -> bool:
    """Whether a guest who joins so gets to the room."""
    process = guest.program("join", *words, "--camera", "none", "--json", **options)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "link" and event["status"] == "connected":
                return True
        pytest.fail(process.communicate(timeout=patience(within_s))[1])
    finally:
        end_child(process)


def same_network(networks: Lab) -> tuple[Machine, Machine]:
    host, guest, switch = networks.machine("host"), networks.machine("guest"), "lan"
    networks.switch(switch)
    networks.plug(host, switch, f"{HOST}/24")
    networks.plug(guest, switch, f"{GUEST}/24")
    return host, guest


def test_a_guest_on_the_hosts_network_comes_in_by_the_printed_link(networks: Lab) -> None:
    host, guest = same_network(networks)
    hosted = Hosted(host, "--invites", "1")
    assert HOST in hosted.link
    assert comes_in(guest, hosted.link)
    words = hosted.words()
    assert f"{HOST}" in words and "your network (in the links)" in words
    assert "this machine only" in words and "Traceback" not in words


def test_a_guest_comes_in_over_ipv6_also_by_the_address_of_the_cable(networks: Lab) -> None:
    host, guest = same_network(networks)
    host.ip("address", "add", "fd00:9::1/64", "dev", "eth0", "nodad")
    guest.ip("address", "add", "fd00:9::2/64", "dev", "eth0", "nodad")
    host.ip("address", "add", "fe80::77/64", "dev", "eth0", "nodad")
    Hosted(host, "--insecure", "--port", str(PORT))
    assert comes_in(guest, "cats", "--broker", f"mqtt://[fd00:9::1]:{PORT}")
    assert comes_in(guest, "cats", "--broker", f"mqtt://[fe80::77%eth0]:{PORT}")


def test_a_guest_outside_comes_in_through_the_port_that_a_router_forwards(networks: Lab) -> None:
    host, router, guest = (networks.machine(name) for name in ("host", "router", "guest"))
    for switch in ("home", "outside"):
        networks.switch(switch)
    networks.plug(host, "home", "192.168.50.2/24")
    networks.plug(router, "home", "192.168.50.1/24")
    networks.plug(router, "outside", "198.51.100.1/24", "wan0")
    networks.plug(guest, "outside", "198.51.100.9/24")
    forwarding = router.start(sys.executable, "-c", ROUTER, "9443", "192.168.50.2", str(PORT))
    assert forwarding.stdout is not None and forwarding.stdout.readline() == "up\n"
    guest.names["home.example"] = ["198.51.100.1"]
    hosted = Hosted(host, "--advertise", "home.example:9443", "--invites", "1")
    assert "home.example:9443" in hosted.link
    assert comes_in(guest, hosted.link)
    assert "Links lead to home.example:9443" in hosted.words()


@pytest.mark.parametrize("dead", [["10.9.0.3"], ["10.9.0.3", "203.0.113.7"]])
def test_a_name_whose_first_addresses_are_dead_costs_less_than_two_seconds(
    networks: Lab, dead: list[str]
) -> None:
    host, guest = same_network(networks)
    guest.ip("route", "add", "203.0.113.0/24", "via", "10.9.0.3")  # a router that is switched off
    guest.names["studio.example"] = [*dead, HOST]
    hosted = Hosted(host, "--advertise", "studio.example", "--invites", "1")
    address = hosted.lines["join"].partition("--broker ")[2].strip("'").replace("NAME@", "")
    knock = guest.start(sys.executable, "-c", KNOCK, address)
    out, err = knock.communicate(timeout=patience(30))
    assert 0.2 < float(out or "nan") < patience(2), err
    assert comes_in(guest, hosted.link)


@pytest.mark.parametrize("options", [[], ["--insecure", "--tls"]], ids=["accounts", "open"])
def test_a_room_nearby_is_found_over_the_network_and_joined_after_one_question(
    networks: Lab, options: list[str]
) -> None:
    host, guest = same_network(networks)
    Hosted(host, "--nearby", *options)
    listing = ""
    for _ in range(10):  # the host probes for its name first
        listing = guest.program("join", "--nearby").communicate(timeout=patience(30))[0]
        if listing:
            break
    assert listing.startswith("cats  at ") and HOST in listing and "fingerprint" in listing
    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"y\n")
        assert comes_in(guest, "cats", "--nearby", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert comes_in(guest, "cats", "--nearby", stdin=subprocess.DEVNULL), "asked again"


def test_what_only_the_host_can_reach_is_not_announced(networks: Lab) -> None:
    host = networks.machine("host")
    done = host.program("broker", "--nearby", "--channel", "cats")
    words = done.communicate(timeout=patience(30))[1]
    assert done.returncode == 2 and "Add --public" in words
