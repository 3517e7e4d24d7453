"""What hosts type: broker, its accounts and invites; aggregate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from resonance_tui.cli.groups import InOrder
from resonance_tui.cli.settings import load
from resonance_tui.secret import describe

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class BrokerProgram(click.ParamType):
    """A name of the broker registry, which is imported only when it is needed."""

    name = "program"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return f"[{'|'.join(_programs())}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in _programs():
            known = ", ".join(map(repr, _programs()))
            self.fail(f"{describe(value)} is not one of {known}.", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in _programs() if name.startswith(incomplete)]


def _programs() -> tuple[str, ...]:
    from resonance_broker import backends

    return backends.names()


@click.group(cls=InOrder, invoke_without_command=True)
@click.option("--host", default=None, help="Address to listen on (default: 127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default: 1883, with TLS 8883).")
@click.option(
    "--channel", "channels", multiple=True, metavar="NAME", help="Announce this room (repeatable)."
)
@click.option("--public", is_flag=True, help="Listen for others, with accounts and TLS.")
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
@click.option("--users", type=click.Path(path_type=Path), help="Password file (mosquitto_passwd).")
@click.option("--tls", is_flag=True, help="TLS with a certificate of our own, made on first use.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate, PEM.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="Private key, PEM.")
@click.option("--insecure", is_flag=True, help="With --public: without accounts and TLS.")
@click.option(
    "--program",
    type=BrokerProgram(),
    default="auto",
    show_default=True,
    help="Which broker to run.",
)
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
        from resonance_tui.commands import broker as verb

        verb.run(**options, folder=load(ctx).directories.broker_folder)
    elif any(ctx.get_parameter_source(name) is not ParameterSource.DEFAULT for name in options):
        what = ctx.invoked_subcommand
        raise click.UsageError(f"Options before `{what}` are for starting a broker.", ctx)


@broker.command("invite")
@click.argument("channel")
@click.option("--count", type=click.IntRange(1, 1000), default=1, show_default=True, metavar="N")
@click.option(
    "--expires", default="24h", show_default=True, metavar="SPAN", help="30m, 24h, 7d ..."
)
@click.pass_context
def broker_invite(ctx: click.Context, channel: str, **options: Any) -> None:
    """Print a link that lets one person into CHANNEL, once.

    Whoever uses it first gets an account of their own at this machine's broker.

    \b
    Examples:
      resonance-tui broker invite cats-live
      resonance-tui broker invite cats-live --count 20 --expires 2h
    """
    from resonance_tui.commands import broker_accounts as verb

    verb.invite(load(ctx).directories.broker_folder, channel, **options)


@broker.group("users", cls=InOrder)
def broker_users() -> None:
    """The accounts at this machine's broker. A running broker takes changes up by itself.

    \b
    Examples:
      resonance-tui broker users add mia --channel cats-live
      resonance-tui broker users add agg-1 --role aggregator
      resonance-tui broker users list
    """


@broker_users.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "aggregator", "logger", "host"]),
    default="viewer",
    show_default=True,
    help="What they may do.",
)
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME",
    help="Only in this room (repeatable; default: every room).",
)
@click.pass_context
def broker_users_add(ctx: click.Context, name: str, **options: Any) -> None:
    """Make an account NAME and print its password, which is shown this once.

    \b
    Example:
      resonance-tui broker users add mia --channel cats-live
    """
    from resonance_tui.commands import broker_accounts as verb

    verb.add(load(ctx).directories.broker_folder, name, **options)


@broker_users.command("remove")
@click.argument("name")
@click.pass_context
def broker_users_remove(ctx: click.Context, name: str) -> None:
    """Take away the account NAME; whoever uses it is cut off.

    \b
    Example:
      resonance-tui broker users remove mia
    """
    from resonance_tui.commands import broker_accounts as verb

    verb.remove(load(ctx).directories.broker_folder, name)


@broker_users.command("list")
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def broker_users_list(ctx: click.Context, as_json: bool) -> None:
    """Print the accounts: name, role, rooms.

    \b
    Example:
      resonance-tui broker users list
    """
    from resonance_tui.commands import broker_accounts as verb

    verb.list_(load(ctx).directories.broker_folder, as_json=as_json)


@click.command()
@click.argument("channel")
@click.option("--broker", "broker_url", metavar="URL", help="mqtt://host[:port] or mqtts://...")
@click.option(
    "--edge", default="", metavar="NAME", help="The broker's name, in a room on several brokers."
)
@click.option("--announce", is_flag=True, help="Be the room's host, too (an account of that role).")
@click.option("--duration", type=click.FloatRange(min=0.1), metavar="S", help="Stop after S s.")
@click.pass_context
def aggregate(
    ctx: click.Context,
    channel: str,
    broker_url: str | None,
    edge: str,
    announce: bool,
    duration: float | None,
) -> None:
    """Count CHANNEL for its viewers, so that a large room costs each of them next to nothing.

    `broker --channel` does this by itself. More of them share the work, and any may fail. Where
    the broker asks for names, use an account that begins with agg-.

    \b
    Examples:
      resonance-tui aggregate cats-live
      resonance-tui aggregate cats-live --broker mqtts://agg-1@stream.example
      resonance-tui aggregate cats-live --edge berlin --broker mqtt://berlin.example
    """
    from resonance_tui.commands import aggregate as verb

    verb.run(
        load(ctx, {"broker.url": broker_url}),
        channel,
        edge=edge,
        announce=announce,
        duration=duration,
    )
