"""What a command's CHANNEL names: a channel, a link, or `mqtt://host/channel`."""

from __future__ import annotations

from resonance_tui.commands.console import note
from resonance_tui.commands.destination import Destination, destination_of, own_broker
from resonance_tui.commands.event_loop import run_loop
from resonance_tui.config import Config
from resonance_tui.protocol.links import find_place


def find_destination(
    config: Config, text: str, *, redeems: bool = True, remembers: bool = False
) -> Destination:
    """Where the argument leads: a channel is at the broker of the settings; where they name none
    and the command `remembers`, at the one that runs here for it, or where it was last.
    `redeems`: a link's token is turned into an account.

    Raises InvalidBrokerUrl, InvalidChannel, InviteRefused, BrokerError, BrokerProblem,
    StoreError.
    """
    place = find_place(text)
    if isinstance(place, str):
        if not remembers:
            return Destination(config, place)
        if own_broker(config, place) is not None:
            from resonance_tui.commands.hosted_here import enter

            run_loop(config, lambda: enter(config, place))
        return destination_of(config, place)
    if redeems:
        from resonance_tui.commands.redeem_invite import redeem_now

        redeem_now(config, place)
    found = destination_of(config, place)
    if found.remark and not remembers:  # else it is the first notice of the session
        note(found.remark)
    return found
