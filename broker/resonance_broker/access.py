"""Who may come in and what they may do: users files, the host's account, access rules; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from resonance_broker.accounts import (
    AGGREGATOR_PREFIX,
    EVERYTHING,
    HOST_NAME,
    Account,
    Reading,
    Role,
    StoredInvite,
    is_name,
    is_reserved,
)
from resonance_broker.passwords import hash_password, is_sha512
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_broker.settings import Version
from resonance_tui.protocol.messages import TABLE
from resonance_tui.protocol.table import MessageTable
from resonance_tui.protocol.topics import ROOT
from resonance_tui.protocol.values import INVITE_PREFIX, Party

ARGON2_SINCE: Version = (2, 1, 0)
_HOW_TO = "make it with: mosquitto_passwd -c FILE NAME (asks for the password; then without -c)"


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """A name and its password, which no repr shows."""

    name: str
    password: str = field(repr=False)


def parse_users(text: str, version: Version, *, name: str = "users file") -> tuple[Account, ...]:
    """The accounts in a file made by mosquitto_passwd, in its order; each for every room.

    Raises:
        BrokerProblem: of kind FILE, naming the line, for anything Mosquitto of that version
            would not take as a hashed password, a name twice, or no user at all.
    """
    users: dict[str, Account] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user_name, colon, digest = line.rstrip().partition(":")
        trouble = _trouble(user_name, bool(colon), digest, version)
        if user_name in users:
            trouble = f"{user_name!r} is there twice"
        if trouble:
            raise BrokerProblem(ProblemKind.FILE, f"{name}, line {number}: {trouble}", _HOW_TO)
        is_aggregator = user_name.startswith(AGGREGATOR_PREFIX)
        role = Role.AGGREGATOR if is_aggregator else Role.VIEWER
        users[user_name] = Account(user_name, digest, role)
    if not users:
        raise BrokerProblem(ProblemKind.FILE, f"{name} holds no user", _HOW_TO)
    return tuple(users.values())


def _trouble(name: str, has_colon: bool, digest: str, version: Version) -> str:
    """What is wrong with one line, without ever repeating what may be a password."""
    if not has_colon or not name:
        return "not of the form NAME:HASH"
    if not is_name(name):
        return "not a name (1 to 32 of a-z, 0-9, - and _: it is a viewer's id in the room)"
    if is_reserved(name):
        return f"the names {HOST_NAME} and {INVITE_PREFIX}... are kept for this program"
    if digest.startswith("$argon2id$"):
        needs_newer = "this hash needs Mosquitto 2.1 (mosquitto_passwd -H sha512-pbkdf2 fits all)"
        return "" if version >= ARGON2_SINCE else needs_newer
    if not digest.startswith("$"):
        return "the password is not hashed"
    return "" if is_sha512(digest) else "a damaged hash"


def users_file(
    accounts: Iterable[Account], invites: Iterable[StoredInvite], host: BrokerLogin
) -> str:
    """The password file for Mosquitto: accounts, invites, and the host's own login."""
    lines = [f"{each.name}:{each.digest}" for each in (*accounts, *invites)]
    return "\n".join([*lines, f"{host.name}:{hash_password(host.password)}", ""])


def access_rules(
    accounts: Iterable[Account],
    invites: Iterable[StoredInvite],
    *,
    reading: Reading = EVERYTHING,
    is_open: bool = False,
    table: MessageTable = TABLE,
) -> str:
    """Mosquitto's access rules, from the table of messages; what is not listed is denied.

    Each account is named with the topics that are its own, the shard included: a pattern with
    `%u` could not tell one channel's people from another's, nor check the shard. `is_open`: who
    comes without a name may read rooms, and publish what viewers publish, under any id.
    `reading`: what accounts of viewers read; those of all other roles read their rooms whole.
    """
    lines: list[str] = []
    if is_open:
        lines += _lines("read", f"{ROOT}/#")
        lines += _lines("write", *_filters(table, Party.VIEWER))
    for account in accounts:
        lines += [f"user {account.name}", *_of_account(account, reading, table)]
    for invite in invites:
        lines += [f"user {invite.name}", *_of_invite(invite, table)]
    lines += [f"user {HOST_NAME}", *_lines("readwrite", "resonance/#"), *_lines("read", "$SYS/#")]
    return "\n".join([*lines, ""])


def _of_account(account: Account, reading: Reading, table: MessageTable) -> Iterator[str]:
    name, role = account.name, Party(account.role)
    for channel in account.channels or ("+",):
        yield from _lines("read", *_read_in(channel, account, reading, table))
        own = _filters(table, role, channel=channel, viewer_id=name, agent_id=name)
        yield from _lines("write", *own)
    for message in (each for each in table if not each.topic.is_in_room):
        if role in message.who_may_publish:
            yield from _lines("write", message.topic.filter(viewer_id=name, agent_id=name))
        if role in message.who_may_read:
            yield from _lines("read", message.topic.filter())
    if account.role is Role.HOST:
        yield from _lines("read", "$SYS/#")


def _read_in(
    channel: str, account: Account, reading: Reading, table: MessageTable
) -> Iterator[str]:
    """What this account reads in a room, or in all: `+`. No rule takes back a part of what a
    wider one grants, so that totals alone are an account's own list."""
    is_limited = channel in reading.totals or (channel == "+" and bool(reading.totals))
    if account.role is not Role.VIEWER or not is_limited:
        yield f"{ROOT}/{channel}/#"
        return
    yield from totals_alone(channel, account.name, table)
    if channel == "+":
        yield from (f"{ROOT}/{each}/#" for each in reading.whole)


def totals_alone(channel: str, own: str, table: MessageTable = TABLE, **names: str) -> list[str]:
    """What a viewer reads where that is nothing of another viewer: what is told to all, and what
    the broker keeps of its own. `own`: its id; `names`: of further levels, the shard for one."""
    in_room = [each for each in table if each.topic.is_in_room]
    kept = [each for each in in_room if each.retained and each.topic.is_in_shard]
    told = [each.topic.filter(channel=channel) for each in in_room if each.is_told_to_all]
    return [*told, *(each.topic.filter(channel=channel, viewer_id=own, **names) for each in kept)]


def _of_invite(invite: StoredInvite, table: MessageTable) -> Iterator[str]:
    for message in table:
        topic = message.topic.filter(invite_id=invite.id)
        if Party.GUEST in message.who_may_publish:
            yield from _lines("write", topic)
        if Party.GUEST in message.who_may_read:
            yield from _lines("read", topic)


def _filters(table: MessageTable, publisher: Party, **names: str) -> list[str]:
    """What this party may publish in a room, under these names or under any. Reports expire at
    Mosquitto, so nobody need clear those of others."""
    return [
        message.topic.filter(**names)
        for message in table
        if message.topic.is_in_room and message.is_published_by(publisher, expires=True)
    ]


def _lines(access: str, *topics: str) -> list[str]:
    return [f"topic {access} {topic}" for topic in topics]
