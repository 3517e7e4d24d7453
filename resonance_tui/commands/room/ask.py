"""`room ask` and `room close-question`: a question to everybody in a room, and its end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.console import say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.quantities import Span
from resonance_tui.commands.room.place import at_desk, find_place, names_room, with_broker
from resonance_tui.commands.settings import broker_options
from resonance_tui.errors import InputError
from resonance_tui.protocol.questions import CHOICES_LEAST, OPEN_MOST_S
from resonance_tui.protocol.values import CAN_QUESTIONS
from resonance_tui.room.asking import USUAL_S, act_value
from resonance_tui.room.moderation import noted, sentence

if TYPE_CHECKING:
    from collections.abc import Collection

    from resonance_tui.hosting.desk import Desk
    from resonance_tui.protocol.rules import Act

_TOO_OLD = (
    "The program that hosts this room does not know questions.",
    "Start it again with this version: resonance-tui broker --channel {channel}",
)
_NO_HOST = (
    "No host announces this room, so nobody would count the answers.",
    "Start one: resonance-tui broker --channel {channel}",
)


@click.command(cls=Command)
@click.argument("words", nargs=-1, metavar="[CHANNEL] QUESTION ANSWER ANSWER...")
@click.option(
    "--for",
    "open_s",
    type=Span(1, OPEN_MOST_S),
    default=f"{USUAL_S:g}s",
    show_default=True,
    metavar="TIME",
    help="How long it may be answered.",
)
@click.option(
    "--private",
    "is_private",
    is_flag=True,
    help="Each answer is randomised on its viewer's machine; the shares are estimates.",
)
@broker_options
@click.pass_context
def ask(
    ctx: click.Context,
    words: tuple[str, ...],
    open_s: float,
    is_private: bool,
    broker_url: str | None,
) -> None:
    """Ask everybody a question, with two to eight answers.

    Viewers answer with a key; bars show what they say. One question at a time: another one ends
    the question before. Without CHANNEL, in the one room hosted here.

    \b
    Example:
      resonance-tui room ask "Which map?" Dust Mirage --for 60s
    """
    config = with_broker(ctx, broker_url)
    known = [key.channel for key in own_keys(config.directories).all()]
    room, text, choices = split(words, known)
    value = act_value(text, choices, at=time.time(), open_s=open_s, is_private=is_private)
    place = find_place(config, room)

    async def work(desk: Desk) -> Act:
        check_can_ask(desk)
        rules = await desk.act("ask", value, whom=text)
        return noted(rules, "ask", value, by=desk.key.name, whom=text)

    say(f"{place.channel} at {place.url.authority}: {sentence(at_desk(place, work))}")
    say(f"To end it sooner: resonance-tui room close-question {place.channel}")


@click.command("close-question", cls=Command)
@click.argument("room", required=False, metavar="[CHANNEL]")
@broker_options
@click.pass_context
def close_question(ctx: click.Context, room: str | None, broker_url: str | None) -> None:
    """End the question: later answers do not count.

    Without CHANNEL, in the one room hosted here.

    \b
    Example:
      resonance-tui room close-question cats-live
    """
    place = find_place(with_broker(ctx, broker_url), room)

    async def work(desk: Desk) -> Act:
        rules = await desk.act("close-question", f"{time.time():.0f}", whom="")
        return noted(rules, "close-question", "", by=desk.key.name)

    say(f"{place.channel} at {place.url.authority}: {sentence(at_desk(place, work))}")


def split(
    words: tuple[str, ...], known: Collection[str]
) -> tuple[str | None, str, tuple[str, ...]]:
    """The channel, if one was named, the question, and its answers. `known`: channels of which
    this machine has a key: a first word is one of them, or a link, or it is the question. Raises
    InputError."""
    is_room = bool(words) and names_room(words[0], known)
    room, rest = (words[0], words[1:]) if is_room else (None, words)
    if len(rest) < 1 + CHOICES_LEAST:
        raise InputError(
            "A question needs its words and two answers at least.",
            'For example: resonance-tui room ask "Which map?" Dust Mirage',
        )
    return room, rest[0], rest[1:]


def check_can_ask(desk: Desk) -> None:
    """Raises InputError where nobody would count the answers."""
    abilities = desk.attendance.abilities
    if abilities is None or CAN_QUESTIONS not in abilities:
        message, hint = _NO_HOST if abilities is None else _TOO_OLD
        raise InputError(message, hint.format(channel=desk.channel))
