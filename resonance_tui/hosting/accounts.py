"""Accounts and invites of this machine's broker, its address, and what a host sends to viewers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from resonance_broker import AccountsStore, BrokerSettings
from resonance_broker.accounts import (
    Account,
    AccountList,
    Role,
    StoredInvite,
    add_account,
    remove_account,
)
from resonance_broker.invites import InviteState, add_invites, open_link_of, state_of
from resonance_broker.passwords import hash_password, new_secret
from resonance_tui.errors import InputError, StoreError
from resonance_tui.files import private_folder, write_private
from resonance_tui.protocol.links import invite_link, new_token
from resonance_tui.protocol.topics import normalize_channel
from resonance_tui.protocol.urls import BrokerUrl, InviteToken, parse_broker_url
from resonance_tui.secret import describe, may_hold_secret
from resonance_tui.spans import seconds_of

T = TypeVar("T")

ADDRESS_FILE = "address"
LONGEST_SPAN_S = 366 * 86_400


@dataclass(frozen=True, slots=True)
class StoredAccounts:
    """What is stored: accounts by name, and how many invites can still be redeemed."""

    accounts: list[Account]
    open_invites: int


def create_account(
    folder: Path, name: str, *, role: str, channels: Sequence[str]
) -> tuple[Account, str]:
    """A new account and its password, of which only a hash is kept.

    Raises InputError and BrokerProblem.
    """
    _check_name(name)
    rooms = tuple(dict.fromkeys(normalize_channel(channel) for channel in channels))
    password = new_secret()
    account = Account(name, hash_password(password), Role(role), rooms)
    _change(folder, lambda before: (add_account(before, account), None))
    return account, password


def delete_account(folder: Path, name: str) -> StoredInvite | None:
    """Also tells by which invite that person could come in again.

    Raises InputError for what is no name, BrokerProblem where there is no account `name`.
    """
    _check_name(name)
    return _change(
        folder,
        lambda before: (remove_account(before, name), open_link_of(before, name, time.time())),
    )


def list_accounts(folder: Path) -> StoredAccounts:
    """Raises BrokerProblem for a store that cannot be read."""
    stored = AccountsStore(folder).load()
    now = time.time()
    is_open = [state_of(each, now) is InviteState.OPEN for each in stored.invites.values()]
    accounts = sorted(stored.accounts.values(), key=lambda account: account.name)
    return StoredAccounts(accounts, sum(is_open))


def issue_invites(folder: Path, channel: str, count: int, span_s: float) -> list[InviteToken]:
    """New tokens, each for one person, of which only hashes are kept. Raises BrokerProblem."""
    tokens = [new_token() for _ in range(count)]
    now = time.time()
    invites = [
        StoredInvite(each.id, hash_password(each.secret), channel, now + span_s) for each in tokens
    ]
    _change(folder, lambda before: (add_invites(before, invites, now), None))
    return tokens


def parse_span(text: str) -> float:
    """Seconds of "30m", "24h", "1h30m", "7d". Raises InputError."""
    try:
        seconds = seconds_of(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_SPAN_S:
        raise InputError(f"Not a span of time: {describe(text, 40)}", "For example 30m, 24h or 7d")
    return seconds


def parse_until(text: str, now: float) -> float:
    """Epoch seconds of "23:00" (the next time that clocks here say so), or `now` and a span.

    Raises InputError.
    """
    clock = re.fullmatch(r"([01]?[0-9]|2[0-3])[:.]([0-5][0-9])", text.strip(), re.ASCII)
    if clock is None:
        try:
            return now + parse_span(text)
        except InputError as error:
            raise InputError(
                f"Not a time: {describe(text, 40)}", "For example 23:00, 24h or 7d"
            ) from error
    today = datetime.fromtimestamp(now).replace(
        hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0
    )
    moment = today if today.timestamp() > now else today + timedelta(days=1)
    return moment.timestamp()


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


@dataclass(frozen=True, slots=True)
class WaysIn:
    """What leads into one room beside an account by name."""

    one_time: Sequence[InviteToken] = ()
    shared: InviteToken | None = None  # for many people
    host_print: str | None = None  # of the room's own key, where the certificate does not cover it


def share_lines(
    settings: BrokerSettings,
    url: BrokerUrl,
    rooms: Mapping[str, WaysIn],
    spell: Callable[[str], Sequence[str]],
) -> list[tuple[str, str]]:
    """The address, and for each room how to join it and links to send on.

    Without rooms CHANNEL stands for the name; where accounts are asked for, NAME and
    PASSWORD stand for what each viewer was given. No line ever holds a password; only an
    invite that comes with a token holds a secret. `spell`: what to type with a link, first where
    this program is installed, then perhaps where it is not.
    """
    lines = [("url", url.place)]
    if not rooms:
        return [*lines, ("join", _command(settings, url, "CHANNEL"))]
    for room, ways in rooms.items():
        if settings.asks_for_names:
            lines.append(("join", _command(settings, url, room)))
        for name, token in _links(settings, ways):
            first, *others = spell(invite_link(url, room, token, ways.host_print))
            lines += [(name, first), *(("install", each) for each in others)]
    return lines


def _command(settings: BrokerSettings, url: BrokerUrl, room: str) -> str:
    typed = f"'{url.spelled_out}'" if url.pin else url.spelled_out
    if not settings.asks_for_names:
        return f"resonance-tui join {room} --broker {typed}"
    login = typed.replace(
        "://", "://NAME@"
    )  # a password typed there would be seen by everyone here
    return f"RESONANCE_BROKER_PASSWORD=PASSWORD resonance-tui join {room} --broker {login}"


def _links(settings: BrokerSettings, ways: WaysIn) -> list[tuple[str, InviteToken | None]]:
    if not settings.asks_for_names:
        return [("join", None)]
    shared = [("share", ways.shared)] if ways.shared else []
    return [*shared, *(("invite", token) for token in ways.one_time)]


def _check_name(name: str) -> None:
    """A password typed in place of a name is not repeated on the screen."""
    if may_hold_secret(name):
        raise InputError(f"{describe(name)} is not a name.", "Use 1 to 32 of a-z, 0-9, - and _")


def _change(folder: Path, change: Callable[[AccountList], tuple[AccountList, T]]) -> T:
    return AccountsStore(folder).change(change)
