"""What a host announces to its own network."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resonance_broker.accounts import MOST_LABEL
from resonance_broker.address import Reach, listened_on, local_addresses, shared_host
from resonance_broker.settings import BrokerSettings
from resonance_tui.hosting.room_links import LinkPlan, make_link, open_links, revoke_invites
from resonance_tui.messaging.nearby import NearbyAnnouncer
from resonance_tui.protocol.nearby import NearbyRoom
from resonance_tui.protocol.urls import InviteToken, parse_broker_url

_MOST_GUESTS, _GUESTS_A_MINUTE = 200, 60
_VALID_S = 7 * 86_400.0
_NEAR = (Reach.NETWORK, Reach.LINK, Reach.INTERNET)  # a public address may be on the same cable


def announcer(
    settings: BrokerSettings,
    channels: Sequence[str],
    pin: str,
    say: Callable[[str], None],
    *,
    titles: Mapping[str, str] | None = None,
    host_prints: Mapping[str, str] | None = None,
    tickets: Mapping[str, InviteToken] | None = None,
) -> NearbyAnnouncer:
    """Announces these rooms while it runs.

    `pin`: the print of the certificate, "" for none; by channel `titles`, `host_prints` (of its
    host key), and `tickets` that let everybody on the network in.
    """
    host = shared_host(settings, any_name=bool(pin))
    url = replace(parse_broker_url(settings.url_for(host)), port=settings.port, pin=pin or None)
    rooms = [
        NearbyRoom(
            channel,
            (titles or {}).get(channel, ""),
            url,
            socket.gethostname().partition(".")[0],
            None if pin else (host_prints or {}).get(channel),
            ticket := (tickets or {}).get(channel),
            needs_link=settings.asks_for_names and ticket is None,
        )
        for channel in channels
    ]
    return NearbyAnnouncer(rooms, lambda: near_addresses(settings.host), say=say)


def network_tickets(folder: Path, channels: Sequence[str], now: float) -> dict[str, InviteToken]:
    """For each channel a new link for everybody on the network, in place of that of an earlier
    run. `now`: epoch seconds. Raises BrokerProblem and StoreError."""
    made: dict[str, InviteToken] = {}
    for channel in channels:
        label = f"nearby {channel}"[:MOST_LABEL].strip()
        for link in open_links(folder, now):
            if link.invite.label == label:
                revoke_invites(folder, link.invite.id, now, with_accounts=False)
        plan = LinkPlan(_MOST_GUESTS, now + _VALID_S, label, per_minute=_GUESTS_A_MINUTE)
        made[channel] = make_link(folder, channel, plan, now).token
    return made


def near_addresses(host: str) -> list[str]:
    """Those of this machine's addresses that others on its networks reach a listener on `host`
    at, without a zone."""
    found = [each for each in listened_on(host, local_addresses()) if each.reach in _NEAR]
    return sorted({each.text.partition("%")[0] for each in found})
