"""`broker share`: one link for everybody, made or shown again, as text and as a QR code."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.broker.lines import known_place, moment, people, token_link
from resonance_tui.commands.console import put_lines, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.settings import load
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.errors import InputError

if TYPE_CHECKING:
    from resonance_tui.hosting.room_links import RoomLink
    from resonance_tui.protocol.urls import BrokerUrl

MOST_PEOPLE = 10_000
USUAL_UNTIL, USUAL_RATE = "24h", 120


@click.command("share", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.option(
    "--for",
    "count",
    type=click.IntRange(1, MOST_PEOPLE),
    default=None,
    metavar="N",
    help="Make a new link, for N people.",
)
@click.option("--until", default=None, metavar="WHEN", help="23:00, 24h, 7d ... (default: 24h).")
@click.option("--name", default=None, metavar="LABEL", help="To tell links apart: friday.")
@click.option(
    "--rate",
    type=click.IntRange(1, MOST_PEOPLE),
    default=None,
    metavar="N",
    help="At most N people come in within a minute (default: 120).",
)
@click.option("--no-qr", is_flag=True, help="No QR code.")
@click.pass_context
def share(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Show the link that lets everybody into CHANNEL; with --for, make one.

    Whoever uses it gets an account of their own at this machine's broker. CHANNEL may be left out
    where there is only one.

    \b
    Examples:
      resonance-tui broker share cats-live --for 100 --until 23:00
      resonance-tui broker share
    """
    run(load(ctx).directories.broker_folder, channel, **options)


def run(
    folder: Path,
    channel: str | None,
    *,
    count: int | None = None,
    until: str | None = None,
    name: str | None = None,
    rate: int | None = None,
    no_qr: bool = False,
) -> None:
    """Print what to type with the link, and on a terminal its QR code.

    Raises InputError where there is no such link, no address or no single channel; BrokerProblem
    and StoreError for files that cannot be read or written.
    """
    now = time.time()
    if count is None and (until or rate):
        raise InputError(
            "--until and --rate are for a new link.", "Say for how many people: --for 100"
        )
    room = _room(folder, channel, now)
    url = known_place(folder, room)
    if count is None:
        link = _find(folder, room, name, now)
    else:
        link = _make(folder, room, count, until or USUAL_UNTIL, name, rate or USUAL_RATE, now)
    _show(url, link, no_qr)
    _say_more(folder, link)


def _room(folder: Path, channel: str | None, now: float) -> str:
    """The channel that was named; else the only one that is announced, or that has a link."""
    from resonance_tui.hosting.room_links import open_links
    from resonance_tui.hosting.running import find_running
    from resonance_tui.protocol.topics import normalize_channel

    if channel is not None:
        return normalize_channel(channel)
    running = find_running(folder)
    known = set(running.channels) if running else set[str]()
    known = known or {each.invite.channel for each in open_links(folder, now)}
    if len(known) != 1:
        there = f"There are {', '.join(sorted(known))}. " if known else ""
        raise InputError("Which room?", f"{there}Name it: resonance-tui broker share cats-live")
    return known.pop()


def _find(folder: Path, room: str, name: str | None, now: float) -> RoomLink:
    from resonance_tui.hosting.room_links import open_links

    for link in reversed(open_links(folder, now)):
        if link.invite.channel == room and name in (None, link.invite.label):
            return link
    called = " of that name" if name else ""
    raise InputError(
        f"There is no open link{called} into {room}.",
        f"Make one: resonance-tui broker share {room} --for 100 --until 23:00",
    )


def _make(
    folder: Path, room: str, count: int, until: str, name: str | None, rate: int, now: float
) -> RoomLink:
    from resonance_tui.hosting.accounts import parse_until
    from resonance_tui.hosting.room_links import LinkPlan, make_link

    plan = LinkPlan(count, parse_until(until, now), name or "", rate if count > 1 else 0)
    return make_link(folder, room, plan, now)


def _show(url: BrokerUrl, link: RoomLink, no_qr: bool) -> None:
    from resonance_tui.commands.broker.qr import lines_for_terminal
    from resonance_tui.commands.invitation import share_lines

    text = token_link(url, link.invite.channel, link.token)
    put_lines(share_lines(text))
    if no_qr:
        return
    lines, why_not = lines_for_terminal(text)
    put_lines(lines)
    if why_not:
        say(why_not)


def _say_more(folder: Path, link: RoomLink) -> None:
    from resonance_tui.hosting.running import find_running

    invite = link.invite
    until = f"until {moment(invite.expires_at)}"
    if not invite.is_room_link:
        say(f"It lets one person into {invite.channel}, once, {until}. It is shown this once.")
    else:
        used = f"{len(invite.users)} used so far" if invite.users else "nobody used it yet"
        whom = f"{people(invite.most_uses)} into {invite.channel}"
        end = f"resonance-tui broker invites revoke {invite.id}"
        say(f"It lets {whom} {until}; {used}. To end it: {end}")
    if find_running(folder) is None:
        say("The broker is not running at the moment: nobody comes in until it does.")
