"""What is printed as a broker starts: where it is, who can reach it, how guests come in."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from resonance_tui.commands.broker.lines import host_print
from resonance_tui.commands.console import put, say

if TYPE_CHECKING:
    from resonance_broker import BrokerSettings, RunningBroker
    from resonance_tui.hosting.accounts import WaysIn


@dataclass(frozen=True, slots=True)
class InvitePlan:
    """The invites that are printed."""

    count: int = 0  # for each channel
    expires: str = "24h"


def introduce(broker: RunningBroker, rooms: Sequence[str], plan: InvitePlan, pin: str) -> None:
    """Data to stdout, one `name  value` a line; the rest to stderr."""
    from resonance_broker.address import certificate_trouble, shared_host
    from resonance_tui.commands.invitation import share_lines as spell
    from resonance_tui.hosting.accounts import remember_address, share_lines
    from resonance_tui.protocol.urls import parse_broker_url

    settings = broker.settings
    host = shared_host(settings, any_name=bool(pin))
    url = replace(parse_broker_url(settings.url_for(host)), pin=pin or None)
    if settings.accounts is not None:
        remember_address(settings.accounts, url)
    ways = _ways_in(broker, rooms, plan)
    for name, value in share_lines(settings, url, ways, spell):
        put(f"{name}  {value}")
    say(f"{broker.kind} is up; Ctrl-C stops it.")
    for sentence in broker.limits:
        say(sentence)
    _tell_who_can_reach(settings, host)
    if settings.accounts is not None:
        for sentence in guest_lines(ways):
            say(sentence)
    if not pin and (trouble := certificate_trouble(settings, host)):
        say(f"Viewers will refuse the certificate: {trouble}.")


def guest_lines(ways: Mapping[str, WaysIn]) -> list[str]:
    """Where accounts are asked for: how guests come in, the next step of a host, told last."""
    room = next(iter(ways), "CHANNEL")
    again = next((name for name, each in ways.items() if each.shared), None)
    one = f"For one person: broker invite {room}. An account by name: broker users add NAME."
    if again is not None:
        qr = "Guests come in by the share line above. Its QR code, in another terminal:"
        return [qr, f"  resonance-tui broker share {again}", one]
    is_open = any(each.one_time for each in ways.values())
    now = "More guests" if is_open else "Nobody can come in yet"
    many = f"{now}: in another terminal, for one link for many,"
    return [many, f"  resonance-tui broker share {room} --for 100", one]


def _tell_who_can_reach(settings: BrokerSettings, shared: str) -> None:
    """For each address of this machine that the broker listens on, and what is left to do."""
    from resonance_broker.address import Reach, listened_on, local_addresses, reach_lines

    found = listened_on(settings.host, local_addresses())
    say("Who can reach it:")
    for line in reach_lines(settings.port, found, shared):
        say(line)
    if settings.advertised_host:
        say(f"Links lead to {settings.url_for(shared).partition('://')[2]}, as you asked.")
    elif not settings.public:
        say("For guests on other machines: --public.")
    elif all(each.reach is Reach.MACHINE for each in found):
        say("This machine is on no network at the moment.")
    elif not any(each.reach is Reach.INTERNET for each in found):
        say(
            f"For guests elsewhere: let your router forward port {settings.port} to this machine, "
            "and start with --advertise NAME."
        )


def _ways_in(broker: RunningBroker, rooms: Sequence[str], plan: InvitePlan) -> dict[str, WaysIn]:
    """For each room the newest link for many that is still open, and new ones for one person."""
    from resonance_tui.hosting.accounts import WaysIn, issue_invites, parse_span
    from resonance_tui.hosting.room_links import open_links

    folder = broker.settings.accounts
    if folder is None:
        return {room: WaysIn(host_print=host_print(room)) for room in rooms}
    shared = {each.invite.channel: each.token for each in open_links(folder, time.time())}
    span_s = parse_span(plan.expires)
    one_time = {room: issue_invites(folder, room, plan.count, span_s) for room in rooms}
    broker.renew_people()
    return {room: WaysIn(one_time[room], shared.get(room), host_print(room)) for room in rooms}
