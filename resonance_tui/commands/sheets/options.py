"""The options of `sheets` and its subcommands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.quantities import FilePath, Number
from resonance_tui.commands.settings import load
from resonance_tui.commands.suggestions import CHANNEL


@click.group("sheets", cls=Group, path="sheets")
def sheets() -> None:
    """The history in a Google sheet: set it up, send what is left, see how it is doing.

    \b
    Examples:
      resonance-tui sheets setup --credentials KEY.json
      resonance-tui sheets setup cats-live --sheet https://docs.google.com/spreadsheets/d/...
      resonance-tui log cats-live
      resonance-tui sheets sync
    """


@click.command("setup", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.option("--sheet", metavar="URL", help="Take this sheet (default: make one).")
@click.option("--share", multiple=True, metavar="MAIL", help="Who may edit it (repeatable).")
@click.option(
    "--credentials",
    type=FilePath(path_type=Path),
    help="Google's JSON key of a service account, or an OAuth client; it is kept.",
)
@click.option("--keyring", "in_keyring", is_flag=True, help="Keep the key in the system's safe.")
@click.pass_context
def setup(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Log in at Google, take or make a sheet for CHANNEL (default: for every channel), share it.

    \b
    Examples:
      resonance-tui sheets setup --credentials KEY.json --share mia@example.com
      resonance-tui sheets setup cats-live --sheet https://docs.google.com/spreadsheets/d/...
    """
    from resonance_tui.commands.sheets.setup import run

    run(load(ctx), channel, **options)


@click.command("sync", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.option(
    "--writes",
    "writes_a_minute",
    type=Number(1, 60),
    metavar="N",
    help="At most N writes a minute (default: the setting, 6; Google allows 60).",
)
@click.option("--again", is_flag=True, help="All of CHANNEL into new tabs: the sheet was lost.")
@click.pass_context
def sync(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Send what the sheet lacks of CHANNEL, or of all channels; it may be stopped at any time.

    \b
    Examples:
      resonance-tui sheets sync
      resonance-tui sheets sync cats-live --writes 50
    """
    from resonance_tui.commands.sheets.sync import sync as run

    run(load(ctx), channel, **options)


@click.command("status", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """What is sent and what is left, what went wrong last, calls of the last twelve hours.

    \b
    Example:
      resonance-tui sheets status
    """
    from resonance_tui.commands.sheets.sync import status as run

    run(load(ctx), as_json=as_json)
