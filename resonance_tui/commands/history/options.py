"""The options of `history` and its subcommands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from resonance_tui.commands.groups import (
    ChannelOrCommand,
    Command,
    NamedAsGroup,
    Option,
    TableChoice,
)
from resonance_tui.commands.quantities import FilePath, Span
from resonance_tui.commands.settings import load
from resonance_tui.commands.suggestions import CHANNEL, FORMAT
from resonance_tui.emotions import WORDS
from resonance_tui.history.cues.registry import FORMATS as CUE_FORMATS
from resonance_tui.sinks.registry import readable
from resonance_tui.spans import UNITS
from resonance_tui.texts import mark


@click.group("history", cls=ChannelOrCommand, path="history")
def history() -> None:
    """How channels felt over time."""


@click.command("show", cls=NamedAsGroup)
@click.argument("channel", type=CHANNEL, required=False)
@click.option("--from", "start", metavar="T", help="ISO time, HH:MM, -2h, yesterday.")
@click.option("--to", "end", metavar="T", help="Like --from.")
@click.option("--session", type=click.IntRange(min=1), help="The Nth last session (1 = last).")
@click.option("--sessions", "what", flag_value="sessions", help="List all sessions.")
@click.option("--moments", "what", flag_value="moments", help="Where the room reacted: chapters.")
@click.option("--marks", "what", flag_value="marks", help="Only what a person marked.")
@click.option("--reactions", "what", flag_value="reactions", help="What was sent with keys.")
@click.option("--teams", "what", flag_value="teams", help="What each team felt.")
@click.option("--questions", "what", flag_value="questions", help="What the host asked: answers.")
@click.option(
    "--emotion",
    "emotions",
    multiple=True,
    type=click.Choice(WORDS),
    help="Of moments: only where the room showed this.",
)
@click.option("--top", type=click.IntRange(min=1), help="Of moments: only the N largest.")
@click.option(
    "--apart",
    type=Span(0, UNITS["d"]),
    metavar="SPAN",
    help="Of moments: at least this far apart (default: 15s).",
)
@click.option(
    "--clip",
    type=Span(1, UNITS["d"]),
    metavar="SPAN",
    help="Of moments: each as a clip of this length, as 30s.",
)
@click.option(
    "--lead-in",
    type=Span(0, UNITS["d"]),
    metavar="SPAN",
    help="How much of a clip comes before (default: a third).",
)
@click.option("--rate", metavar="FPS", help="Of moments in an editor: 25, 29.97 or 30000/1001.")
@click.option("--video-start", metavar="T", help="When the session's video began; it is kept.")
@click.option("--offset", metavar="S", help="The same from the recording's start, as -26s.")
@click.option(
    "--stream-delay",
    metavar="S",
    help="How late viewers saw the stream, as 8.5s; `estimate` by marks; it is kept.",
)
@click.option("--file", metavar="NAME", help="Of moments: where they are in this file of OBS's.")
@click.option("--corrected", is_flag=True, help="With the engine's known mistakes taken out.")
@click.option(
    "--format",
    metavar="F",
    type=FORMAT,
    cls=Option,
    help=mark(
        "csv, json, jsonl, svg, png, bids, textgrid or elan; of moments also {cues}.",
        cues=", ".join(CUE_FORMATS),
    ),
)
@click.option(
    "--out", type=FilePath(path_type=Path), help="Write to this file; its name says the format."
)
@click.option(
    "--source",
    type=click.Choice(["local", *readable()]),
    default="local",
    cls=Option,
    help=mark(
        "Read this machine's database, or the {sinks}.",
        sinks=tuple(sink.title for sink in readable().values()),
    ),
)
@click.option("--recorder", metavar="NAME", help="Only rows of this recorder (default: all).")
@click.option(
    "--view",
    type=TableChoice("resonance_tui.charting.views", "VIEWS", {"resonance": "score"}),
    help="Of a picture: what it shows.",
)
@click.option("--groups", is_flag=True, help="Of a picture: four groups, not seven emotions.")
@click.option("--size", metavar="WxH", help="Of a picture: its pixels (default: 1920x1080).")
@click.pass_context
def show(ctx: click.Context, **options: Any) -> None:
    """Show how a CHANNEL felt over time: a chart in a terminal, data anywhere else.

    \b
    Examples:
      resonance-tui history cats-live
      resonance-tui history cats-live --from -2h --format csv > evening.csv
      resonance-tui history cats-live --out evening.svg
      resonance-tui history cats-live --moments             chapters for the video
      resonance-tui history cats-live --moments --emotion happiness --clip 30s
      resonance-tui history cats-live --video-start 17:31:40
      resonance-tui history cats-live --stream-delay 8.5s
      resonance-tui history cats-live --moments --out marks.edl --rate 29.97
      resonance-tui history cats-live --sessions
      resonance-tui history --sessions                      of every channel
      resonance-tui history forget --older-than 90d
      resonance-tui history -- vacuum                       a channel of that name
    """
    from resonance_tui.commands.history.output import Asked
    from resonance_tui.commands.history.show import run

    options["what"] = options["what"] or "rows"
    run(load(ctx), Asked(**options))


@click.command("forget", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.option("--older-than", metavar="AGE", help="Only what is older: 90d, 12h, 30m.")
@click.option("--session", type=click.IntRange(min=1), help="Only the Nth last session (1 = last).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def forget(ctx: click.Context, channel: str | None, **options: Any) -> None:
    """Delete what was recorded in CHANNEL, or in all channels, and give the space back.

    \b
    Examples:
      resonance-tui history forget cats-live
      resonance-tui history forget cats-live --session 2
      resonance-tui history forget --older-than 90d --yes
    """
    from resonance_tui.commands.history.retention import run_forget

    run_forget(load(ctx), channel, **options)


@click.command("vacuum", cls=Command)
@click.pass_context
def vacuum(ctx: click.Context) -> None:
    """Make the database as small as what is in it; recording may go on meanwhile.

    \b
    Example:
      resonance-tui history vacuum
    """
    from resonance_tui.commands.history.retention import run_vacuum

    run_vacuum(load(ctx))


@click.command("sync", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.pass_context
def sync(ctx: click.Context, channel: str | None) -> None:
    """Send what the Google sheet lacks, as `sheets sync` does.

    \b
    Example:
      resonance-tui history sync cats-live
    """
    from resonance_tui.commands.sheets.sync import sync as run_sync

    run_sync(load(ctx), channel)


_WHICH = click.option(
    "--session", type=click.IntRange(min=1), default=1, help="The Nth last session (1 = last)."
)
_CLEAR = click.option("--clear", is_flag=True, help="Take it away.")


@click.command("title", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.argument("words", nargs=-1, metavar="[TEXT]")
@_WHICH
@_CLEAR
@click.pass_context
def title(ctx: click.Context, channel: str, words: tuple[str, ...], **options: Any) -> None:
    """Give a session of CHANNEL another title; without TEXT, print the one it has.

    \b
    Examples:
      resonance-tui history title cats-live "Cats, part two"
      resonance-tui history title cats-live --session 2 --clear
    """
    from resonance_tui.commands.history.words import run_said

    run_said(load(ctx), "title", channel, " ".join(words), **options)


@click.command("note", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.argument("words", nargs=-1, metavar="[TEXT]")
@_WHICH
@_CLEAR
@click.pass_context
def note(ctx: click.Context, channel: str, words: tuple[str, ...], **options: Any) -> None:
    """Keep a note with a session of CHANNEL; without TEXT, print the one it has.

    \b
    Example:
      resonance-tui history note cats-live "sound was off until 20:10"
    """
    from resonance_tui.commands.history.words import run_said

    run_said(load(ctx), "note", channel, " ".join(words), **options)


@click.command("mark", cls=Command)
@click.argument("channel", type=CHANNEL)
@click.argument("words", nargs=-1, metavar="[WORD]")
@click.option("--at", metavar="T", help="When, as 20:15:03 (default: now).")
@click.option("--remove", is_flag=True, help="Take away what is marked there.")
@click.pass_context
def mark_(ctx: click.Context, channel: str, words: tuple[str, ...], **options: Any) -> None:
    """Remember this moment of CHANNEL, which a program on this machine records.

    For a key of the desktop, a Stream Deck, or afterwards.

    \b
    Examples:
      resonance-tui history mark cats-live "the cat falls"
      resonance-tui history mark cats-live --at 20:15:03 --remove
    """
    from resonance_tui.commands.history.words import run_mark

    run_mark(load(ctx), channel, " ".join(words), **options)
