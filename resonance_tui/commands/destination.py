"""Which broker a room is met at, and with which login: by a link, by memory, by the settings."""

from __future__ import annotations

from resonance_tui.commands.session_builder import broker_url
from resonance_tui.config import Config, with_setting
from resonance_tui.protocol.urls import BrokerUrl


def settings_for(config: Config, url: BrokerUrl) -> Config:
    """The settings for the broker that a link or an address names. The login in the settings goes
    to the broker that it was made for and to no other, nor to one with another certificate; a
    login in the address goes before it."""
    own = broker_url(config)
    is_own = own is not None and own.place == url.place and url.pin in (None, own.pin)
    if is_own and url.username is None:
        return config
    user, password = url.username or "", url.password or ""
    return with_setting(config, "broker", url=url.spelled_out, user=user, password=password)
