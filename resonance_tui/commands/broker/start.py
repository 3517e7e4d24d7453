"""`broker`: a broker for the room, its address to share, its traffic to watch."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from resonance_tui.commands.broker.introduction import InvitePlan, introduce
from resonance_tui.commands.broker.lines import host_print
from resonance_tui.commands.broker.options import BrokerOptions
from resonance_tui.commands.console import StatusLine, put, say, uptime
from resonance_tui.commands.groups import Group, TableChoice
from resonance_tui.commands.own_keys import own_keys
from resonance_tui.commands.quantities import FilePath
from resonance_tui.commands.served import serve_flag, served_room
from resonance_tui.commands.settings import load
from resonance_tui.errors import InputError
from resonance_tui.listeners import Listeners

if TYPE_CHECKING:
    from resonance_broker import BrokerSettings, RunningBroker
    from resonance_tui.commands.served import ServedRoom
    from resonance_tui.config import Config
    from resonance_tui.hosting.traffic import Figures
    from resonance_tui.messaging.nearby import NearbyAnnouncer
    from resonance_tui.session.core import Session


@click.group(cls=Group, path="broker", invoke_without_command=True)
@click.option("--host", default=None, help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: 1883, with TLS 8883).")
@click.option(
    "--channel", "channels", multiple=True, metavar="NAME", help="Announce this room (repeatable)."
)
@click.option("--public", is_flag=True, help="Listen for others, with accounts and TLS.")
@click.option(
    "--advertise",
    metavar="NAME[:PORT]",
    help="In links: the name (and port) by which others reach this machine.",
)
@click.option("--nearby", is_flag=True, help="Announce the rooms to your own network.")
@click.option(
    "--invites",
    type=click.IntRange(0, 1000),
    default=0,
    metavar="N",
    help="Print N one-time invites for each channel.",
)
@click.option(
    "--expires", default="24h", show_default=True, metavar="SPAN", help="Of invites: 30m, 24h, 7d."
)
@click.option("--guarded", is_flag=True, help="Ask for accounts without --public, too.")
@click.option("--users", type=FilePath(path_type=Path), help="Password file (mosquitto_passwd).")
@click.option("--tls", is_flag=True, help="TLS with a certificate of our own, made on first use.")
@click.option("--tls-cert", type=FilePath(path_type=Path), help="Certificate, PEM.")
@click.option("--tls-key", type=FilePath(path_type=Path), help="Private key, PEM.")
@click.option("--insecure", is_flag=True, help="With --public: without accounts and TLS.")
@click.option(
    "--program",
    type=TableChoice("resonance_broker.backends", "names"),
    default="auto",
    show_default=True,
    help="Which broker to run.",
)
@serve_flag
@click.option("--quiet", is_flag=True, help="No status line.")
@click.pass_context
def broker(ctx: click.Context, **options: Any) -> None:
    """Run the broker that a channel meets at (Mosquitto, or a small embedded one).

    \b
    Examples:
      resonance-tui broker --channel cats-live
      resonance-tui broker --public --channel cats-live --invites 5
      resonance-tui broker --public --users users.txt --tls-cert c.pem --tls-key k.pem
    """
    if ctx.invoked_subcommand is None:
        config = load(ctx)
        folder = config.directories.broker_folder
        run(BrokerOptions(**options), folder=folder, config=config)
    elif any(ctx.get_parameter_source(name) is not ParameterSource.DEFAULT for name in options):
        what = ctx.invoked_subcommand
        raise click.UsageError(f"Options before `{what}` are for starting a broker.", ctx)


@dataclass(frozen=True, slots=True)
class Served:
    """The one room that is served over HTTP as well."""

    config: Config
    room: ServedRoom
    channel: str

    def session(self, broker: RunningBroker) -> contextlib.AbstractContextManager[Session]:
        """What sees the room, by the host's own login."""
        from resonance_tui.commands.destination import Destination
        from resonance_tui.commands.observer import observing
        from resonance_tui.hosting.host import own_url

        there = Destination(self.config, self.channel)
        return observing(self.config, there, broker=own_url(broker))


def run(
    options: BrokerOptions, *, folder: Path | None = None, config: Config | None = None
) -> None:
    """Run a broker until Ctrl-C: its address on stdout, its traffic on stderr.

    `folder`: where accounts and a certificate of our own are kept. `config`: the settings by which
    a room is served over HTTP.

    Raises:
        InputError: options that contradict each other, before anything is started.
        BrokerProblem: what stops a broker; its kind says with which exit code.
        KeyboardInterrupt: after cleaning up, for Ctrl-C and for SIGTERM.
    """
    from resonance_tui.config import directories

    rooms = options.rooms()
    options.check()
    folder = folder or directories().broker_folder
    settings = options.settings(folder)
    plan = InvitePlan(options.invites, options.expires)
    screen = StatusLine(is_quiet=options.quiet)
    with _served(config, options.serve, rooms) as served:
        _serve(settings, folder, rooms, plan, screen, is_nearby=options.nearby, served=served)


