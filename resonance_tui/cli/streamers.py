"""What streamers type: history, log, sheets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from resonance_tui.cli.groups import AsGroup, ChannelOrVerb, TableChoice
from resonance_tui.cli.settings import load
from resonance_tui.sinks.registry import SINKS


@click.group(cls=ChannelOrVerb)
def history() -> None:
    """How channels felt over time."""


@history.command("show", cls=AsGroup)
@click.argument("channel")
@click.option("--from", "start", metavar="T", help="ISO time, HH:MM, -2h, yesterday.")
@click.option("--to", "end", metavar="T", help="Like --from.")
@click.option("--session", type=click.IntRange(min=1), help="The Nth last session (1 = last).")
@click.option("--sessions", "what", flag_value="sessions", help="List all sessions.")
@click.option("--moments", "what", flag_value="moments", help="Where the room reacted: chapters.")
@click.option("--corrected", is_flag=True, help="With the engine's known mistakes taken out.")
@click.option("--format", metavar="F", help="csv, json, jsonl, svg or png; text of moments.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write to this file; its name says the format."
)
@click.option(
    "--source",
    type=click.Choice(["local", *SINKS]),
    default="local",
    help=f"Read this machine's database, or the {' or '.join(s.title for s in SINKS.values())}.",
)
@click.option("--recorder", metavar="NAME", help="Only rows of this recorder (default: all).")
@click.option(
    "--view",
    type=TableChoice("resonance_tui.charting.views", "VIEWS"),
    help="Of a picture: what it shows.",
)
@click.option("--groups", is_flag=True, help="Of a picture: four groups, not seven emotions.")
@click.option("--size", metavar="WxH", help="Of a picture: its pixels (default: 1920x1080).")
@click.pass_context
def history_show(ctx: click.Context, **options: Any) -> None:
    """Show how a CHANNEL felt over time: a chart in a terminal, data anywhere else.

    \b
    Examples:
      resonance-tui history cats-live
      resonance-tui history cats-live --from -2h --format csv > evening.csv
      resonance-tui history cats-live --out evening.svg
      resonance-tui history cats-live --moments             chapters for the video
      resonance-tui history cats-live --sessions
      resonance-tui history forget --older-than 90d
      resonance-tui history -- vacuum                       a channel of that name
    """
    from resonance_tui.commands import history as verb

    options["what"] = options["what"] or "rows"
    verb.run(load(ctx), verb.Asked(**options))


@history.command("forget")
@click.argument("channel", required=False)
@click.option("--older-than", metavar="AGE", help="Only what is older: 90d, 12h, 30m.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def history_forget(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Delete what was recorded in CHANNEL, or in all channels, and give the space back.

    \b
    Examples:
      resonance-tui history forget cats-live
      resonance-tui history forget --older-than 90d --yes
    """
    from resonance_tui.commands import history_retention as verb

    verb.run_forget(load(ctx), channel, **options)


@history.command("vacuum")
@click.pass_context
def history_vacuum(ctx: click.Context) -> None:
    """Make the database as small as what is in it; recording may go on meanwhile.

    \b
    Example:
      resonance-tui history vacuum
    """
    from resonance_tui.commands import history_retention as verb

    verb.run_vacuum(load(ctx))


@history.command("sync")
@click.argument("channel", required=False)
@click.pass_context
def history_sync(ctx: click.Context, channel: str | None) -> None:
    """Send what the Google sheet lacks, as `sheets sync` does.

    \b
    Example:
      resonance-tui history sync cats-live
    """
    from resonance_tui.commands import sheets as verb

    verb.sync(load(ctx), channel)


def _sink_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each sink: where the rows go besides."""
    for name, sink in reversed(SINKS.items()):
        help = f"Bring the rows to this {sink.title}, too."
        option = click.option(sink.option, _parameter(name), metavar=sink.metavar, help=help)
        command = option(command)
    return command


def _parameter(sink: str) -> str:
    return f"to_{sink}"


@click.command()
@click.argument("channel")
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="S", help="Stop after S s.")
@click.option("--title", metavar="TEXT", help="What to call the recording.")
@_sink_options
@click.pass_context
def log(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Record CHANNEL without joining it: one row a second into the local database.

    \b
    Examples:
      resonance-tui log cats-live --broker mqtt://stream.example
      resonance-tui log cats-live --sheet https://docs.google.com/spreadsheets/d/...
    """
    from resonance_tui.commands import log as verb

    given = {name: options.pop(_parameter(name)) for name in SINKS}
    targets = {name: target for name, target in given.items() if target is not None}
    verb.run(load(ctx, {"broker.url": broker_url}), channel, targets=targets, **options)


@click.group()
def sheets() -> None:
    """The history in a Google sheet: set it up, send what is left, see how it is doing.

    \b
    Examples:
      resonance-tui sheets setup --credentials KEY.json
      resonance-tui sheets setup cats-live --sheet https://docs.google.com/spreadsheets/d/...
      resonance-tui log cats-live
      resonance-tui sheets sync
    """


@sheets.command("setup")
@click.argument("channel", required=False)
@click.option("--sheet", metavar="URL", help="Take this sheet (default: make one).")
@click.option("--share", multiple=True, metavar="MAIL", help="Who may edit it (repeatable).")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    help="Google's JSON key of a service account, or an OAuth client; it is kept.",
)
@click.option("--keyring", "in_keyring", is_flag=True, help="Keep the key in the system's safe.")
@click.pass_context
def sheets_setup(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Log in at Google, take or make a sheet for CHANNEL (default: for every channel), share it.

    \b
    Examples:
      resonance-tui sheets setup --credentials KEY.json --share mia@example.com
      resonance-tui sheets setup cats-live --sheet https://docs.google.com/spreadsheets/d/...
    """
    from resonance_tui.commands import sheets_setup as verb

    verb.run(load(ctx), channel, **options)


@sheets.command("sync")
@click.argument("channel", required=False)
@click.option(
    "--writes",
    "writes_a_minute",
    type=click.FloatRange(1, 60),
    metavar="N",
    help="At most N writes a minute (default: the setting, 6; Google allows 60).",
)
@click.option("--again", is_flag=True, help="All of CHANNEL into new tabs: the sheet was lost.")
@click.pass_context
def sheets_sync(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Send what the sheet lacks of CHANNEL, or of all channels; it may be stopped at any time.

    \b
    Examples:
      resonance-tui sheets sync
      resonance-tui sheets sync cats-live --writes 50
    """
    from resonance_tui.commands import sheets as verb

    verb.sync(load(ctx), channel, **options)


@sheets.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for scripts.")
@click.pass_context
def sheets_status(ctx: click.Context, as_json: bool) -> None:
    """What is sent and what is left, what went wrong last, calls of the last twelve hours.

    \b
    Example:
      resonance-tui sheets status
    """
    from resonance_tui.commands import sheets as verb

    verb.status(load(ctx), as_json=as_json)
