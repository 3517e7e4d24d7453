"""What a command's CHANNEL names: a channel, a link, or `mqtt://host/channel`."""

from __future__ import annotations

from resonance_tui.commands.console import note
from resonance_tui.commands.destination import Destination, destination_of
from resonance_tui.commands.redeem_invite import redeem_now
from resonance_tui.config import Config
from resonance_tui.protocol.links import find_place


def find_destination(
    config: Config, text: str, *, redeems: bool = True, remembers: bool = False
) -> Destination:
    """Where the argument leads: a channel is at the broker of the settings; where they name none
    and the command `remembers`, at the one where it was last. `redeems`: a link's token is turned
    into an account.

    Raises InvalidBrokerUrl, InvalidChannel, InviteRefused, BrokerError, StoreError.
    """
    place = find_place(text)
    if isinstance(place, str):
        return destination_of(config, place) if remembers else Destination(config, place)
    if redeems:
        redeem_now(config, place)
    found = destination_of(config, place)
    if found.remark and not remembers:  # else it is the first notice of the session
        note(found.remark)
    return found
