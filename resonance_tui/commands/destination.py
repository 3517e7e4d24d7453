"""Which broker a room is met at, and with which login: by a link, by memory, by the settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from resonance_tui.commands.session_builder import broker_url
from resonance_tui.config import DEFAULT_BROKER_URL, Config, with_setting
from resonance_tui.errors import InvalidBrokerUrl
from resonance_tui.hosting.running import RunningHost, all_running, running_with
from resonance_tui.logins import Logins
from resonance_tui.profile import Profile, RoomMemory
from resonance_tui.protocol.urls import BrokerUrl, Invite, parse_broker_url
from resonance_tui.texts import mark, tr

LAST_AT = mark("{channel} was last at {broker}; --broker says otherwise.")
HOSTED_HERE = mark("{channel} is hosted on this machine, at {broker}; --broker says otherwise.")
UNCHECKED = mark(
    "That link has no check sum: if this is not the room you expect, it was cut short."
)


@dataclass(frozen=True, slots=True)
class Destination:
    """A room, and the settings that lead to its broker."""

    config: Config
    channel: str
    host_print: str | None = None  # of the room's host key, where a link told it
    remark: str = ""  # on how the broker was found


def destination_of(config: Config, place: Invite | str) -> Destination:
    """Where a (redeemed) link says; else where the settings say; else at the broker that runs here
    for that room; else where the room was last."""
    if isinstance(place, Invite):
        remark = "" if place.is_checked else tr(UNCHECKED)
        there = settings_for(config, place.url)
        return Destination(there, place.channel, place.host_print, remark)
    if config.origins["broker.url"] != "default":
        return Destination(config, place)
    here = own_broker(config, place)
    if here is not None:
        remark = tr(HOSTED_HERE, channel=place, broker=here.login.place)
        url = replace(here.login, username=None, password=None)  # the host's own is for its program
        return Destination(settings_for(config, url), place, remark=remark)
    room = Profile(config.directories.profile_file).room(place)
    broker = shown_broker(room)
    remark = tr(LAST_AT, channel=place, broker=broker) if broker else ""
    return Destination(settings_as_it_was(config, room), place, remark=remark)


def own_broker(config: Config, channel: str) -> RunningHost | None:
    """The broker that runs here for that room; None where the settings name another one, and for
    the one at the usual address, where one goes anyway. One with accounts that announces no rooms
    has those that were never met elsewhere."""
    if config.origins["broker.url"] != "default":
        return None
    folder = config.directories.broker_folder
    here = running_with(folder, channel)
    if here is None and not Profile(config.directories.profile_file).room(channel).broker:
        silent = (each for each in all_running(folder) if not each.channels)
        here = next((each for each in silent if each.login.username is not None), None)
    return None if here is None or _is_usual(here.login) else here


def settings_for(config: Config, url: BrokerUrl) -> Config:
    """The settings for the broker that a link or an address names. The login in the settings goes
    to the broker that it was made for and to no other, nor to one with another certificate; a
    login in the address goes before it. The certificate of the settings, which tells who we are,
    is shown there alone, too, unless a flag names it or the settings name no broker."""
    own = broker_url(config)
    is_own = own is not None and own.place == url.place and url.pin in (None, own.pin)
    if is_own and url.username is None:
        return config
    user, password = url.username or "", url.password or ""
    is_free = is_own or own is None or config.origins["broker.cert"] == "flag"
    shown = {} if is_free else {"cert": "", "key": "", "key_password": ""}
    return with_setting(
        config, "broker", url=url.spelled_out, user=user, password=password, **shown
    )


def settings_as_it_was(config: Config, room: RoomMemory) -> Config:
    """The settings for the broker that the room was last at; unchanged for this machine's own.

    A password in the settings goes there only where one had to log in by name.
    """
    url = remembered_broker(room)
    if url is None:
        return config
    if Logins(config.directories.logins_file).pin_for(url.place):
        url = replace(url, pin=None)  # the newest login knows the certificate better
    login = {} if url.username else {"user": "", "password": ""}
    return with_setting(config, "broker", url=url.spelled_out, **login)


def _is_usual(url: BrokerUrl) -> bool:
    """Whether it is where one goes anyway, and where a broker is started if there is none."""
    usual = parse_broker_url(DEFAULT_BROKER_URL)
    return url.is_loopback and replace(url, host=usual.host) == usual


def shown_broker(room: RoomMemory) -> str:
    """The broker of a room, safe to show; "" for this machine's own."""
    url = remembered_broker(room)
    return url.place if url is not None else ""


def to_remember(broker: BrokerUrl | None) -> str:
    """As `RoomMemory.broker` has it. The default address is this machine's own broker, which is
    started where there is none."""
    if broker is None or broker.spelled_out == parse_broker_url(DEFAULT_BROKER_URL).spelled_out:
        return ""
    return broker.spelled_out


def remembered_broker(room: RoomMemory) -> BrokerUrl | None:
    """The broker that the room was last at; None for this machine's own."""
    try:
        return parse_broker_url(room.broker) if room.broker else None
    except InvalidBrokerUrl:  # of a newer program, or damaged
        return None
