"""`room mute`, `room lock` and the other acts of a host: one command for each row of the table."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import note, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.room.place import Place, at_desk, find_place, names_room, with_broker
from resonance_tui.commands.settings import broker_options
from resonance_tui.errors import InputError
from resonance_tui.protocol.rules import ADMITTED_MOST, Act
from resonance_tui.protocol.topics import is_id
from resonance_tui.room.moderation import ACTS, Needs, RoomAct, noted, sentence

if TYPE_CHECKING:
    from resonance_broker.accounts import StoredInvite
    from resonance_tui.hosting.desk import Desk
    from resonance_tui.room.attendance import Attendee

_TAKES_OUT = ("mute", "kick")
_EXAMPLES = {
    Needs.NOTHING: "",
    Needs.VIEWER: " abcdefgh23456",
    Needs.SWITCH: " off",
    Needs.SECONDS: " 5",
    Needs.EPSILON: " 2",
    Needs.WORDS: " 'See you tomorrow'",
    Needs.NAMES: " red blue",
    Needs.VIEWERS: " 5",
    Needs.DELAY: " 5",
}


def _command(name: str) -> click.Command:
    act = ACTS[name]
    example = f"resonance-tui room {name} cats-live{_EXAMPLES[act.needs]}"
    text = f"{act.summary}\n\nWithout CHANNEL, in the one room hosted here.\n\n\b\nExample:\n"

    @click.command(name, cls=Command, help=f"{text}  {example}")
    @click.argument("words", nargs=-1, metavar=f"[CHANNEL] {act.needs}".strip())
    @broker_options
    @click.pass_context
    def command(
        ctx: click.Context, words: tuple[str, ...], broker_url: str | None, *, yes: bool = False
    ) -> None:
        own = own_keys(with_broker(ctx, broker_url).directories).all()
        room, value = split(act, words, [key.channel for key in own])
        run(ctx, act.name, room, value, broker_url, is_meant=yes)

    if name not in _TAKES_OUT:
        return command
    is_meant = "Act at once, also where more than one program writes under that id."
    return click.option("--yes", "-y", is_flag=True, help=is_meant)(command)


def split(
    act: RoomAct, words: Sequence[str], known: Collection[str] = ()
) -> tuple[str | None, str]:
    """The channel, if one was named, and the value. `known`: channels of which this machine has a
    key: of names the first is one of them, or a link, or a name. Raises InputError."""
    if act.needs is Needs.NOTHING:
        if len(words) > 1:
            raise InputError(f"`room {act.name}` takes a channel and nothing else.")
        return (words[0] if words else None), ""
    if not words:
        raise InputError(f"`room {act.name}` needs {act.needs}.")
    if len(words) > 2 and act.needs not in (Needs.WORDS, Needs.NAMES):
        raise InputError(f"`room {act.name}` takes a channel and {act.needs}, and no more.")
    first, rest = words[0], words[1:]
    is_room = bool(rest) and (act.needs is not Needs.NAMES or names_room(first, known))
    return (first, " ".join(rest)) if is_room else (None, " ".join(words))


def run(
    ctx: click.Context,
    name: str,
    room: str | None,
    value: str,
    broker_url: str | None,
    *,
    whom: str | None = None,
    is_meant: bool = False,
) -> Act:
    """Perform it, and return once the broker has it and it holds.

    `is_meant`: nobody has to look first whether what is held against a viewer was a forger's.
    Raises InputError where it was perhaps.
    """
    place = find_place(with_broker(ctx, broker_url), room)
    is_of_viewer = ACTS[name].needs is Needs.VIEWER

    async def work(desk: Desk) -> tuple[Act, str, bool, bool, str]:
        here = desk.attendees()
        chosen = viewer_id_of(here, value) if is_of_viewer else value
        if name in _TAKES_OUT and not is_meant and is_id(chosen):
            await _check_writer(desk, chosen)
        rules = await desk.act(name, chosen, whom=whom)
        is_missed = is_of_viewer and all(each.viewer_id != chosen for each in here)
        is_shut = bool(rules.admitted) or desk.is_courtesy is False
        worth = await _worth(desk) if name in ("least", "nicknames") and rules.least else ""
        done = noted(rules, name, chosen, by=desk.key.name, whom=whom)
        return done, chosen, is_missed, is_shut, worth

    sees_viewers = is_of_viewer or name == "lock"
    done, value, is_missed, is_shut, worth = at_desk(place, work, sees_viewers=sees_viewers)
    if is_missed:
        note(f"nobody under {value} is here at the moment; `room list` shows who is")
    say(f"{place.channel} at {place.url.authority}: {sentence(done)}")
    if worth:
        say(worth)
    if name == "lock" and not is_shut:
        say(
            f"More than {ADMITTED_MOST} are in: the rules list none of them, so that only a broker "
            "with accounts keeps others out."
        )
    if name == "kick" and (link := open_link_of(place, value)) is not None:
        end = f"resonance-tui broker invites revoke {link.id}"
        called = f"{link.label} ({link.id})" if link.label else link.id
        say(f"{value} came by the link {called}, which is still open to who has it. To end it:")
        say(f"  {end}")
    return done


async def _worth(desk: Desk) -> str:
    """What a rule for small rooms is worth at this broker, in a sentence."""
    if await desk.until_kept():
        return "Enforced: of others, accounts of viewers read totals alone in this room."
    if desk.is_courtesy:
        end = f"resonance-tui broker --public --channel {desk.channel}"
        return (
            f"A courtesy of programs: anybody can read every report here. Accounts end that: {end}"
        )
    return (
        "A courtesy of programs: accounts of viewers read every report here. Whoever runs the "
        "broker can end that (docs/measures.md)."
    )


def viewer_id_of(here: Sequence[Attendee], text: str) -> str:
    """The id of who is here, by id or by a nickname that one of them alone has; else the text,
    for somebody who is not here. Raises InputError."""
    if any(each.viewer_id == text for each in here):
        return text
    called = [each.viewer_id for each in here if each.nickname.casefold() == text.casefold()]
    if len(called) > 1:
        raise InputError(
            f"{len(called)} viewers are called {text}.", f"Say which: {', '.join(called)}"
        )
    return called[0] if called else text


async def _check_writer(desk: Desk, viewer_id: str) -> None:
    """Raises InputError where more than one program writes under that id."""
    if desk.is_courtesy and viewer_id in desk.attendance.present(time.time()):
        note("anybody can write under any id here: looking who does, for some seconds (--yes: not)")
    if await desk.sees_two_writers(viewer_id):
        raise InputError(
            f"More than one program writes under {viewer_id}: perhaps it is not who you think.",
            "--yes takes out the id all the same, for both. Accounts end that: "
            f"resonance-tui broker --public --channel {desk.channel}",
        )


def open_link_of(place: Place, viewer_id: str) -> StoredInvite | None:
    """The link for many by which that viewer came, where others still can; None where the
    accounts of that broker are not on this machine."""
    from resonance_broker import BrokerProblem
    from resonance_broker.invites import InviteState, state_of
    from resonance_tui.hosting.room_links import list_invites
    from resonance_tui.hosting.running import all_running

    folder = place.config.directories.broker_folder
    if not any(each.login == place.url and each.login.username for each in all_running(folder)):
        return None
    with contextlib.suppress(BrokerProblem):
        for each in list_invites(folder):
            is_open = each.is_room_link and state_of(each, time.time()) is InviteState.OPEN
            if is_open and each.channel == place.channel and viewer_id in each.users:
                return each
    return None


mute = _command("mute")
unmute = _command("unmute")
kick = _command("kick")
readmit = _command("readmit")
hide_name = _command("hide-name")
show_name = _command("show-name")
badge = _command("badge")
unbadge = _command("unbadge")
forgotten = _command("forgotten")
lock = _command("lock")
unlock = _command("unlock")
nicknames = _command("nicknames")
slow = _command("slow")
least = _command("least")
blind = _command("blind")
prompt = _command("prompt")
teams = _command("teams")
private = _command("private")
title = _command("title")
close = _command("close")
open_ = _command("open")
