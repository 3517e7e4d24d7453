"""Accounts and one-time invites of a guarded broker, and how an invite becomes an account; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

import msgspec

from resonance_broker.passwords import is_sha512
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.protocol.topics import CHANNEL, ID, is_id
from resonance_tui.protocol.values import INVITE_PREFIX, EnrollmentResult, Party

HOST_NAME = "resonance-host"
AGGREGATOR_PREFIX = "agg-"
REMEMBER_S = 30 * 86_400.0  # how long an expired invite is still answered as expired
MOST_INVITES = 10_000  # at a time; each of them is a login that Mosquitto has to know
_NAME = rf"\A{ID}\Z"  # not "$", which lets a line's end pass
_CHANNEL = rf"\A{CHANNEL}\Z"
_INVITE_ID = r"\A[a-z2-7]{8}\Z"
# A login costs Mosquitto this many rounds: who chose a million could stop it with a few of them.
_MOST_ROUNDS = 1000

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
class StoredInvite:
    """A way in for one person, once. The secret is known by its hash only."""

    id: Annotated[str, msgspec.Meta(pattern=_INVITE_ID)]
    digest: Digest = field(repr=False)
    channel: Channel = ""
    expires_at: float = 0.0  # epoch seconds
    used_by: str = ""  # the account that it became

    @property
    def name(self) -> str:
        """What Mosquitto calls who holds it."""
        return f"{INVITE_PREFIX}{self.id}"


@dataclass(frozen=True, slots=True)
class AccountList:
    """Everybody who may come in. Changing it makes a new one."""

    accounts: Mapping[str, Account] = field(default_factory=dict[str, Account])
    invites: Mapping[str, StoredInvite] = field(default_factory=dict[str, StoredInvite])


def add_account(stored: AccountList, account: Account) -> AccountList:
    """`stored` with one more account.

    Raises:
        BrokerProblem: of kind USAGE for a name that cannot be used, or is already.
    """
    trouble, hint = _name_trouble(account)
    if account.name in stored.accounts:
        trouble, hint = f"there is a user {account.name!r} already", "remove it first"
    if trouble:
        raise BrokerProblem(ProblemKind.USAGE, trouble, hint)
    return replace(stored, accounts={**stored.accounts, account.name: account})


def _name_trouble(account: Account) -> tuple[str, str]:
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


def add_invites(stored: AccountList, invites: list[StoredInvite], now: float) -> AccountList:
    """`stored` with these, and without those that expired long ago. `now`: epoch seconds.

    Raises:
        BrokerProblem: of kind USAGE when there are more than Mosquitto should have to know.
    """
    kept = {key: each for key, each in stored.invites.items() if now - each.expires_at < REMEMBER_S}
    if len(kept) + len(invites) > MOST_INVITES:
        raise BrokerProblem(ProblemKind.USAGE, f"more than {MOST_INVITES} invites at a time")
    return replace(stored, invites={**kept, **{each.id: each for each in invites}})


def redeem(
    stored: AccountList, invite_id: str, name: str, digest: str, now: float
) -> tuple[AccountList, EnrollmentResult]:
    """The first request gets an account of that name and password; `now`: epoch seconds.

    Who asks again with the same name and password is welcomed again: the answer may have been
    lost on its way.
    """
    invite = stored.invites.get(invite_id)
    if invite is None:
        return stored, EnrollmentResult.UNKNOWN
    known = stored.accounts.get(name)
    if invite.used_by:
        is_same = invite.used_by == name and known is not None and known.digest == digest
        return stored, EnrollmentResult.WELCOME if is_same else EnrollmentResult.USED
    if now >= invite.expires_at:
        return stored, EnrollmentResult.EXPIRED
    account = Account(name, digest, Role.VIEWER, (invite.channel,))
    if _name_trouble(account)[0] or not is_sha512(digest, most_rounds=_MOST_ROUNDS):
        return stored, EnrollmentResult.BROKEN
    if known is not None:
        return stored, EnrollmentResult.NAME_TAKEN
    used = {**stored.invites, invite.id: replace(invite, used_by=name)}
    return AccountList({**stored.accounts, name: account}, used), EnrollmentResult.WELCOME


# --- on disk -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Page:
    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    accounts: list[Account]
    invites: list[StoredInvite]


def encode_accounts(stored: AccountList) -> bytes:
    page = _Page(1, list(stored.accounts.values()), list(stored.invites.values()))
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
        {each.name: each for each in page.accounts}, {each.id: each for each in page.invites}
    )