@contextlib.contextmanager
def _served(
    config: Config | None, port: int | None, rooms: Sequence[str]
) -> Generator[Served | None]:
    """What is served beside the broker. Raises InputError where that is not one room."""
    if port is None:
        yield None
        return
    from resonance_tui.config import load as load_settings
    from resonance_tui.config import with_setting

    if len(rooms) != 1:
        raise InputError(
            "--serve serves one room.",
            "Name one by --channel; others by `resonance-tui serve CHANNEL --port PORT`.",
        )
    config = with_setting(config or load_settings(), "camera", source="none")
    with served_room(config, port, rooms[0]) as room:
        assert room is not None
        yield Served(config, room, rooms[0])


def _serve(
    settings: BrokerSettings,
    folder: Path,
    rooms: Sequence[str],
    plan: InvitePlan,
    screen: StatusLine,
    *,
    is_nearby: bool = False,
    served: Served | None = None,
) -> None:
    """Start, print and watch the broker. Raises BrokerProblem, also when it keeps ending."""
    from resonance_broker import BrokerProblem, ProblemKind, start_broker
    from resonance_broker.certificate import prepare_certificate

    with _sigterm_interrupts():
        pin = prepare_certificate(settings, folder)
        broker = start_broker(settings, say=Listeners(screen.say))
        try:
            introduce(broker, rooms, plan, pin)
            nearby = _announcer(broker, rooms, pin, screen) if is_nearby else None
            with _told_as_running(broker, folder, rooms):
                _watch(broker, rooms, screen, nearby, served)
        finally:
            broker.stop()
            screen.close()
    message = f"{broker.kind} keeps ending by itself"
    raise BrokerProblem(ProblemKind.FAILED, message, broker.last_words)


@contextlib.contextmanager
def _told_as_running(broker: RunningBroker, folder: Path, rooms: Sequence[str]) -> Generator[None]:
    """Other commands of this machine find the broker. Raises StoreError where it has accounts;
    an open one does without a folder that cannot be written."""
    from resonance_tui.errors import StoreError
    from resonance_tui.hosting.host import own_url
    from resonance_tui.hosting.running import told_as_running

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(told_as_running(folder, own_url(broker), rooms))
        except StoreError:
            if broker.settings.accounts is not None:
                raise
        yield


def _announcer(
    broker: RunningBroker, rooms: Sequence[str], pin: str, screen: StatusLine
) -> NearbyAnnouncer:
    from resonance_tui.hosting.nearby import announcer, network_tickets
    from resonance_tui.messaging.tls import brief

    shown = f" with the fingerprint {brief(pin)}" if pin else ""
    say(f"Announced to your network{shown}: resonance-tui join --nearby shows it there.")
    folder = broker.settings.accounts
    prints = {room: each for room in rooms if (each := host_print(room))}
    if folder is None:
        return announcer(broker.settings, rooms, pin, screen.say, host_prints=prints)
    tickets = network_tickets(folder, rooms, time.time())
    broker.renew_people()
    end = "resonance-tui broker invites revoke"
    for token in tickets.values():
        say(f"Whoever is on it may come in and gets an account. To end that: {end} {token.id}")
    return announcer(broker.settings, rooms, pin, screen.say, host_prints=prints, tickets=tickets)


def _watch(
    broker: RunningBroker,
    rooms: Sequence[str],
    screen: StatusLine,
    nearby: NearbyAnnouncer | None = None,
    served: Served | None = None,
) -> None:
    from resonance_tui.commands.event_loop import run_until_terminated
    from resonance_tui.commands.observer import serve_beside, tell_addresses
    from resonance_tui.config import directories
    from resonance_tui.hosting.watch import watch

    keys = own_keys(directories())

    def show(figures: Figures) -> None:
        screen.show(traffic_line(figures, screen.up_s))

    def work() -> Coroutine[Any, Any, None]:
        return watch(broker, rooms, show, screen.say, keys=keys, nearby=nearby)

    if served is None:
        run_until_terminated(work)
        return
    with served.session(broker) as session:
        tell_addresses(served.room, put, screen.say)
        run_until_terminated(lambda: serve_beside(session, served.room, work(), screen.say))


@contextlib.contextmanager
def _sigterm_interrupts() -> Generator[None]:
    """Outside the loop SIGTERM ends the command the way Ctrl-C does: with all cleaned up."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def traffic_line(figures: Figures, up_s: float) -> str:
    """The figures as one line of text."""
    if figures.people is None:
        return f"not connected to the broker yet · {uptime(up_s)}"
    people = f"{figures.people} {'person' if figures.people == 1 else 'people'}"
    parts = [people, f"{_rate(figures.reports_per_s)} reports/s"]
    if figures.out_per_s is not None:
        parts.append(f"out {_rate(figures.out_per_s)}/s")
    return " · ".join([*parts, uptime(up_s)])


def _rate(per_s: float) -> str:
    """Below ten with a decimal, where it says something: 0, 0.2, 3.4, 40."""
    return f"{per_s:.1f}".removesuffix(".0") if per_s < 9.95 else f"{per_s:.0f}"
