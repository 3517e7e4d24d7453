"""`broker`: a broker for the room, its address to share, its traffic to watch."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from resonance_tui.commands.broker.lines import host_print
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
    from resonance_tui.hosting.accounts import WaysIn
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
        run(**options, folder=config.directories.broker_folder, config=config)
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


@dataclass(frozen=True, slots=True)
class InvitePlan:
    """The invites that are printed as the broker starts."""

    count: int = 0  # for each channel
    expires: str = "24h"


def run(
    *,
    host: str | None = None,
    port: int | None = None,
    advertise: str | None = None,
    nearby: bool = False,
    users: Path | None = None,
    public: bool = False,
    insecure: bool = False,
    guarded: bool = False,
    tls: bool = False,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    channels: Sequence[str] = (),
    invites: int = 0,
    expires: str = "24h",
    quiet: bool = False,
    program: str = "auto",
    folder: Path | None = None,
    serve: int | None = None,
    config: Config | None = None,
) -> None:
    """Run a broker until Ctrl-C: its address on stdout, its traffic on stderr.

    None means the usual: this machine (every address with `public`), port 1883 (8883 with TLS).
    `public`, unless `insecure`, asks for accounts and makes a certificate where none is given.
    `folder`: where accounts and that certificate are kept. `serve`: a port at which the one
    channel is served over HTTP, as the settings in `config` say.

    Raises:
        InputError: options that contradict each other, before anything is started.
        BrokerProblem: what stops a broker; its kind says with which exit code.
        KeyboardInterrupt: after cleaning up, for Ctrl-C and for SIGTERM.
    """
    from resonance_broker import BrokerSettings
    from resonance_broker.address import parse_advertised
    from resonance_broker.settings import EVERYWHERE
    from resonance_tui.config import directories
    from resonance_tui.hosting.accounts import parse_span
    from resonance_tui.protocol.topics import normalize_channel

    rooms = [normalize_channel(channel) for channel in channels]
    plan = InvitePlan(invites, expires)
    parse_span(expires)
    _check_together(public, insecure, guarded, tls, tls_cert, plan, rooms)
    _check_nearby(nearby, public, rooms)
    folder = folder or directories().broker_folder
    is_safe = public and not insecure
    if tls or (is_safe and tls_cert is None and tls_key is None):
        tls_cert, tls_key = folder / "cert.pem", folder / "key.pem"
    name, outer_port = parse_advertised(advertise) if advertise is not None else ("", None)
    settings = BrokerSettings(
        host=host or (EVERYWHERE if public else "127.0.0.1"),
        port=port if port is not None else (8883 if tls_cert else 1883),
        users=users,
        accounts=folder if guarded or invites or users or is_safe else None,
        tls_cert=tls_cert,
        tls_key=tls_key,
        public=public,
        insecure=insecure,
        advertised_host=name,
        advertised_port=outer_port,
        program=program,
    )
    screen = StatusLine(is_quiet=quiet)
    with _served(config, serve, rooms) as served:
        _serve(settings, folder, rooms, plan, screen, is_nearby=nearby, served=served)


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


def _check_together(
    public: bool,
    insecure: bool,
    guarded: bool,
    tls: bool,
    tls_cert: Path | None,
    plan: InvitePlan,
    rooms: Sequence[str],
) -> None:
    """Raises InputError for options that contradict each other."""
    if insecure and (guarded or plan.count):
        raise InputError(
            "--insecure lets everybody in: there is nobody to invite.", "Leave one of them out."
        )
    if tls and tls_cert is not None:
        raise InputError(
            "--tls makes a certificate of its own, and --tls-cert gives one.", "Leave one out."
        )
    if plan.count and not rooms:
        raise InputError("An invite leads to a channel.", "Name it: --channel cats-live")


def _check_nearby(is_nearby: bool, is_public: bool, rooms: Sequence[str]) -> None:
    """Raises InputError where there is nothing to announce, or nobody who could come."""
    if is_nearby and not is_public:
        raise InputError(
            "--nearby announces to others what only this machine can reach.", "Add --public."
        )
    if is_nearby and not rooms:
        raise InputError("--nearby announces rooms.", "Name one: --channel cats-live")


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
            _introduce(broker, rooms, plan, pin)
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


# --- what is printed ---------------------------------------------------------------------------


def _introduce(broker: RunningBroker, rooms: Sequence[str], plan: InvitePlan, pin: str) -> None:
    """Data to stdout, one `name  value` a line; the rest to stderr."""
    from resonance_broker.address import certificate_trouble, shared_host
    from resonance_tui.commands.invitation import share_lines as spell
    from resonance_tui.hosting.accounts import remember_address, share_lines
    from resonance_tui.protocol.urls import parse_broker_url

    settings = broker.settings
    host = shared_host(settings, any_name=bool(pin))
    url = replace(parse_broker_url(settings.url_for(host)), pin=pin or None)
    if settings.accounts is not None:
        remember_address(settings.accounts, url)
    ways = _ways_in(broker, rooms, plan)
    for name, value in share_lines(settings, url, ways, spell):
        put(f"{name}  {value}")
    say(f"{broker.kind} is up; Ctrl-C stops it.")
    for sentence in broker.limits:
        say(sentence)
    _tell_who_can_reach(settings, host)
    if settings.accounts is not None:
        for sentence in guest_lines(ways):
            say(sentence)
    if not pin and (trouble := certificate_trouble(settings, host)):
        say(f"Viewers will refuse the certificate: {trouble}.")


def guest_lines(ways: Mapping[str, WaysIn]) -> list[str]:
    """Where accounts are asked for: how guests come in, the next step of a host, told last."""
    room = next(iter(ways), "CHANNEL")
    again = next((name for name, each in ways.items() if each.shared), None)
    one = f"For one person: broker invite {room}. An account by name: broker users add NAME."
    if again is not None:
        qr = "Guests come in by the share line above. Its QR code, in another terminal:"
        return [qr, f"  resonance-tui broker share {again}", one]
    is_open = any(each.one_time for each in ways.values())
    now = "More guests" if is_open else "Nobody can come in yet"
    many = f"{now}: in another terminal, for one link for many,"
    return [many, f"  resonance-tui broker share {room} --for 100", one]


def _tell_who_can_reach(settings: BrokerSettings, shared: str) -> None:
    """For each address of this machine that the broker listens on, and what is left to do."""
    from resonance_broker.address import Reach, listened_on, local_addresses, reach_lines

    found = listened_on(settings.host, local_addresses())
    say("Who can reach it:")
    for line in reach_lines(settings.port, found, shared):
        say(line)
    if settings.advertised_host:
        say(f"Links lead to {settings.url_for(shared).partition('://')[2]}, as you asked.")
    elif not settings.public:
        say("For guests on other machines: --public.")
    elif all(each.reach is Reach.MACHINE for each in found):
        say("This machine is on no network at the moment.")
    elif not any(each.reach is Reach.INTERNET for each in found):
        say(
            f"For guests elsewhere: let your router forward port {settings.port} to this machine, "
            "and start with --advertise NAME."
        )


def _ways_in(broker: RunningBroker, rooms: Sequence[str], plan: InvitePlan) -> dict[str, WaysIn]:
    """For each room the newest link for many that is still open, and new ones for one person."""
    from resonance_tui.hosting.accounts import WaysIn, issue_invites, parse_span
    from resonance_tui.hosting.room_links import open_links

    folder = broker.settings.accounts
    if folder is None:
        return {room: WaysIn(host_print=host_print(room)) for room in rooms}
    shared = {each.invite.channel: each.token for each in open_links(folder, time.time())}
    span_s = parse_span(plan.expires)
    one_time = {room: issue_invites(folder, room, plan.count, span_s) for room in rooms}
    broker.renew_people()
    return {room: WaysIn(one_time[room], shared.get(room), host_print(room)) for room in rooms}


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
