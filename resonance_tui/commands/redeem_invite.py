"""Redeeming an invite: an account is requested once, and its login kept for later."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from dataclasses import dataclass, replace

from resonance_tui.commands.console import note, say
from resonance_tui.commands.event_loop import run_loop
from resonance_tui.commands.session_builder import broker_url
from resonance_tui.config import Config, with_setting
from resonance_tui.errors import BrokerRefused, InviteRefused
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.messaging.tls import brief
from resonance_tui.protocol.links import find_place, parse_invite, repair
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, Invite

KNOWN_RETRY_S, KNOWN_TRIES = 0.3, 10  # until the broker knows the account that the host has made


@dataclass(frozen=True, slots=True)
class Destination:
    """A room, and the settings that lead to its broker."""

    config: Config
    channel: str
    host_print: str | None = None  # of the room's host key, where a link told it


def find_destination(config: Config, text: str, *, redeems: bool = True) -> Destination:
    """Where a command's argument leads: a channel at the broker of the settings, or what a link
    or `mqtt://host/channel` says. `redeems`: a link's token is turned into an account.

    Raises InvalidBrokerUrl, InvalidChannel, InviteRefused, BrokerError, StoreError.
    """
    place = find_place(text)
    if isinstance(place, str):
        return Destination(config, place)
    if not place.is_checked:
        note("that link has no check sum: if this is not the room you expect, it was cut short.")
    if not redeems:
        return Destination(_settings_for(config, place.url), place.channel, place.host_print)
    there, channel = accept_invite(config, place)
    return Destination(there, channel, place.host_print)


def accept_invite(config: Config, invite: str | Invite) -> tuple[Config, str]:
    """The settings for the invite's broker, and its channel. `invite`: a link, or what it says.

    A token is redeemed for an account, unless that was done before. Raises InvalidBrokerUrl,
    InvalidChannel, InviteRefused, BrokerError, StoreError.
    """
    invitation = parse_invite(repair(invite)) if isinstance(invite, str) else invite
    if invitation.ticket is not None:
        _redeem_once(config, invitation)
    return _settings_for(config, invitation.url), invitation.channel


def _settings_for(config: Config, url: BrokerUrl) -> Config:
    """The login in the settings goes to the broker it was made for and to no other, nor to one
    with another certificate."""
    own = broker_url(config)
    is_own = own is not None and own.place == url.place and url.pin in (None, own.pin)
    if is_own and url.username is None:
        return config
    user, password = url.username or "", url.password or ""
    return with_setting(config, "broker", url=url.spelled_out, user=user, password=password)


def _redeem_once(config: Config, invitation: Invite) -> None:
    """Redeem the token. The login is stored before it is sent, so that a call that
    was cut short goes on with the same one."""
    assert invitation.ticket is not None
    logins = Logins(config.directories.logins_file)
    url, token = invitation.url, invitation.ticket
    login = logins.of_invite(token.id)
    if login is not None and login.is_confirmed:
        return
    if login is None:
        password = secrets.token_urlsafe(24)
        pin = url.pin or ""
        login = SavedLogin(url.place, invitation.channel, new_viewer_id(), password, pin, token.id)
        logins.keep(login)
    _say_new_certificate(logins, url)
    say(f"Asking {url.authority} for an account in {invitation.channel} ...")
    run_loop(config, lambda: _request_account(invitation, logins, login))
    again = f"resonance-tui join {invitation.channel} --broker {url.place}"
    say(f"You are in. The next time: {again}")


def _say_new_certificate(logins: Logins, url: BrokerUrl) -> None:
    before = logins.pin_for(url.place)
    if before and url.pin and len(before) == len(url.pin) and before != url.pin:
        change = f"{brief(before)}... is now {brief(url.pin)}..."
        say(f"By this invite {url.authority} has a new certificate: {change}")


async def _request_account(invitation: Invite, logins: Logins, login: SavedLogin) -> None:
    from resonance_broker.passwords import hash_password
    from resonance_tui.messaging.enrollment import enroll

    salt = hashlib.sha256(login.user.encode()).digest()[:12]  # the same whenever we ask again
    try:
        await enroll(invitation, login.user, hash_password(login.password, salt), say=say)
    except InviteRefused:
        await asyncio.to_thread(logins.forget, login)
        raise
    confirmed = replace(login, is_confirmed=True)
    await asyncio.to_thread(logins.keep, confirmed)
    if not await _is_known_in(invitation, login):
        await asyncio.to_thread(logins.forget, confirmed)
        raise InviteRefused(
            f"That link lets one in elsewhere, and not into {invitation.channel}",
            "Ask the host for a link to this room",
        )


async def _is_known_in(invitation: Invite, login: SavedLogin) -> bool:
    """Waits until the broker has learned of the account that the host has made; whether it may
    report in the invite's room. A broker without MQTT 5 does not tell."""
    from aiomqtt import MqttError

    from resonance_tui.messaging.client import broker_client
    from resonance_tui.messaging.probe import negotiate_version
    from resonance_tui.protocol.messages import NICKNAME

    url = replace(invitation.url, username=login.user, password=login.password)
    version = await negotiate_version(url)
    own_topic = NICKNAME.topic.of(invitation.channel, login.user)
    was_let_in = False
    for _ in range(KNOWN_TRIES):
        with contextlib.suppress(BrokerRefused, MqttError):
            identifier = f"rsn-{new_viewer_id()}"
            async with broker_client(
                url, lambda topic, payload: None, identifier=identifier, version=version
            ) as client:
                was_let_in = True
                if version < 5 or await client.may_write(own_topic):
                    return True
        await asyncio.sleep(KNOWN_RETRY_S)
    return not was_let_in  # then it may still learn of it: joining tells
