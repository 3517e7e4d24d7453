"""What a host sends on to others: the broker's address, how to join, invites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resonance_broker import BrokerSettings
from resonance_tui.protocol.urls import BrokerUrl, InviteToken, invite_link


def share_lines(
    settings: BrokerSettings,
    url: BrokerUrl,
    rooms: Sequence[str],
    tokens: Mapping[str, Sequence[InviteToken]] | None = None,
) -> list[tuple[str, str]]:
    """The address, and for each room how to join it and invites to send on.

    Without rooms CHANNEL stands for the name; where accounts are asked for, NAME and
    PASSWORD stand for what each viewer was given. No line ever holds a password; only an
    invite that comes with a token holds a secret.
    """
    typed = f"'{url.spelled_out}'" if url.pin else url.spelled_out
    secret, login = "", typed
    if settings.asks_for_names:  # a password typed as an argument would be seen by everyone here
        secret, login = "RESONANCE_BROKER_PASSWORD=PASSWORD ", typed.replace("://", "://NAME@")
    lines = [("url", url.place)]
    for room in rooms or ("CHANNEL",):
        lines.append(("join", f"{secret}resonance-tui join {room} --broker {login}"))
        given = (tokens or {}).get(room, ()) if settings.asks_for_names else (None,)
        lines += [("invite", invite_link(url, room, token)) for token in given]
    return lines
