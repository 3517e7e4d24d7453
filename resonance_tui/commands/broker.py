"""`resonance-tui broker`: a broker for the room, its address to share, its traffic to watch."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.broker_problem import translate
from resonance_tui.commands.status_line import StatusLine, up
from resonance_tui.errors import BrokerFailed, InputError
from resonance_tui.listeners import Listeners

if TYPE_CHECKING:
    from resonance_broker import BrokerSettings, RunningBroker

    from resonance_tui.commands.broker_watch import Figures
    from resonance_tui.protocol.urls import InviteToken


@dataclass(frozen=True, slots=True)
class Guests:
    """Who is invited as the broker starts."""

    invites: int = 0  # for each channel
    expires: str = "24h"


def run(
    *,
    host: str | None = None,
    port: int | None = None,
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
) -> None:
    """Run a broker until Ctrl-C: its address on stdout, its traffic on stderr.

    None means the usual: this machine (every address with `public`), port 1883 (8883 with TLS).
    `public`, unless `insecure`, asks for accounts and makes a certificate where none is given.
    `folder`: where accounts and that certificate are kept.

    Raises:
        InputError, PortTaken: exit code 2, before anything is started.
        BrokerNotInstalled, BrokerFailed: exit code 1.
        KeyboardInterrupt: after cleaning up, for Ctrl-C and for SIGTERM.
    """
    from resonance_broker import BrokerProblem, BrokerSettings, start_broker

    from resonance_tui.commands.broker_accounts import parse_span
    from resonance_tui.config import directories
    from resonance_tui.protocol.topics import normalize_channel

    rooms = [normalize_channel(channel) for channel in channels]
    guests = Guests(invites, expires)
    parse_span(expires)
    _check_together(public, insecure, guarded, tls, tls_cert, guests, rooms)
    folder = folder or directories().broker_folder
    is_safe = public and not insecure
    if tls or (is_safe and tls_cert is None and tls_key is None):
        tls_cert, tls_key = folder / "cert.pem", folder / "key.pem"
    settings = BrokerSettings(
        host=host or ("0.0.0.0" if public else "127.0.0.1"),
        port=port if port is not None else (8883 if tls_cert else 1883),
        users=users,
        accounts=folder if guarded or invites or users or is_safe else None,
        tls_cert=tls_cert,
        tls_key=tls_key,
        public=public,
        insecure=insecure,
        program=program,
    )
    screen = StatusLine(is_quiet=quiet)
    with _sigterm_interrupts():
        try:
            pin = _certificate(settings, folder)
            broker = start_broker(settings, say=Listeners(screen.say))
        except BrokerProblem as problem:
            raise translate(problem) from problem
        try:
            _introduce(broker, rooms, guests, pin)
            _attend(broker, rooms, screen)
        finally:
            broker.stop()
            screen.close()
    raise BrokerFailed(f"{broker.kind} keeps ending by itself", broker.last_words)


def _check_together(
    public: bool,
    insecure: bool,
    guarded: bool,
    tls: bool,
    tls_cert: Path | None,
    guests: Guests,
    rooms: Sequence[str],
) -> None:
    """Raises InputError for options that contradict each other."""
    if insecure and (guarded or guests.invites):
        raise InputError(
            "--insecure lets everybody in: there is nobody to invite.", "Leave one of them out."
        )
    if tls and tls_cert is not None:
        raise InputError(
            "--tls makes a certificate of its own, and --tls-cert gives one.", "Leave one out."
        )
    if guests.invites and not rooms:
        raise InputError("An invite leads to a channel.", "Name it: --channel cats-live")


def _certificate(settings: BrokerSettings, folder: Path) -> str:
    """The fingerprint that viewers have to know; "" where the authorities vouch for it, or
    without TLS. Our own certificate is made here, once nothing else is wrong."""
    from resonance_broker.address import outward_address
    from resonance_broker.certificate import (
        fingerprint,
        is_self_signed,
        own_certificate,
        reachable_names,
    )
    from resonance_broker.preflight import check_port, check_tls

    settings.validate()
    if settings.tls_cert is None:
        return ""
    if settings.tls_cert.parent == folder:
        check_port(settings)
        names = [settings.local_host, *reachable_names(outward_address())]
        own_certificate(folder, list(dict.fromkeys(names)))
    check_tls(settings)
    return fingerprint(settings.tls_cert) if is_self_signed(settings.tls_cert) else ""


def _attend(broker: RunningBroker, rooms: Sequence[str], screen: StatusLine) -> None:
    from resonance_tui.commands.broker_watch import watch

    def show(figures: Figures) -> None:
        screen.show(describe(figures, screen.up_s))

    # The MQTT client needs add_reader, which Windows' default loop does not have.
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(watch(broker, rooms, show, screen.say))


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM end us the way Ctrl-C does: with everything cleaned up."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --- what is printed ---------------------------------------------------------------------------


def _introduce(broker: RunningBroker, rooms: Sequence[str], guests: Guests, pin: str) -> None:
    """Data to stdout, one `name  value` a line; the rest to stderr."""
    from resonance_broker.address import certificate_trouble, outward_address, reachable_host

    from resonance_tui.commands.broker_accounts import remember_address
    from resonance_tui.commands.broker_share import share_lines
    from resonance_tui.protocol.urls import parse_broker_url

    settings = broker.settings
    host = reachable_host(settings)
    if pin and settings.local_host != settings.host:  # its names do not matter to whom knows it
        host = outward_address()
    url = replace(parse_broker_url(settings.url_for(host)), pin=pin or None)
    if settings.accounts is not None:
        remember_address(settings.accounts, url)
    for name, value in share_lines(settings, url, rooms, _tickets(broker, rooms, guests)):
        click.echo(f"{name}  {value}")
    click.echo(f"{broker.kind} is up; Ctrl-C stops it.", err=True)
    for sentence in broker.limits:
        click.echo(sentence, err=True)
    if settings.accounts is not None:
        said = "Accounts only: resonance-tui broker invite CHANNEL makes a link for one person"
        click.echo(f"{said}, broker users add NAME an account.", err=True)
    if not pin and (trouble := certificate_trouble(settings, host)):
        click.echo(f"Viewers will refuse the certificate: {trouble}.", err=True)


def _tickets(
    broker: RunningBroker, rooms: Sequence[str], guests: Guests
) -> dict[str, list[InviteToken]]:
    from resonance_tui.commands.broker_accounts import issue, parse_span

    folder = broker.settings.accounts
    if folder is None or not guests.invites:
        return {}
    span_s = parse_span(guests.expires)
    tickets = {room: issue(folder, room, guests.invites, span_s) for room in rooms}
    broker.renew_people()
    return tickets


def describe(figures: Figures, up_s: float) -> str:
    """The figures as one line of text."""
    if figures.viewers is None:
        return f"waiting for the first figures · {up(up_s)}"
    viewers = f"{figures.viewers} viewer{'' if figures.viewers == 1 else 's'}"
    return f"{viewers} · {figures.in_per_s:.1f} in/s · {figures.out_per_s:.1f} out/s · {up(up_s)}"
