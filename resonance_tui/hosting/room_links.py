"""Links of this machine's broker that let many people in: made, shown again, listed, revoked.

The accounts know a link by a hash. The link itself is kept beside them, for its owner's eyes alone.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from resonance_broker import AccountsStore
from resonance_broker.accounts import MOST_LABEL, AccountList, StoredInvite
from resonance_broker.invites import (
    InviteState,
    add_invites,
    find_invites,
    remove_guests,
    revoke,
    state_of,
)
from resonance_broker.passwords import hash_password
from resonance_tui.errors import InputError, StoreError
from resonance_tui.files import read_private, write_private
from resonance_tui.protocol.links import new_token, token_of
from resonance_tui.protocol.sanitize import safe_text
from resonance_tui.protocol.urls import InviteToken
from resonance_tui.secret import describe, may_hold_secret

LINKS_FILE = "links.json"


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """What a new link shall be."""

    most_uses: int  # 1: for one person, and not kept
    expires_at: float  # epoch seconds
    label: str = ""
    per_minute: int = 0  # accounts; 0: no limit


@dataclass(frozen=True, slots=True)
class RoomLink:
    """A link that can be shown, and how it stands."""

    invite: StoredInvite
    token: InviteToken


@dataclass(frozen=True, slots=True)
class _Page:
    version: int
    secrets: list[str] = field(repr=False)  # oldest first


def make_link(folder: Path, channel: str, plan: LinkPlan, now: float) -> RoomLink:
    """A new link into `channel`, kept unless it is for one person. `now`: epoch seconds.

    Raises InputError for a name that cannot be, BrokerProblem where an open link has it or the
    accounts cannot be changed, StoreError where the link cannot be kept.
    """
    _check_label(plan.label)
    token = new_token()
    invite = StoredInvite(
        token.id,
        hash_password(token.secret),
        channel,
        plan.expires_at,
        most_uses=plan.most_uses,
        label=plan.label,
        per_minute=plan.per_minute,
    )

    def add(before: AccountList) -> tuple[AccountList, None]:
        if invite.is_room_link:
            _keep(folder, before, now, [token])
        return add_invites(before, [invite], now), None

    AccountsStore(folder).change(add)
    return RoomLink(invite, token)


def _check_label(label: str) -> None:
    if may_hold_secret(label) or label != safe_text(label, MOST_LABEL):
        hint = f"Use up to {MOST_LABEL} letters, digits and spaces, for example friday"
        raise InputError(f"{describe(label, 40)} is no name for a link.", hint)


def open_links(folder: Path, now: float) -> list[RoomLink]:
    """The kept links that still let somebody in, oldest first. `now`: epoch seconds.

    Raises BrokerProblem and StoreError for files that cannot be read.
    """
    return _open_links(folder, AccountsStore(folder).load(), now)


def _open_links(folder: Path, stored: AccountList, now: float) -> list[RoomLink]:
    tokens = [token_of(secret) for secret in _read(folder)]
    known = [(stored.invites.get(token.id), token) for token in tokens]
    return [
        RoomLink(invite, token)
        for invite, token in known
        if invite is not None and state_of(invite, now) is InviteState.OPEN
    ]


def list_invites(folder: Path) -> list[StoredInvite]:
    """All that are known, also those of earlier runs, the last to expire first. Raises
    BrokerProblem for accounts that cannot be read."""
    invites = AccountsStore(folder).load().invites.values()
    return sorted(invites, key=lambda each: (-each.expires_at, each.id))


def revoke_invites(
    folder: Path, text: str, now: float, *, with_accounts: bool
) -> tuple[list[StoredInvite], int]:
    """Ends the invite with that id, or those with that name; also tells how many accounts are gone.

    `with_accounts`: those that came by them are removed, too. Raises BrokerProblem.
    """

    def end(before: AccountList) -> tuple[AccountList, tuple[list[StoredInvite], int]]:
        found = find_invites(before, text, now)
        after = revoke(before, found, now)
        after = remove_guests(after, found) if with_accounts else after
        with contextlib.suppress(StoreError):  # of no use any more; that a link ends comes first
            _keep(folder, after, now, [])
        return after, (found, len(before.accounts) - len(after.accounts))

    return AccountsStore(folder).change(end)


# --- on disk -----------------------------------------------------------------------------------


def _read(folder: Path) -> list[str]:
    file = folder / LINKS_FILE
    try:
        return msgspec.json.decode(read_private(file), type=_Page).secrets
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"The links in {file} cannot be read.",
            "Move the file away; links that were handed out go on working",
        ) from error


def _keep(folder: Path, stored: AccountList, now: float, new: list[InviteToken]) -> None:
    """Keeps the links that are still open, and these. Raises StoreError."""
    tokens = [*(each.token for each in _open_links(folder, stored, now)), *new]
    page = _Page(1, [each.secret for each in tokens])
    try:
        write_private(folder / LINKS_FILE, msgspec.json.format(msgspec.json.encode(page), indent=1))
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror}.") from error
