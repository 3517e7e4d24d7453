"""`serve`: a room over HTTP, for OBS and for programs; it sees the room and is not in it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import StatusLine, put, say
from resonance_tui.commands.groups import Command
from resonance_tui.commands.quantities import Span
from resonance_tui.commands.served import PORT, PORTS
from resonance_tui.commands.settings import broker_options, load

if TYPE_CHECKING:
    from resonance_tui.config import Config
    from resonance_tui.session.core import Session
    from resonance_tui.session.events import SessionView


@click.command("serve", cls=Command)
@click.argument("channel")
@broker_options
@click.option("--port", type=PORTS, default=PORT, show_default=True, help="Port to serve at.")
@click.option("--host", metavar="ADDRESS", help="Address to serve at (default: 127.0.0.1).")
@click.option("--css", metavar="FILE", help="A style sheet of your own for the overlay.")
@click.option("--lsl", is_flag=True, help="As streams of the Lab Streaming Layer, too.")
@click.option(
    "--lsl-network", is_flag=True, help="The same for other machines; LSL asks nobody who they are."
)
@click.option("--duration", type=Span(0.1), metavar="SPAN", help="Stop after 90, 5m, 2h.")
@click.pass_context
def serve(ctx: click.Context, channel: str, broker_url: str | None, **options: Any) -> None:
    """Serve CHANNEL to OBS and to programs: an overlay, its settings page, events, rows.

    Open the settings page, choose a layout, copy its address into a browser source. Beyond this
    machine a token is asked for, which the printed addresses hold.

    \b
    Examples:
      resonance-tui serve cats-live
      resonance-tui serve cats-live --port 9000 --css mine.css
      resonance-tui serve cats-live --host 0.0.0.0
    """
    flags = {
        "broker.url": broker_url,
        "serve.host": options.pop("host"),
        "serve.css": options.pop("css"),
    }
    run(load(ctx, flags), channel, **options)


def run(
    config: Config,
    channel: str,
    *,
    port: int,
    duration: float | None = None,
    lsl: bool = False,
    lsl_network: bool = False,
) -> None:
    """Serve until interrupted; addresses on stdout, the room as text below them."""
    from resonance_tui.commands.observer import observing, run_observer, tell_addresses
    from resonance_tui.commands.room_argument import find_destination
    from resonance_tui.commands.served import ServedRoom, served_room
    from resonance_tui.config import with_setting

    without_camera = with_setting(config, "camera", source="none")
    with ExitStack() as stack, served_room(config, port) as served:
        assert isinstance(served, ServedRoom)
        there = find_destination(without_camera, channel, remembers=True)
        with observing(there.config, there) as session:
            tell_addresses(served, put, say)
            stack.enter_context(streaming(session, lsl=lsl, to_network=lsl_network))
            screen = StatusLine()
            session.add_listener(
                lambda _: screen.show(status_text(session.view, served.pages_open))
            )
            run_observer(there.config, session, screen, duration, served)


@contextmanager
def streaming(session: Session, *, lsl: bool, to_network: bool) -> Generator[None]:
    """The room as streams of LSL meanwhile, where that is asked for. Raises what LslOutlet does."""
    if not (lsl or to_network):
        yield
        return
    from resonance_tui.session.lsl import MARKERS, NUMBERS, LslOutlet

    channel = session.view.channel
    outlet = LslOutlet(channel, is_local=not to_network, origin=session.view.broker_url)
    session.add_listener(outlet.take)
    put(f"lsl  {MARKERS}-{channel} {NUMBERS}-{channel}")
    if to_network:
        say("Whoever reaches this machine reads the LSL streams: LSL knows no login.")
    try:
        yield
    finally:
        outlet.close()


def status_text(view: SessionView, pages: int) -> str:
    """What is served, how the room is, and how many look."""
    from resonance_tui.commands.observer import room_words

    looking = f"{pages} {'page' if pages == 1 else 'pages'} open"
    return " · ".join([f"serving {view.channel}", *room_words(view), looking])
