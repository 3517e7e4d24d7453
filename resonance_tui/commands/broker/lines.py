"""What the commands of `broker` have in common: where the broker is, and how times are written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_tui.commands.own_keys import own_keys
from resonance_tui.errors import InputError, StoreError

if TYPE_CHECKING:
    from resonance_tui.protocol.urls import BrokerUrl, InviteToken


def known_place(folder: Path, room: str) -> BrokerUrl:
    """Where this machine's broker was last reached. Raises InputError where none has run."""
    from resonance_tui.hosting.accounts import known_address

    url = known_address(folder)
    if url is None:
        raise InputError(
            "No broker with accounts has run here yet, so there is no address to invite to.",
            f"Start one: resonance-tui broker --public --channel {room}",
        )
    return url


def token_link(url: BrokerUrl, room: str, token: InviteToken) -> str:
    """The link by which whoever holds it comes into the room."""
    from resonance_tui.protocol.links import invite_link

    return invite_link(url, room, token, host_print(room))


def host_print(room: str) -> str | None:
    """The fingerprint of the room's own key, made where there is none; None where it cannot be."""
    from resonance_tui.config import directories

    try:
        return own_keys(directories()).make(room).print
    except StoreError:  # the broker says so: the room goes on without rules
        return None


def moment(at: float) -> str:
    """Epoch seconds as clocks here show them: "2026-11-27 23:00"."""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"


def people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
