"""Who may come in and what they may do: users files, the host's account, access rules; pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field

from broker.problem import BrokerProblem, ProblemKind
from broker.settings import Version

HOST_NAME = "resonance-host"
ARGON2_SINCE: Version = (2, 1, 0)
_AGGREGATOR = re.compile(r"agg-[a-z0-9_-]{1,28}")  # nothing that would be a wildcard in a topic
_HOW_TO = "make it with: mosquitto_passwd -c FILE NAME (asks for the password; then without -c)"


@dataclass(frozen=True, slots=True)
class Login:
    """A name and its password, which no repr shows."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """One line of a users file: a name and the hash of its password."""

    name: str
    digest: str = field(repr=False)

    @property
    def line(self) -> str:
        return f"{self.name}:{self.digest}"


def parse_users(text: str, version: Version, *, name: str = "users file") -> tuple[User, ...]:
    """The users in a file made by mosquitto_passwd, in its order.

    Raises:
        BrokerProblem: of kind FILE, naming the line, for anything Mosquitto of that version
            would not take as a hashed password, a name twice, or no user at all.
    """
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user_name, colon, digest = line.rstrip().partition(":")
        trouble = _trouble(user_name, bool(colon), digest, version)
        if user_name in users:
            trouble = f"{user_name!r} is there twice"
        if trouble:
            raise BrokerProblem(ProblemKind.FILE, f"{name}, line {number}: {trouble}", _HOW_TO)
        users[user_name] = User(user_name, digest)
    if not users:
        raise BrokerProblem(ProblemKind.FILE, f"{name} holds no user", _HOW_TO)
    return tuple(users.values())


def _trouble(name: str, has_colon: bool, digest: str, version: Version) -> str:
    """What is wrong with one line, without ever repeating what may be a password."""
    if not has_colon or not name:
        return "not of the form NAME:HASH"
    if not name.isprintable() or len(name) > 64:
        return "not a name (at most 64 printable characters)"
    if name == HOST_NAME:
        return f"the name {HOST_NAME!r} is kept for this program"
    if digest.startswith("$argon2id$"):
        needs_newer = "this hash needs Mosquitto 2.1 (mosquitto_passwd -H sha512-pbkdf2 fits all)"
        return "" if version >= ARGON2_SINCE else needs_newer
    if not digest.startswith("$"):
        return "the password is not hashed"
    return "" if _is_sha512(digest) else "a damaged hash"


def _is_sha512(digest: str) -> bool:
    """`$6$salt$hash` and `$7$iterations$salt$hash`, base64 with a hash of 64 bytes."""
    match digest.split("$"):
        case ["", "6", salt, hashed]:
            pass
        case ["", "7", iterations, salt, hashed] if re.fullmatch(r"[1-9][0-9]{0,8}", iterations):
            pass
        case _:
            return False
    try:
        return bool(base64.b64decode(salt, validate=True)) and (
            len(base64.b64decode(hashed, validate=True)) == 64
        )
    except (binascii.Error, ValueError):
        return False


def hash_login(login: Login, salt: bytes) -> User:
    """The users-file entry for a login, hashed as mosquitto_passwd does it."""
    iterations = 101
    digest = hashlib.pbkdf2_hmac("sha512", login.password.encode(), salt, iterations)
    encoded = "$".join(base64.b64encode(part).decode() for part in (salt, digest))
    return User(login.name, f"$7${iterations}${encoded}")


def users_file(users: tuple[User, ...], host: User) -> str:
    """The password file for Mosquitto: everyone, and the host's own account."""
    return "".join(f"{user.line}\n" for user in (*users, host))


def access_rules(users: tuple[User, ...]) -> str:
    """Mosquitto's access rules: everyone reads rooms and writes viewers' own kinds of messages.

    A user whose name begins with "agg-" may count rooms: tell totals, and be there and tell what
    it counted under its own name. Room settings and the broker's figures ($SYS) belong to the
    host's account, which may do all of this.
    The lines before the first `user` are for those who come without a name.
    """
    everyone = (
        "topic read resonance/#\n"
        "topic write resonance/+/+/r/+/+\n"  # reports
        "topic write resonance/+/+/n/+/+\n"  # nicknames
    )
    host = f"user {HOST_NAME}\ntopic readwrite resonance/#\ntopic read $SYS/#\n"
    named = "".join(f"user {user.name}\n{everyone}{_counting(user.name)}" for user in users)
    return everyone + named + host


def _counting(name: str) -> str:
    if not _AGGREGATOR.fullmatch(name):
        return ""
    return "".join(
        f"topic write resonance/+/+/{topic}\n"
        for topic in (f"agent/{name}", f"agg/{name}", "total")
    )
