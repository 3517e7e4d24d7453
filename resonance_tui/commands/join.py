"""`join`: the main job, on a screen or without one."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import say
from resonance_tui.commands.engine_flags import engine_flags
from resonance_tui.commands.groups import Command
from resonance_tui.commands.language import lang_option
from resonance_tui.commands.quantities import FilePath, Number, Span
from resonance_tui.commands.served import serve_flag, served_room
from resonance_tui.commands.settings import broker_options, load, terminal_of
from resonance_tui.commands.suggestions import CHANNEL
from resonance_tui.config import LEAST_EPSILON, MOST_EPSILON
from resonance_tui.errors import InputError, NotATerminal, ResonanceError
from resonance_tui.secret import shown
from resonance_tui.shutdown import for_seconds
from resonance_tui.texts import mark, tr

if TYPE_CHECKING:
    from resonance_tui.commands.join_context import CommandLineContext
    from resonance_tui.commands.served import ServedRoom
    from resonance_tui.config import Config
    from resonance_tui.tui.app import ResonanceApp
    from resonance_tui.tui.screens.history import HistoryScreen


@click.command("join", cls=Command)
@click.argument("channel", type=CHANNEL, required=False)
@click.option("--name", metavar="NAME", help="Nickname shown to the room (default: anonymous).")
@click.option("--team", metavar="NAME", help="Join a team of the host's list.")
@broker_options
@click.option(
    "--nearby", is_flag=True, help="Look for CHANNEL on this network; without it, list the rooms."
)
@click.option(
    "--camera",
    metavar="SRC",
    help="Device index, video file, stream URL, demo or none (default: 0).",
)
@click.option(
    "--people",
    type=click.Choice(("one", "all")),
    help="Read the nearest face, or up to four, each as a viewer of its own (default: one).",
)
@click.option("--once", is_flag=True, help="Play a video file once and leave at its end.")
@engine_flags
@click.option("--allow-untrained", is_flag=True, help="Run a network that has no weights here.")
@click.option(
    "--private/--no-private",
    default=None,
    help="Randomise your reports before they are sent; not in rooms that cannot count such.",
)
@click.option(
    "--epsilon",
    type=Number(LEAST_EPSILON, MOST_EPSILON),
    metavar="NUMBER",
    help="Privately, and with at most this epsilon for each state that you feel, 0.1 to 5.",
)
@click.option("--record", is_flag=True, help="Keep the room's history in the local database.")
@click.option("--title", metavar="TEXT", help="Record, under this title.")
@click.option(
    "--corrected", is_flag=True, help="Show counts with the engine's known mistakes taken out."
)
@click.option("--headless", is_flag=True, help="No screen: for scripts, logs and tests.")
@click.option("--json", "as_json", is_flag=True, help="With --headless: one JSON object a line.")
@click.option("--bell/--no-bell", default=None, help="Ring when something happens in the room.")
@click.option("--notify/--no-notify", default=None, help="Tell the desktop of it.")
@click.option(
    "--pcap",
    type=FilePath(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write what is sent, logins left out, for Wireshark to read.",
)
@click.option(
    "--every",
    type=Span(0),
    default=10.0,
    show_default=True,
    metavar="SPAN",
    help="With --headless: a line about the room once in so many seconds, or 1m, at most.",
)
@click.option(
    "--duration", type=Span(0.1), metavar="SPAN", help="Leave after 90 (seconds), 5m, 2h."
)
@click.option(
    "--summary",
    type=FilePath(path_type=Path),
    metavar="FILE",
    help="Save how you and the room differed as a picture (png or svg) when you leave.",
)
@serve_flag
@lang_option
@click.pass_context
def join(ctx: click.Context, channel: str | None, **options: Any) -> int:
    """Join CHANNEL (or a link) and share your emotion; without it, choose on a start screen.

    A link from a host stands for channel and broker, also with what a chat made of it.

    \b
    Examples:
      resonance-tui join cats-live
      resonance-tui join cats-live --name Mia --broker mqtt://stream.example
      resonance-tui join resonance://stream.example/cats-live/aaoqryq
      resonance-tui join mqtt://stream.example/cats-live
      resonance-tui join cats-live --broker wss://stream.example/mqtt --ca office.pem
      resonance-tui join cats-live --name Mia --people all
      resonance-tui join test --camera demo --serve 8765
      resonance-tui join test --camera film.mp4 --once --headless --json
      resonance-tui join test --pcap sent.pcap
      resonance-tui join cats-live --private
      resonance-tui join test --engine former_dfer
      resonance-tui join cats-live --summary evening.png
    """
    epsilon, is_private = options.pop("epsilon"), options.pop("private")
    config = load(
        ctx,
        {
            "viewer.nickname": options.pop("name"),
            "viewer.private": is_private if epsilon is None else is_private is not False,
            "viewer.epsilon": epsilon,
            "broker.url": options.pop("broker_url"),
            "camera.source": options.pop("camera"),
            "camera.people": options.pop("people"),
            "engine.name": options.pop("engine"),
            "engine.device": options.pop("device"),
            "screen.bell": options.pop("bell"),
            "screen.notify": options.pop("notify"),
        },
    )
    return run(config, channel, **options)


def run(
    config: Config,
    channel: str | None,
    *,
    once: bool,
    record: bool,
    headless: bool,
    as_json: bool,
    duration: float | None,
    every: float = 10.0,
    title: str | None = None,
    corrected: bool = False,
    allow_untrained: bool = False,
    nearby: bool = False,
    serve: int | None = None,
    pcap: Path | None = None,
    summary: Path | None = None,
    team: str | None = None,
) -> int:
    """Check everything that can be checked, then live in the room until it ends: the exit code."""
    from resonance_tui.commands.join_context import CommandLineContext
    from resonance_tui.commands.room_argument import find_destination
    from resonance_tui.commands.session_builder import check_intent

    if nearby and channel is None:
        from resonance_tui.commands.nearby import show_nearby

        show_nearby(config)
        return 0
    if summary is not None:
        from resonance_tui.charting.evening import picture_format

        picture_format(summary)  # before an evening is spent on it
    context = CommandLineContext(
        config,
        check_intent(config, allow_untrained=allow_untrained),
        once=once,
        record=record or title is not None,
        title=title or "",
        corrected=corrected,
        team=team or "",
    )
    with _tapped(context, pcap):
        if channel is not None and nearby:
            from resonance_tui.commands.nearby import find_nearby

            context.go_to(find_nearby(config, channel))
        elif channel is not None:
            context.go_to(find_destination(config, channel, remembers=True))
        try:
            with served_room(config, serve) as served:
                if served is not None:
                    _serve(context, served)
                if headless or as_json:
                    _run_headless(
                        context, served, as_json=as_json, duration=duration, every_s=every
                    )
                    return 0
                return _run_screen(context, served, duration)
        finally:
            if summary is not None:
                _save_summary(context, summary)
            context.profile.release()


@contextlib.contextmanager
def _tapped(context: CommandLineContext, pcap: Path | None) -> Generator[None]:
    """What is sent and received is kept for the screen, and what is sent in the file, if any.

    Raises InputError for a file that cannot be written.
    """
    from resonance_tui.messaging.tap import TAPS

    if pcap is None:
        with TAPS.listening(context.wire):
            yield
        return
    from resonance_tui.messaging.pcap import PcapFile

    troubles: list[str] = []
    with contextlib.closing(PcapFile(pcap, troubles.append)) as file:
        try:
            with TAPS.listening(context.wire, file):
                yield
        finally:
            for why in troubles:  # on the screen that comes back
                say(tr("The file of --pcap is not complete: {why}.", why=why))


def _save_summary(context: CommandLineContext, file: Path) -> None:
    """Of the room that was left last. Nothing of it was ever sent."""
    from resonance_tui.charting.evening import picture_format, render_evening
    from resonance_tui.files import save_bytes

    visit = context.visits[-1] if context.visits else None
    if visit is None or visit.evening is None or not visit.evening.is_known:
        say(tr("No summary: you and two others were not read for long enough together."))
        return
    channel = visit.first.channel
    picture = render_evening(visit.evening, channel, time.time(), picture_format(file))
    save_bytes(file, [picture])
    say(f"{shown(file)}: {tr('{count} bytes', count=len(picture))}")


def _serve(context: CommandLineContext, served: ServedRoom) -> None:
    """Each room that is entered from now on is served; stdout is left to the events."""
    from resonance_tui.commands.observer import tell_addresses

    tell_addresses(served, say, say)
    context.on_session = served.attach


def _run_headless(
    context: CommandLineContext,
    served: ServedRoom | None,
    *,
    as_json: bool,
    duration: float | None,
    every_s: float,
) -> None:
    from resonance_tui.commands import headless
    from resonance_tui.commands.event_loop import run_loop

    if context.channel is None:
        raise InputError(
            mark("Without a screen a channel is needed."), mark("resonance-tui join CHANNEL ...")
        )
    if context.needs_consent:
        whose, people = (
            (mark("everybody's face"), " --people all")
            if context.reads_all
            else (mark("a face"), "")
        )
        raise InputError(
            mark("Nobody has agreed yet to have {whose} read on this machine.", whose=whose),
            mark(
                "Run `resonance-tui config consent --give{people}`, or join once with a screen.",
                people=people,
            ),
        )
    session = context.open_loaded(context.channel, context.nickname)

    async def live() -> None:
        work = headless.run(session, as_json=as_json, duration=duration, every_s=every_s)
        await (work if served is None else served.beside(work))

    run_loop(context.config, live)


def _run_screen(
    context: CommandLineContext, served: ServedRoom | None, duration: float | None
) -> int:
    from resonance_tui.commands.event_loop import run_loop

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NotATerminal(
            mark("There is no terminal to draw on."),
            mark("Use --headless, and --json for scripts."),
        )

    drawn_with = terminal_of(context.config)

    async def show() -> ResonanceApp:
        from resonance_tui.tui.app import ResonanceApp

        app = ResonanceApp(context, lambda channel: _history_screen(context, channel), drawn_with)
        work = for_seconds(app.run_async(), duration)
        await (work if served is None else served.beside(work))
        return app

    try:
        app = run_loop(context.config, show)
    finally:
        for visit in context.visits:  # on the screen that comes back
            for line in visit.lines():
                say(line)
    if app.failure is not None:
        raise app.failure  # said on the screen that is gone now
    if app.has_declined:
        raise ResonanceError(
            mark("Without your consent nothing is read."), mark("--camera none needs none.")
        )
    return app.return_code or 0


def _history_screen(context: CommandLineContext, channel: str) -> HistoryScreen:
    """Imports plotext, which can wait until the key for it is pressed."""
    from resonance_tui.engines.registry import confusion_of
    from resonance_tui.history.loading import Request
    from resonance_tui.tui.screens.history import HistoryScreen

    confusion = confusion_of(context.config.settings.engine.name)
    return HistoryScreen(Request(context.config.database, channel, confusion=confusion))
