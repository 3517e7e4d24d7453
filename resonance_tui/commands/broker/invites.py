"""`broker invites`: the links that let people in, and their end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from resonance_tui.commands.broker.lines import moment, people
from resonance_tui.commands.console import put, put_json, say
from resonance_tui.commands.groups import Command, Group
from resonance_tui.commands.settings import load
from resonance_tui.errors import InputError

if TYPE_CHECKING:
    from resonance_broker.accounts import StoredInvite


@click.group("invites", cls=Group, path="broker invites")
def invites() -> None:
    """The links that let people in at this machine's broker, those of earlier runs too.

    \b
    Examples:
      resonance-tui broker invites list
      resonance-tui broker invites revoke friday
    """


# --- list --------------------------------------------------------------------------------------


@click.command("list", cls=Command)
@click.option("--json", "as_json", is_flag=True, help="A list of objects for scripts.")
@click.pass_context
def list_invites(ctx: click.Context, as_json: bool) -> None:
    """Print the links: id, name, room, how many used it, until when.

    \b
    Example:
      resonance-tui broker invites list
    """
    from resonance_broker.invites import InviteState, state_of
    from resonance_tui.hosting import room_links

    now = time.time()
    known = room_links.list_invites(load(ctx).directories.broker_folder)
    if as_json:
        put_json([_as_object(each, now) for each in known])
        return
    for each in known:
        put(_row(each, now))
    still_open = sum(state_of(each, now) is InviteState.OPEN for each in known)
    say(f"{len(known)} links, {still_open} of them open.")


def _row(invite: StoredInvite, now: float) -> str:
    from resonance_broker.invites import state_of
    from resonance_tui.widths import cells, cut

    used = f"{len(invite.users)} of {invite.most_uses}"
    name = cut(invite.label or "-", 20)
    name += " " * (20 - cells(name))
    state, until = state_of(invite, now).value, moment(invite.expires_at)
    return f"{invite.id}  {name}  {invite.channel:<20}  {used:>14}  {state:<7}  {until}"


def _as_object(invite: StoredInvite, now: float) -> dict[str, object]:
    from resonance_broker.invites import state_of

    return {
        "id": invite.id,
        "name": invite.label,
        "channel": invite.channel,
        "used": len(invite.users),
        "most": invite.most_uses,
        "per_minute": invite.per_minute,
        "state": state_of(invite, now).value,
        "expires_at": invite.expires_at,
        "users": list(invite.users),
    }


# --- revoke ------------------------------------------------------------------------------------


@click.command("revoke", cls=Command)
@click.argument("link", metavar="NAME_OR_ID")
@click.option("--with-accounts", is_flag=True, help="Also remove who came in by it.")
@click.pass_context
def revoke(ctx: click.Context, link: str, with_accounts: bool) -> None:
    """End a link: nobody comes in by it any more. Who is in stays in.

    \b
    Examples:
      resonance-tui broker invites revoke friday
      resonance-tui broker invites revoke k3jq7x2a --with-accounts
    """
    from resonance_tui.hosting.room_links import revoke_invites

    link = _id_in(link)
    folder = load(ctx).directories.broker_folder
    ended, gone = revoke_invites(folder, link, time.time(), with_accounts=with_accounts)
    for each in ended:
        stay = people(len(each.users)) if each.users else "nobody"
        put(f"{each.id}  {each.label or '-'}  {each.channel}  revoked; {stay} came in by it")
    if with_accounts:
        say(f"Accounts removed: {gone}. A running broker cuts their connections.")


def _id_in(text: str) -> str:
    """The id of a link that was given as a whole; any other text as it is.

    Raises InputError and InvalidBrokerUrl, in words that do not repeat a secret.
    """
    from resonance_tui.protocol.links import parse_invite
    from resonance_tui.protocol.pasted import holds_link, repair
    from resonance_tui.secret import describe, may_hold_secret

    hint = "resonance-tui broker invites list shows ids and names"
    if not holds_link(text):
        if may_hold_secret(text):
            raise InputError(f"{describe(text)} is no name of a link.", hint)
        return text
    ticket = parse_invite(repair(text)).ticket
    if ticket is None:
        raise InputError("That link lets in whoever can reach the broker.", hint)
    return ticket.id
