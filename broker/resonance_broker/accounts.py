"""Accounts and invites of a guarded broker, and how they are stored; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

import msgspec

from resonance_broker.passwords import is_sha512
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.protocol.topics import CHANNEL, ID, is_id
from resonance_tui.protocol.values import INVITE_PREFIX, Party

HOST_NAME = "resonance-host"
AGGREGATOR_PREFIX = "agg-"
MOST_USES = 10_000  # of one invite
MOST_LABEL = 32  # characters
_NAME = rf"\A{ID}\Z"  # not "$", which lets a line's end pass
_CHANNEL = rf"\A{CHANNEL}\Z"
_INVITE_ID = r"\A[a-z2-7]{8}\Z"
_LABEL = r"\A[^\x00-\x1f\x7f]*\Z"

Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
Channel = Annotated[str, msgspec.Meta(pattern=_CHANNEL)]
Digest = Annotated[str, msgspec.Meta(max_length=200)]


class Role(StrEnum):
    """What an account is for; `resonance_broker.access` says what it may therefore do."""

    VIEWER = Party.VIEWER
    AGGREGATOR = Party.AGGREGATOR
    LOGGER = Party.LOGGER
    HOST = Party.HOST


@dataclass(frozen=True, slots=True)
class Account:
    """An account at the broker; of its password only the hash is stored."""

    name: Name  # the viewer's or aggregator's id in its rooms
    digest: Digest = field(repr=False)
    role: Role = Role.VIEWER
    channels: tuple[Channel, ...] = ()  # none: every room of this broker


@dataclass(frozen=True, slots=True)
class InviteUse:
    """An account that came by an invite."""

    name: Name
    at: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class StoredInvite:
    """A way in, for one person or for many. The secret is known by its hash only."""

    id: Annotated[str, msgspec.Meta(pattern=_INVITE_ID)]
    digest: Digest = field(repr=False)
    channel: Channel = ""
    expires_at: float = 0.0  # epoch seconds
    used_by: str = ""  # the first account; with it a program of 0.1 lets nobody else in
    most_uses: Annotated[int, msgspec.Meta(ge=1, le=MOST_USES)] = 1
    uses: tuple[InviteUse, ...] = ()  # oldest first
    label: Annotated[str, msgspec.Meta(max_length=MOST_LABEL, pattern=_LABEL)] = ""
    per_minute: Annotated[int, msgspec.Meta(ge=0, le=MOST_USES)] = 0  # accounts; 0: no limit
    is_revoked: bool = False

    @property
    def name(self) -> str:
        """What Mosquitto calls who holds it."""
        return f"{INVITE_PREFIX}{self.id}"

    @property
    def is_room_link(self) -> bool:
        """Whether it is for more than one person."""
        return self.most_uses > 1

    @property
    def users(self) -> tuple[str, ...]:
        """The accounts that it became, oldest first."""
        first = (self.used_by,) if self.used_by else ()
        return tuple(dict.fromkeys((*first, *(use.name for use in self.uses))))


@dataclass(frozen=True, slots=True)
class Reading:
    """What viewers read in the rooms of a broker; in those of neither list, everything.

    `whole` holds hosted rooms of which they read everything: only where `totals` has a room, for
    accounts of every room. Such an account then reads totals alone in a room that no list has.
    """

    totals: tuple[Channel, ...] = ()  # rooms of which they read totals alone
    whole: tuple[Channel, ...] = ()


EVERYTHING = Reading()


@dataclass(frozen=True, slots=True)
class AccountList:
    """Everybody who may come in, and what viewers may read. Changing it makes a new one."""

    accounts: Mapping[str, Account] = field(default_factory=dict[str, Account])
    invites: Mapping[str, StoredInvite] = field(default_factory=dict[str, StoredInvite])
    reading: Reading = EVERYTHING


def add_account(stored: AccountList, account: Account) -> AccountList:
    """`stored` with one more account.

    Raises:
        BrokerProblem: of kind USAGE for a name that cannot be used, or is already.
    """
    trouble, hint = why_not_named(account)
    if account.name in stored.accounts:
        trouble, hint = f"there is a user {account.name!r} already", "remove it first"
    if trouble:
        raise BrokerProblem(ProblemKind.USAGE, trouble, hint)
    return replace(stored, accounts={**stored.accounts, account.name: account})


def why_not_named(account: Account) -> tuple[str, str]:
    """What is wrong with a name for this role, and what to do; empty where nothing is."""
    name = account.name
    if not is_name(name):
        return f"{name[:64]!r} is not a name", "use 1 to 32 of a-z, 0-9, - and _"
    if is_reserved(name):
        return f"the name {name!r} is kept for this program", "choose another"
    if (account.role is Role.AGGREGATOR) != name.startswith(AGGREGATOR_PREFIX):
        if account.role is Role.AGGREGATOR:
            return "an aggregator's name begins with agg-", f"for example agg-{name}"[:48]
        return "a name that begins with agg- belongs to an aggregator", "add --role aggregator"
    return "", ""


def is_name(text: str) -> bool:
    """Whether this can be a name: it is a level of a topic, so nothing that could be a wildcard."""
    return is_id(text)


def is_reserved(name: str) -> bool:
    return name == HOST_NAME or name.startswith(INVITE_PREFIX)


def set_reading(stored: AccountList, rooms: Mapping[str, bool]) -> AccountList:
    """`stored` with what viewers read in these rooms: totals alone (True), or everything."""
    before = stored.reading
    totals = {*before.totals, *(room for room, is_totals in rooms.items() if is_totals)}
    totals -= {room for room, is_totals in rooms.items() if not is_totals}
    whole = ({*before.whole, *rooms} - totals) if totals else set[str]()
    return replace(stored, reading=Reading(tuple(sorted(totals)), tuple(sorted(whole))))


def remove_account(stored: AccountList, name: str) -> AccountList:
    """`stored` without that account; the invite that it came by stays used.

    Raises:
        BrokerProblem: of kind USAGE when there is none.
    """
    if name not in stored.accounts:
        known = ", ".join(sorted(stored.accounts)[:8]) or "nobody yet"
        raise BrokerProblem(ProblemKind.USAGE, f"there is no user {name[:64]!r}", f"there: {known}")
    return replace(
        stored, accounts={key: value for key, value in stored.accounts.items() if key != name}
    )


# --- on disk -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    accounts: list[Account]
    invites: list[StoredInvite]
    reading: Reading = EVERYTHING


def encode_accounts(stored: AccountList) -> bytes:
    accounts, invites = list(stored.accounts.values()), list(stored.invites.values())
    page = _Page(1, accounts, invites, stored.reading)
    return msgspec.json.format(msgspec.json.encode(page), indent=1)


def decode_accounts(data: bytes) -> AccountList:
    """Raises ValueError for what is no accounts file."""
    try:
        page = msgspec.json.decode(data, type=_Page)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ValueError(str(error)) from None
    digests = [each.digest for each in (*page.accounts, *page.invites)]
    if not all(is_sha512(digest) for digest in digests):
        raise ValueError("a damaged hash")
    return AccountList(
        {each.name: each for each in page.accounts},
        {each.id: each for each in page.invites},
        page.reading,
    )
