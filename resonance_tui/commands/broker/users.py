"""`broker users`: the accounts of this machine's broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from resonance_tui.commands.console import put, put_json, say
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.settings import load

if TYPE_CHECKING:
    from resonance_broker.accounts import Account
    from resonance_tui.protocol.urls import BrokerUrl

# What the owner of an account types, by role.
_USES = {
    "viewer": "join CHANNEL",
    "aggregator": "aggregate CHANNEL",
    "logger": "log CHANNEL",
    "host": "aggregate CHANNEL --announce",
}


@click.group("users", cls=Group, path="broker users")
def users() -> None:
    """The accounts at this machine's broker. A running broker takes changes up by itself.

    \b
    Examples:
      resonance-tui broker users add mia --channel cats-live
      resonance-tui broker users add agg-1 --role aggregator
      resonance-tui broker users list
    """


# --- add ---------------------------------------------------------------------------------------


@click.command("add", cls=Command)
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
def add(ctx: click.Context, name: str, **options: Any) -> None:
    """Make an account NAME and print its password, which is shown this once.

    \b
    Example:
      resonance-tui broker users add mia --channel cats-live
    """
    run_add(load(ctx).directories.broker_folder, name, **options)


def run_add(folder: Path, name: str, *, role: str, channels: tuple[str, ...]) -> None:
    """Print name, password, and what their owner types. Raises InputError."""
    from resonance_tui.hosting.accounts import create_account, known_address

    account, password = create_account(folder, name, role=role, channels=channels)
    url = known_address(folder)
    put(f"user  {name}\npassword  {password}")
    if url is not None:
        put(f"{account.role.value}  {_command(url, account)}")
    where = f" in {', '.join(account.channels)}" if account.channels else ", in every room"
    article = "an" if role == "aggregator" else "a"
    say(f"{name} is {article} {role}{where}. The password is shown this once.")


def _command(url: BrokerUrl, account: Account) -> str:
    """What that person types; PASSWORD stands for the password, which others may see typed."""
    channel = (*account.channels, "CHANNEL")[0]
    use = _USES[account.role.value].replace("CHANNEL", channel)
    mine = url.spelled_out.replace("://", f"://{account.name}@")
    return f"RESONANCE_BROKER_PASSWORD=PASSWORD resonance-tui {use} --broker '{mine}'"


# --- remove ------------------------------------------------------------------------------------


@click.command("remove", cls=Command)
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, name: str) -> None:
    """Take away the account NAME; whoever uses it is cut off.

    \b
    Example:
      resonance-tui broker users remove mia
    """
    from resonance_tui.hosting.accounts import delete_account

    link = delete_account(load(ctx).directories.broker_folder, name)
    say(f"{name} is out; a running broker cuts the connection.")
    if link is not None:
        end = f"resonance-tui broker invites revoke {link.id}"
        say(f"The link they came by is still open. To end it: {end}")


# --- list --------------------------------------------------------------------------------------


@click.command("list", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def list_users(ctx: click.Context, as_json: bool) -> None:
    """Print the accounts: name, role, rooms.

    \b
    Example:
      resonance-tui broker users list
    """
    from resonance_tui.hosting.accounts import list_accounts

    stored = list_accounts(load(ctx).directories.broker_folder)
    accounts = stored.accounts
    if as_json:
        put_json([{"name": a.name, "role": a.role, "channels": list(a.channels)} for a in accounts])
        return
    for account in accounts:
        rooms = ", ".join(account.channels) or "every room"
        put(f"{account.name:<32}  {account.role:<10}  {rooms}")
    say(f"{len(accounts)} users, {stored.open_invites} open invites.")
