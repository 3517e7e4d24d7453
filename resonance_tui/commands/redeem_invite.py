"""Redeeming an invite: an account is requested once, and its login kept for later."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from dataclasses import replace

from resonance_tui.commands.console import say
from resonance_tui.commands.event_loop import run_loop
from resonance_tui.commands.session_builder import broker_url
from resonance_tui.config import Config, with_setting
from resonance_tui.errors import BrokerRefused, InviteRefused
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.messaging.tls import brief
from resonance_tui.protocol.links import parse_invite
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, Invite

KNOWN_RETRY_S, KNOWN_TRIES = 0.3, 10  # until the broker knows the account that the host has made


def accept_invite(config: Config, invite: str) -> tuple[Config, str]:
    """The settings for the invite's broker, and its channel.

    The login in the settings goes to the broker it was made for and to no other, nor to one with
    another certificate. A token is redeemed for an account, unless that was done before.

    Raises InvalidBrokerUrl, InvalidChannel, InviteRefused, BrokerError, StoreError.
    """
    invitation = parse_invite(invite)
    url = invitation.url
    if invitation.ticket is not None:
        _redeem_once(config, invitation)
    own = broker_url(config)
    if own is not None and own.place == url.place and url.pin in (None, own.pin):
        return config, invitation.channel
    there = with_setting(config, "broker", url=url.spelled_out, user="", password="")
    return there, invitation.channel


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
    if before and url.pin and before != url.pin:
        change = f"{brief(before)}... is now {brief(url.pin)}..."
        say(f"By this invite {url.authority} has a new certificate: {change}")


async def _request_account(invitation: Invite, logins: Logins, login: SavedLogin) -> None:
    from resonance_broker.passwords import hash_password
    from resonance_tui.messaging.enrollment import enroll

    salt = hashlib.sha256(login.user.encode()).digest()[:12]  # the same whenever we ask again
    try:
        await enroll(invitation, login.user, hash_password(login.password, salt))
    except InviteRefused:
        await asyncio.to_thread(logins.forget, login)
        raise
    await asyncio.to_thread(logins.keep, replace(login, is_confirmed=True))
    await _wait_until_known(invitation.url, login)


async def _wait_until_known(url: BrokerUrl, login: SavedLogin) -> None:
    """The broker takes a moment to learn of the account that the host has made."""
    from resonance_tui.messaging.client import broker_client
    from resonance_tui.messaging.probe import negotiate_version

    url = replace(url, username=login.user, password=login.password)
    version = await negotiate_version(url)
    for _ in range(KNOWN_TRIES):
        with contextlib.suppress(BrokerRefused):
            identifier = f"rsn-{new_viewer_id()}"
            async with broker_client(
                url, lambda topic, payload: None, identifier=identifier, version=version
            ):
                return
        await asyncio.sleep(KNOWN_RETRY_S)
