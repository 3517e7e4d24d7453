"""`room mute`, `room lock` and the other acts of a host: one command for each row of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.room.place import at_desk, broker_option, find_place, with_broker
from resonance_tui.errors import InputError
from resonance_tui.protocol.rules import Act
from resonance_tui.room.moderation import ACTS, Needs, RoomAct, sentence

if TYPE_CHECKING:
    from resonance_tui.hosting.desk import Desk

_EXAMPLES = {
    Needs.NOTHING: "",
    Needs.VIEWER: " abcdefgh23456",
    Needs.SWITCH: " off",
    Needs.SECONDS: " 5",
    Needs.WORDS: " 'See you tomorrow'",
}


def _command(name: str) -> click.Command:
    act = ACTS[name]
    example = f"resonance-tui room {name} cats-live{_EXAMPLES[act.needs]}"
    text = f"{act.summary}\n\nWithout CHANNEL, in the one room hosted here.\n\n\b\nExample:\n"

    @click.command(name, cls=Command, help=f"{text}  {example}")
    @click.argument("words", nargs=-1, metavar=f"[CHANNEL] {act.needs}".strip())
    @broker_option
    @click.pass_context
    def command(ctx: click.Context, words: tuple[str, ...], broker_url: str | None) -> None:
        room, value = split(act, words)
        run(ctx, act.name, room, value, broker_url)

    return command


def split(act: RoomAct, words: tuple[str, ...]) -> tuple[str | None, str]:
    """The channel, if one was named, and the value. Raises InputError."""
    if act.needs is Needs.NOTHING:
        if len(words) > 1:
            raise InputError(f"`room {act.name}` takes a channel and nothing else.")
        return (words[0] if words else None), ""
    if not words:
        raise InputError(f"`room {act.name}` needs {act.needs}.")
    if len(words) > 2 and act.needs is not Needs.WORDS:
        raise InputError(f"`room {act.name}` takes a channel and {act.needs}, and no more.")
    return (words[0] if len(words) > 1 else None), " ".join(words[1:] or words)


def run(
    ctx: click.Context,
    name: str,
    room: str | None,
    value: str,
    broker_url: str | None,
    *,
    whom: str | None = None,
) -> Act:
    """Perform it, and return once the broker has it and it holds."""
    place = find_place(with_broker(ctx, broker_url), room)

    async def work(desk: Desk) -> Act:
        rules = await desk.act(name, value, whom=whom)
        return rules.acts[-1]

    done = at_desk(place, work, sees_viewers=name == "lock")
    say(f"{place.channel}: {sentence(done)}")
    return done


mute = _command("mute")
unmute = _command("unmute")
kick = _command("kick")
readmit = _command("readmit")
hide_name = _command("hide-name")
show_name = _command("show-name")
badge = _command("badge")
unbadge = _command("unbadge")
lock = _command("lock")
unlock = _command("unlock")
nicknames = _command("nicknames")
slow = _command("slow")
title = _command("title")
close = _command("close")
open_ = _command("open")
