"""`resonance-tui broker`: a broker for the room, its address to share, its traffic to watch."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Literal

import click

from resonance_tui.errors import (
    BrokerFailed,
    BrokerNotInstalled,
    InputError,
    PortTaken,
    ResonanceError,
)
from resonance_tui.verbs.status_line import StatusLine, up

if TYPE_CHECKING:
    from broker import BrokerProblem, BrokerSettings, RunningBroker
    from resonance_tui.verbs.broker_watch import Figures


def run(
    *,
    host: str | None = None,
    port: int | None = None,
    users: Path | None = None,
    public: bool = False,
    insecure: bool = False,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    channels: Sequence[str] = (),
    quiet: bool = False,
    program: Literal["auto", "mosquitto", "embedded"] = "auto",
) -> None:
    """Run a broker until Ctrl-C: its address on stdout, its traffic on stderr.

    None means the usual: this machine (every address with `public`), port 1883 (8883 with TLS).

    Raises:
        InputError, PortTaken: exit code 2, before anything is started.
        BrokerNotInstalled, BrokerFailed: exit code 1.
        KeyboardInterrupt: after cleaning up, for Ctrl-C and for SIGTERM.
    """
    from broker import BrokerProblem, BrokerSettings, start_broker
    from resonance_tui.messaging.wire import normalize_channel

    rooms = [normalize_channel(channel) for channel in channels]
    settings = BrokerSettings(
        host=host or ("0.0.0.0" if public else "127.0.0.1"),
        port=port if port is not None else (8883 if tls_cert else 1883),
        users=users,
        tls_cert=tls_cert,
        tls_key=tls_key,
        public=public,
        insecure=insecure,
        program=program,
    )
    screen = StatusLine(is_quiet=quiet)
    with _sigterm_interrupts():
        try:
            broker = start_broker(settings, say=screen.say)
        except BrokerProblem as problem:
            raise translate(problem) from problem
        try:
            _introduce(broker, rooms)
            _attend(broker, rooms, lambda figures: screen.show(describe(figures, screen.up_s)))
        finally:
            broker.stop()
            screen.close()
    raise BrokerFailed(f"{broker.kind} keeps ending by itself", broker.last_words)


def translate(problem: BrokerProblem) -> ResonanceError:
    """The same problem as one of this program's errors, with its exit code."""
    from broker import ProblemKind

    error = {
        ProblemKind.PORT_TAKEN: PortTaken,
        ProblemKind.NOT_INSTALLED: BrokerNotInstalled,
        ProblemKind.FAILED: BrokerFailed,
    }.get(problem.kind, InputError)
    return error(problem.message, problem.hint)


def _attend(broker: RunningBroker, rooms: Sequence[str], show: Callable[[Figures], None]) -> None:
    from resonance_tui.verbs.broker_watch import watch

    # The MQTT client needs add_reader, which Windows' default loop does not have.
    factory = asyncio.SelectorEventLoop if sys.platform == "win32" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(watch(broker, rooms, show))


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


def _introduce(broker: RunningBroker, rooms: Sequence[str]) -> None:
    """Data to stdout, one `name  value` a line; the rest to stderr."""
    from broker.address import certificate_trouble, reachable_host

    host = reachable_host(broker.settings)
    for name, value in share_lines(broker.settings, host, rooms):
        click.echo(f"{name}  {value}")
    click.echo(f"{broker.kind} is up; Ctrl-C stops it.", err=True)
    for sentence in broker.limits:
        click.echo(sentence, err=True)
    if trouble := certificate_trouble(broker.settings, host):
        click.echo(f"Viewers will refuse the certificate: {trouble}.", err=True)


def share_lines(settings: BrokerSettings, host: str, rooms: Sequence[str]) -> list[tuple[str, str]]:
    """The address, and for each room how to join it and an invite to send on.

    Without rooms CHANNEL stands for the name; where a password is asked for, NAME and
    PASSWORD stand for what each viewer was given. No line ever holds a password.
    """
    from resonance_tui.messaging.address import invite_link, parse_broker_url

    plain = settings.url_for(host)
    secret, login = "", plain
    if settings.users is not None:  # a password typed as an argument would be seen by everyone here
        secret, login = "RESONANCE_BROKER_PASSWORD=PASSWORD ", plain.replace("://", "://NAME@")
    lines = [("url", plain)]
    for room in rooms or ("CHANNEL",):
        lines.append(("join", f"{secret}resonance-tui join {room} --broker {login}"))
        lines.append(("invite", invite_link(parse_broker_url(plain), room)))
    return lines


def describe(figures: Figures, up_s: float) -> str:
    """The figures as one line of text."""
    if figures.viewers is None:
        return f"waiting for the first figures · {up(up_s)}"
    viewers = f"{figures.viewers} viewer{'' if figures.viewers == 1 else 's'}"
    return f"{viewers} · {figures.in_per_s:.1f} in/s · {figures.out_per_s:.1f} out/s · {up(up_s)}"
