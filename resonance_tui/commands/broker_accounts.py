"""`broker users` and `broker invite`: who may come in. A running broker takes it up by itself."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from resonance_broker import AccountsStore, BrokerProblem
from resonance_broker.accounts import (
    Account,
    Role,
    StoredInvite,
    add_account,
    add_invites,
    remove_account,
)
from resonance_broker.passwords import hash_password, new_id, new_secret

from resonance_tui.commands.broker_problem import translate
from resonance_tui.errors import InputError, StoreError
from resonance_tui.files import private_folder, write_private
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.protocol.urls import BrokerUrl, InviteToken, invite_link, parse_broker_url
from resonance_tui.secret import describe, may_hold_secret

ADDRESS_FILE = "address"
SPAN_S = {"m": 60, "h": 3600, "d": 86_400}
LONGEST_SPAN_S = 366 * 86_400
_JOINS = {
    Role.VIEWER: "join CHANNEL",
    Role.AGGREGATOR: "aggregate CHANNEL",
    Role.LOGGER: "log CHANNEL",
    Role.HOST: "aggregate CHANNEL --announce",
}


# --- users -------------------------------------------------------------------------------------


def add(folder: Path, name: str, *, role: str, channels: Sequence[str]) -> None:
    """An account with a password that is shown this once. Raises InputError."""
    _check_harmless(name)
    rooms = tuple(dict.fromkeys(normalize_channel(channel) for channel in channels))
    password = new_secret()
    account = Account(name, hash_password(password), Role(role), rooms)
    with _in_our_words():
        AccountsStore(folder).change(lambda book: (add_account(book, account), None))
    url = known_address(folder)
    click.echo(f"user  {name}\npassword  {password}")
    if url is not None:
        click.echo(f"{account.role.value}  {_command(url, account)}")
    where = f" in {', '.join(rooms)}" if rooms else ", in every room"
    article = "an" if account.role is Role.AGGREGATOR else "a"
    click.echo(f"{name} is {article} {role}{where}. The password is shown this once.", err=True)


def _command(url: BrokerUrl, account: Account) -> str:
    """What that person types; PASSWORD stands for the password, which others may see typed."""
    verb = _JOINS[account.role].replace("CHANNEL", (*account.channels, "CHANNEL")[0])
    mine = url.spelled_out.replace("://", f"://{account.name}@")
    return f"RESONANCE_BROKER_PASSWORD=PASSWORD resonance-tui {verb} --broker '{mine}'"


def _check_harmless(name: str) -> None:
    if may_hold_secret(name):
        raise InputError(f"{describe(name)} is not a name.", "Use 1 to 32 of a-z, 0-9, - and _")


def remove(folder: Path, name: str) -> None:
    """Raises InputError where there is nobody of that name."""
    _check_harmless(name)
    with _in_our_words():
        AccountsStore(folder).change(lambda book: (remove_account(book, name), None))
    click.echo(f"{name} is out; a running broker cuts the connection.", err=True)


def list_(folder: Path, *, as_json: bool) -> None:
    with _in_our_words():
        book = AccountsStore(folder).load()
    accounts = sorted(book.accounts.values(), key=lambda account: account.name)
    if as_json:
        rows = [{"name": a.name, "role": a.role, "channels": list(a.channels)} for a in accounts]
        click.echo(json.dumps(rows))
        return
    for account in accounts:
        rooms = ", ".join(account.channels) or "every room"
        click.echo(f"{account.name:<32}  {account.role:<10}  {rooms}")
    now = time.time()
    is_open = [not each.used_by and each.expires_at > now for each in book.invites.values()]
    click.echo(f"{len(accounts)} users, {sum(is_open)} open invites.", err=True)


# --- invites -----------------------------------------------------------------------------------


def invite(folder: Path, channel: str, *, count: int, expires: str) -> None:
    """Print `count` links, each good for one person. Raises InputError."""
    room, span_s = normalize_channel(channel), parse_span(expires)
    url = known_address(folder)
    if url is None:
        raise InputError(
            "No broker with accounts has run here yet, so there is no address to invite to.",
            f"Start one: resonance-tui broker --public --channel {room}",
        )
    for ticket in issue(folder, room, count, span_s):
        click.echo(invite_link(url, room, ticket))
    each = "It lets" if count == 1 else "Each lets"
    click.echo(f"{each} one person into {room}, once, within {expires}.", err=True)


def issue(folder: Path, channel: str, count: int, span_s: float) -> list[InviteToken]:
    """New tickets, of which only hashes are kept. Raises InputError."""
    tickets = [InviteToken(new_id(), new_secret()) for _ in range(count)]
    now = time.time()
    invites = [
        StoredInvite(each.id, hash_password(each.secret), channel, now + span_s) for each in tickets
    ]
    with _in_our_words():
        AccountsStore(folder).change(lambda book: (add_invites(book, invites, now), None))
    return tickets


def parse_span(text: str) -> float:
    """Seconds of "30m", "24h", "7d". Raises InputError."""
    found = re.fullmatch(r"([0-9]{1,6})([mhd])", text.strip().lower())
    seconds = int(found[1]) * SPAN_S[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_SPAN_S:
        raise InputError(f"Not a span of time: {describe(text, 40)}", "For example 30m, 24h or 7d")
    return float(seconds)


# --- where the broker is -----------------------------------------------------------------------


def known_address(folder: Path) -> BrokerUrl | None:
    """Where the broker with these accounts was last reached."""
    try:
        return parse_broker_url((folder / ADDRESS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, InputError):
        return None


def remember_address(folder: Path, url: BrokerUrl) -> None:
    """For invites that are made in another terminal. Raises StoreError."""
    try:
        private_folder(folder)
        write_private(folder / ADDRESS_FILE, url.spelled_out.encode())
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except BrokerProblem as problem:
        raise translate(problem) from problem
