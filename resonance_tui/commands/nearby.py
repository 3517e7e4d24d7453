"""`join --nearby`: the rooms of hosts on this network, listed, or joined after one question."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import put, say
from resonance_tui.errors import BrokerRefused, InputError, ResonanceError
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    from resonance_tui.commands.room_argument import Destination
    from resonance_tui.config import Config
    from resonance_tui.profile import RoomMemory
    from resonance_tui.protocol.nearby import NearbyRoom


def show_nearby(config: Config) -> None:
    """Print the rooms, one a line: channel, title, host, fingerprint, and what joining takes.

    Raises NearbyUnavailable.
    """
    rooms = _look(config)
    for room in rooms:
        put("  ".join(filter(None, describe(room))))
    if rooms:
        say(tr("Join one: resonance-tui join --nearby CHANNEL"))
    else:
        say(
            tr(
                "No rooms nearby. A host on this network has to start with: "
                "broker --public --nearby"
            )
        )


def describe(room: NearbyRoom) -> tuple[str, str, str, str, str]:
    """Channel, title, who hosts it, whom one trusts, and what it asks for."""
    host = f"at {room.host} ({room.url.host})" if room.host else f"at {room.url.host}"
    asks = tr("ask the host for a link") if room.needs_link else ""
    return room.channel, room.title, host, in_short(room), asks


def in_short(room: NearbyRoom) -> str:
    """What a person compares with the host's screen."""
    from resonance_tui.messaging.tls import brief

    if room.fingerprint:
        return f"fingerprint {brief(room.fingerprint)}"
    return (
        tr("certificate of an authority")
        if room.url.is_tls
        else tr("open to all who listen: no TLS")
    )


def find_nearby(config: Config, text: str) -> Destination:
    """The room of that name nearby, whose host is trusted after one question.

    Raises NearbyUnavailable; InputError where there is no such room, or no terminal to ask at;
    BrokerRefused where it asks for accounts; and as `redeem_now`.
    """
    from resonance_tui.commands.destination import settings_for
    from resonance_tui.commands.event_loop import run_loop
    from resonance_tui.commands.redeem_invite import redeem_now
    from resonance_tui.commands.room_argument import Destination
    from resonance_tui.messaging.probe import first_alive
    from resonance_tui.profile import Profile
    from resonance_tui.protocol.topics import normalize_channel
    from resonance_tui.protocol.urls import Invite

    channel = normalize_channel(text)
    profile = Profile(config.directories.profile_file)
    known = profile.room(channel)
    room = choose(_look(config, channel), channel, known)
    _ask_once(room, known)
    profile.remember_room(channel, broker=room.url.spelled_out)
    url = run_loop(config, lambda: first_alive((room.url, *room.url.alternates)))
    redeem_now(config, Invite(url, channel, room.ticket, room.host_print))
    return Destination(settings_for(config, url), channel, room.host_print)


def _look(config: Config, channel: str = "") -> list[NearbyRoom]:
    from resonance_tui.commands.event_loop import run_loop
    from resonance_tui.messaging.nearby import nearby_rooms

    return run_loop(config, lambda: nearby_rooms(channel=channel))


def choose(rooms: list[NearbyRoom], channel: str, known: RoomMemory) -> NearbyRoom:
    """The one that was joined before, whoever else announces its channel; else the only one."""
    rooms = [each for each in rooms if is_trusted(each, known)] or rooms
    if not rooms:
        raise InputError(
            mark("No host nearby announces {channel}.", channel=channel),
            mark("See: resonance-tui join --nearby"),
        )
    if len({_identity(each) for each in rooms}) > 1:
        said = "; ".join(" ".join(describe(each)[2:4]) for each in rooms)
        raise InputError(
            mark("Several hosts announce {channel}: {said}.", channel=channel, said=said),
            mark("Ask for a link to one."),
        )
    if rooms[0].needs_link:
        raise BrokerRefused(
            mark("{channel} is for guests with an account.", channel=channel),
            mark("Ask the host for a link."),
        )
    return rooms[0]


def is_trusted(room: NearbyRoom, known: RoomMemory) -> bool:
    """Whether somebody here has joined that channel under that fingerprint before."""
    from resonance_tui.commands.destination import remembered_broker

    before = remembered_broker(known)
    if before is None or room.url.pin or before.pin:
        return before is not None and before.pin == room.url.pin
    return before.place == room.url.place and _is_of_the_same_host(room, known)


def _is_of_the_same_host(room: NearbyRoom, known: RoomMemory) -> bool:
    """Without TLS anybody can announce the broker's address together with a key of their own."""
    from resonance_tui.signing import print_of

    if room.host_print is None:
        return True  # then the remembered key counts
    try:
        return print_of(bytes.fromhex(known.host_key)) == room.host_print
    except ValueError:
        return False


def _identity(room: NearbyRoom) -> tuple[str, str]:
    """Who cannot be somebody else: a certificate; without one, an address and what it shows."""
    return (room.url.pin, "") if room.url.pin else (room.url.place, room.host_print or "")


def _ask_once(room: NearbyRoom, known: RoomMemory) -> None:
    """Raises ResonanceError where the answer is no, InputError where nobody can be asked."""
    if is_trusted(room, known):
        return
    if known.broker:
        say(
            tr(
                "{channel} was at another broker, or under another fingerprint, until now.",
                channel=room.channel,
            )
        )
    say(" · ".join(filter(None, describe(room))))
    if not sys.stdin.isatty():
        place = f"--broker '{room.url.spelled_out}'"
        raise InputError(
            mark("Nobody has said yet that this room is to be trusted."),
            mark(
                "Join it once in a terminal, or name it: resonance-tui join {channel} {place}",
                channel=room.channel,
                place=place,
            ),
        )
    question = (
        tr("Does the host's screen show that fingerprint, too?")
        if room.fingerprint
        else tr("Join?")
    )
    if not click.confirm(question, err=True):
        raise ResonanceError(mark("Not joined."), mark("Ask the host for a link."))
