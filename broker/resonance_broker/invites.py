"""Invites: for one person or a whole room, how they become accounts, how they end; pure."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from enum import StrEnum

from resonance_broker.accounts import (
    Account,
    AccountList,
    InviteUse,
    Role,
    StoredInvite,
    why_not_named,
)
from resonance_broker.passwords import is_sha512
from resonance_broker.problem import BrokerProblem, ProblemKind
from resonance_tui.protocol.values import EnrollmentResult

REMEMBER_S = 30 * 86_400.0  # how long an expired invite is still answered as expired
MOST_INVITES = 10_000  # at a time; each of them is a login that Mosquitto has to know
RATE_WINDOW_S = 60.0
# A login costs Mosquitto this many rounds: who chose a million could stop it with a few of them.
_MOST_ROUNDS = 1000


class InviteState(StrEnum):
    """Whether an invite lets anybody in, and if not, why."""

    OPEN = "open"
    USED = "used up"
    EXPIRED = "expired"
    REVOKED = "revoked"


_ANSWERS = {
    InviteState.EXPIRED: EnrollmentResult.EXPIRED,
    InviteState.REVOKED: EnrollmentResult.REVOKED,
}


def state_of(invite: StoredInvite, now: float) -> InviteState:
    """`now`: epoch seconds."""
    if invite.is_revoked:
        return InviteState.REVOKED
    if len(invite.users) >= invite.most_uses:
        return InviteState.USED
    return InviteState.EXPIRED if now >= invite.expires_at else InviteState.OPEN


def add_invites(stored: AccountList, invites: list[StoredInvite], now: float) -> AccountList:
    """`stored` with these, and without those that expired long ago. `now`: epoch seconds.

    Raises:
        BrokerProblem: of kind USAGE when there are more than Mosquitto should have to know, or
            an open invite has one of the labels.
    """
    kept = {key: each for key, each in stored.invites.items() if now - each.expires_at < REMEMBER_S}
    if len(kept) + len(invites) > MOST_INVITES:
        raise BrokerProblem(ProblemKind.USAGE, f"more than {MOST_INVITES} invites at a time")
    labels = {each.label for each in invites} - {""}
    for each in kept.values():
        if each.label in labels and state_of(each, now) is InviteState.OPEN:
            hint = "choose another name, or revoke that one first"
            raise BrokerProblem(ProblemKind.USAGE, f"an open link is called {each.label!r}", hint)
    return replace(stored, invites={**kept, **{each.id: each for each in invites}})


# --- the way in --------------------------------------------------------------------------------


def redeem(
    stored: AccountList,
    invite_id: str,
    name: str,
    digest: str,
    now: float,
    *,
    locked: Container[str] = (),
) -> tuple[AccountList, EnrollmentResult]:
    """An account of that name and password, while the invite has one left.

    Who asks again with the same name and password is welcomed again: the answer may have been
    lost on its way. `now`: epoch seconds. `locked`: channels that let nobody new in.
    """
    invite = stored.invites.get(invite_id)
    if invite is None:
        return stored, EnrollmentResult.UNKNOWN
    if name in invite.users:
        return stored, _again(stored, invite, name, digest)
    refusal = _refusal(stored, invite, name, digest, now, locked)
    if refusal is not None:
        return stored, refusal
    used = replace(
        invite,
        used_by=invite.used_by or name,
        uses=(*invite.uses, InviteUse(name, now)),
    )
    account = Account(name, digest, Role.VIEWER, (invite.channel,))
    return (
        replace(
            stored,
            accounts={**stored.accounts, name: account},
            invites={**stored.invites, used.id: used},
        ),
        EnrollmentResult.WELCOME,
    )


def _again(stored: AccountList, invite: StoredInvite, name: str, digest: str) -> EnrollmentResult:
    """The answer to a name that has used this invite."""
    known = stored.accounts.get(name)
    if known is None:
        return EnrollmentResult.REMOVED
    if known.digest == digest:
        return EnrollmentResult.WELCOME
    return EnrollmentResult.NAME_TAKEN if invite.is_room_link else EnrollmentResult.USED


def _refusal(
    stored: AccountList,
    invite: StoredInvite,
    name: str,
    digest: str,
    now: float,
    locked: Container[str],
) -> EnrollmentResult | None:
    """Why a name that is new to this invite gets no account by it; None where it does."""
    state = state_of(invite, now)
    if state is InviteState.USED:
        return EnrollmentResult.FULL if invite.is_room_link else EnrollmentResult.USED
    if state is not InviteState.OPEN:
        return _ANSWERS[state]
    if invite.channel in locked:
        return EnrollmentResult.LOCKED
    account = Account(name, digest, Role.VIEWER, (invite.channel,))
    if why_not_named(account)[0] or not is_sha512(digest, most_rounds=_MOST_ROUNDS):
        return EnrollmentResult.BROKEN
    if name in stored.accounts:
        return EnrollmentResult.NAME_TAKEN
    return EnrollmentResult.WAIT if _is_too_fast(invite, now) else None


def _is_too_fast(invite: StoredInvite, now: float) -> bool:
    """Whether one account more would be more than `per_minute` within a minute."""
    if not invite.per_minute or len(invite.uses) < invite.per_minute:
        return False
    return 0.0 <= now - invite.uses[-invite.per_minute].at < RATE_WINDOW_S


# --- the end -----------------------------------------------------------------------------------


def find_invites(stored: AccountList, text: str, now: float) -> list[StoredInvite]:
    """The one with that id, or those with that label; open ones alone, where there are any.

    Raises:
        BrokerProblem: of kind USAGE when there is none.
    """
    if text in stored.invites:
        return [stored.invites[text]]
    named = [each for each in stored.invites.values() if text and each.label == text]
    if not named:
        hint = "resonance-tui broker invites list shows ids and names"
        raise BrokerProblem(ProblemKind.USAGE, f"there is no invite {text[:64]!r}", hint)
    return [each for each in named if state_of(each, now) is InviteState.OPEN] or named


def open_link_of(stored: AccountList, name: str, now: float) -> StoredInvite | None:
    """The invite that this account came by, where it still lets somebody in: removing the account
    alone does not keep them out. `now`: epoch seconds."""
    for invite in stored.invites.values():
        if name in invite.users and state_of(invite, now) is InviteState.OPEN:
            return invite
    return None


def revoke(stored: AccountList, invites: Iterable[StoredInvite], now: float) -> AccountList:
    """`stored` with these invites ended; the accounts that came by them stay."""
    ended = {
        each.id: replace(each, is_revoked=True, expires_at=min(each.expires_at, now))
        for each in invites  # the time is what a program of 0.1 looks at
    }
    return replace(stored, invites={**stored.invites, **ended})


def remove_guests(stored: AccountList, invites: Iterable[StoredInvite]) -> AccountList:
    """`stored` without the accounts that came by these invites."""
    guests = {name for each in invites for name in each.users}
    left = {name: each for name, each in stored.accounts.items() if name not in guests}
    return replace(stored, accounts=left)
