"""`broker invite`: links that let one person in. A running broker takes them up by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resonance_tui.commands.broker.lines import known_place, token_link
from resonance_tui.commands.console import put_lines, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.settings import load
from resonance_tui.commands.suggestions import CHANNEL


@click.command("invite", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N")
@click.option(
    "--expires", default="24h", show_default=True, metavar="SPAN", help="30m, 24h, 7d ..."
)
@click.pass_context
def invite(ctx: click.Context, channel: str, **options: Any) -> None:
    """Print a link that lets one person into CHANNEL, once.

    Whoever uses it first gets an account of their own at this machine's broker.

    \b
    Examples:
      resonance-tui broker invite cats-live
      resonance-tui broker invite cats-live --count 20 --expires 2h
    """
    run(load(ctx).directories.broker_folder, channel, **options)


def run(folder: Path, channel: str, *, count: int, expires: str) -> None:
    """Print what to type with `count` links, each good for one person. Raises InputError."""
    from resonance_tui.commands.invitation import share_lines
    from resonance_tui.hosting.accounts import issue_invites, parse_span
    from resonance_tui.protocol.topics import normalize_channel

    room, span_s = normalize_channel(channel), parse_span(expires)
    url = known_place(folder, room)
    for token in issue_invites(folder, room, count, span_s):
        put_lines(share_lines(token_link(url, room, token)))
    each = "It lets" if count == 1 else "Each lets"
    say(f"{each} one person into {room}, once, within {expires}. It is shown this once.")
