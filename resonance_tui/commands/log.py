"""`log`: the recorder alone; it sees the room and is not in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import StatusLine
from resonance_tui.commands.groups import Command, Option
from resonance_tui.commands.quantities import Span
from resonance_tui.commands.served import serve_flag
from resonance_tui.commands.settings import broker_options, load
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.sinks.registry import SINKS
from resonance_tui.texts import mark

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.session.events import SessionView


def _sink_options(command: Callable[..., None]) -> Callable[..., None]:
    """One option for each sink: where the rows go besides."""
    for name, sink in reversed(SINKS.items()):
        help = mark("Bring the rows to this {sink}, too.", sink=sink.title)
        names = (sink.option, _parameter(name))
        command = click.option(*names, cls=Option, metavar=sink.metavar, help=help)(command)
    return command


def _parameter(sink: str) -> str:
    return f"to_{sink}"


@click.command("log", cls=Command)
@click.argument("channel", type=CHANNEL)
@broker_options
@click.option("--duration", type=Span(0.1), metavar="SPAN", help="Stop after 90, 5m, 2h.")
@click.option("--title", metavar="TEXT", help="What to call the recording.")
@serve_flag
@_sink_options
@click.pass_context
def log(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Record CHANNEL without joining it: one row a second into the local database.

    A link that a host gave you stands for channel and broker.

    \b
    Examples:
      resonance-tui log cats-live --broker mqtt://stream.example
      resonance-tui log cats-live --sheet https://docs.google.com/spreadsheets/d/...
    """
    given = {name: options.pop(_parameter(name)) for name in SINKS}
    targets = {name: target for name, target in given.items() if target is not None}
    run(load(ctx, {"broker.url": broker_url}), channel, targets=targets, **options)


def run(
    config: Config,
    channel: str,
    *,
    duration: float | None,
    targets: Mapping[str, str] | None = None,
    title: str | None = None,
    serve: int | None = None,
) -> None:
    """One row a second into the database until interrupted; the room as text on stdout.

    `targets` names by sink where the rows go besides, now and in later recordings. `serve`: the
    port at which the room is served, too.
    """
    from resonance_tui.commands.observer import observing, run_observer, tell_addresses
    from resonance_tui.commands.room_argument import find_destination
    from resonance_tui.commands.served import served_room
    from resonance_tui.config import with_setting
    from resonance_tui.sinks import registry

    without_camera = with_setting(config, "camera", source="none")
    with served_room(config, serve) as served:
        there = find_destination(without_camera, channel, remembers=True)
        config, wanted = there.config, there.channel
        for sink, target in (targets or {}).items():
            config = registry.load(sink).choose_target(config, wanted, target)
        with observing(config, there, database=config.database, title=title or "") as session:
            screen = StatusLine()
            look_at = f"resonance-tui history {wanted}"
            screen.say(f"Recording {wanted} into {config.database}. To look at it: {look_at}")
            screen.say(f"To remember a moment: resonance-tui history mark {wanted} WORD")
            if served is not None:
                tell_addresses(served, screen.say, screen.say)
            session.add_listener(
                lambda _: screen.show(status_text(session.view, session.rows_recorded))
            )
            try:
                run_observer(config, session, screen, duration, served)
            finally:
                rows = session.rows_recorded
                screen.say(f"{seconds_text(rows)} recorded in {config.database}.")
                if rows:
                    screen.say(f"To look at it: {look_at}")


def status_text(view: SessionView, rows: int) -> str:
    """What is recorded, how much of it, and how to look at it; the end of it may be cut off."""
    from resonance_tui.commands.observer import room_words

    parts = [f"recording {view.channel}", *room_words(view), seconds_text(rows)]
    return " · ".join([*parts, f"resonance-tui history {view.channel}"])


def seconds_text(rows: int) -> str:
    """A row is a second: "0:02:05"."""
    minutes, seconds = divmod(rows, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
