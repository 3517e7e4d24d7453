"""What a command's CHANNEL names: a channel, a link, or `mqtt://host/channel`."""

from __future__ import annotations

from dataclasses import dataclass

from resonance_tui.commands.console import note
from resonance_tui.commands.destination import settings_for
from resonance_tui.commands.redeem_invite import redeem_now
from resonance_tui.config import Config
from resonance_tui.protocol.links import find_place


@dataclass(frozen=True, slots=True)
class Destination:
    """A room, and the settings that lead to its broker."""

    config: Config
    channel: str
    host_print: str | None = None  # of the room's host key, where a link told it


def find_destination(config: Config, text: str, *, redeems: bool = True) -> Destination:
    """Where the argument leads: a channel is at the broker of the settings. `redeems`: a link's
    token is turned into an account.

    Raises InvalidBrokerUrl, InvalidChannel, InviteRefused, BrokerError, StoreError.
    """
    place = find_place(text)
    if isinstance(place, str):
        return Destination(config, place)
    if not place.is_checked:
        note("that link has no check sum: if this is not the room you expect, it was cut short.")
    if redeems:
        redeem_now(config, place)
    return Destination(settings_for(config, place.url), place.channel, place.host_print)
