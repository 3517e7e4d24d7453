"""Redeeming an invite: an account is requested once, and its login kept for later."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace

from resonance_tui.commands.console import say
from resonance_tui.commands.destination import settings_for
from resonance_tui.commands.event_loop import run_loop
from resonance_tui.commands.session_builder import with_files, with_login
from resonance_tui.config import Config
from resonance_tui.errors import BrokerError, BrokerRefused, CertificateChanged, InviteRefused
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.messaging.tls import brief
from resonance_tui.profile import Profile
from resonance_tui.protocol.topics import new_viewer_id
from resonance_tui.protocol.urls import BrokerUrl, Invite
from resonance_tui.texts import mark, tr

KNOWN_RETRY_S, KNOWN_TRIES = 0.3, 10  # until the broker knows the account that the host has made

Say = Callable[[str], object]


def redeem_now(config: Config, invitation: Invite) -> None:
    """`redeem` in a loop of its own, saying on stderr how it goes.

    Raises InviteRefused, BrokerError, StoreError.
    """
    if invitation.ticket and run_loop(config, lambda: redeem(config, invitation, say)):
        again = f"resonance-tui join {invitation.channel}"
        say(f"You are in. The next time: {again}")


async def redeem(config: Config, invitation: Invite, say: Say) -> bool:
    """Redeem the token, unless that was done before; `say` takes what is being done. Whether there
    is an account that was not there before.

    The login is stored before it is sent, so that a call that was cut short goes on with the same
    one. A link to another certificate than the login was made under brings another account: the
    password of the first one is not told to whoever made that link. Raises InviteRefused,
    BrokerError, StoreError.
    """
    token = invitation.ticket
    if token is None:
        return False
    there = with_files(settings_for(config, invitation.url), invitation.url)
    invitation = replace(invitation, url=there)
    logins = Logins(config.directories.logins_file)
    login = logins.of_invite(token.id)
    if login is None or not login.is_confirmed:
        is_same = login is not None and _is_made_for(login, invitation.url)
        await _redeem(config, invitation, login if is_same else None, say)
        return True
    if await _is_good_there(config, invitation):
        return False
    logins.keep(replace(login, invite=""))
    try:
        await _redeem(config, invitation, None, say)
    except BaseException:
        logins.keep(login)
        raise
    return True


def _is_made_for(login: SavedLogin, url: BrokerUrl) -> bool:
    """Whether the login was made for exactly that broker, and not by another link of its token."""
    return (login.broker, login.pin) == (url.place, url.pin or "")


async def _is_good_there(config: Config, invitation: Invite) -> bool:
    """Whether the login that we have is told to the link's broker, and that one still shows the
    certificate that it was made under. Where it does not answer, joining tells."""
    from resonance_tui.messaging.probe import negotiate_version

    url = invitation.url
    known = with_login(config, url, invitation.channel)
    ways = zip((known, *known.alternates), (url, *url.alternates), strict=True)
    told = [(mine, asked) for mine, asked in ways if mine.username is not None]
    for mine, asked in told:
        if asked.pin in (None, mine.pin):
            return True
        try:
            await negotiate_version(replace(mine, username=None, password=None, alternates=()))
        except CertificateChanged:
            continue
        except BrokerError:
            return True
        return True
    return False


async def _redeem(config: Config, invitation: Invite, login: SavedLogin | None, say: Say) -> None:
    """`login`: from a call that was cut short. Raises as `redeem`."""
    assert invitation.ticket is not None
    logins = Logins(config.directories.logins_file)
    url, token = invitation.url, invitation.ticket
    if login is None:
        password = secrets.token_urlsafe(24)
        pin = url.pin or ""
        also_at = tuple(each.place for each in url.alternates if each.pin == url.pin)
        login = SavedLogin(
            *(url.place, invitation.channel, new_viewer_id(), password, pin, token.id),
            also_at=also_at,
        )
        logins.keep(login)
    _say_new_certificate(logins, url, say)
    asking = mark("Asking {broker} for an account in {channel} ...")
    say(tr(asking, broker=url.authority, channel=invitation.channel))
    await _request_account(config, invitation, login, say)


def _say_new_certificate(logins: Logins, url: BrokerUrl, say: Say) -> None:
    before = logins.pin_for(url.place)
    if before and url.pin and len(before) == len(url.pin) and before != url.pin:
        words = mark("By this invite {broker} has a new certificate: {old}... is now {new}...")
        say(tr(words, broker=url.authority, old=brief(before), new=brief(url.pin)))


async def _request_account(config: Config, invitation: Invite, login: SavedLogin, say: Say) -> None:
    from resonance_broker.passwords import hash_password
    from resonance_tui.messaging.enrollment import enroll

    logins = Logins(config.directories.logins_file)
    salt = hashlib.sha256(login.user.encode()).digest()[:12]  # the same whenever we ask again
    try:
        await enroll(invitation, login.user, hash_password(login.password, salt), say=say)
    except InviteRefused:
        await asyncio.to_thread(logins.forget, login)
        raise
    confirmed = replace(login, is_confirmed=True)
    await asyncio.to_thread(logins.keep, confirmed)
    if not await is_known_in(invitation, login):
        await asyncio.to_thread(logins.forget, confirmed)
        raise InviteRefused(
            mark(
                "That link lets one in elsewhere, and not into {channel}",
                channel=invitation.channel,
            ),
            mark("Ask the host for a link to this room"),
        )
    profile = Profile(config.directories.profile_file)
    await asyncio.to_thread(profile.remember_room, invitation.channel, removed_from="")


async def is_known_in(invitation: Invite, login: SavedLogin) -> bool:
    """Waits until the broker has learned of the account that the host has made; whether it may
    report in the invite's room. A broker without MQTT 5 does not tell."""
    from aiomqtt import MqttError

    from resonance_tui.messaging.client import broker_client, ignore
    from resonance_tui.messaging.probe import first_alive, negotiate_version
    from resonance_tui.protocol.messages import NICKNAME

    alive = await first_alive((invitation.url, *invitation.url.alternates))
    url = replace(alive, username=login.user, password=login.password)
    version = await negotiate_version(url)
    own_topic = NICKNAME.topic.of(invitation.channel, login.user)
    was_let_in = False
    for _ in range(KNOWN_TRIES):
        with contextlib.suppress(BrokerRefused, MqttError):
            identifier = f"rsn-{new_viewer_id()}"
            async with broker_client(url, ignore, identifier=identifier, version=version) as client:
                was_let_in = True
                if version < 5 or await client.may_write(own_topic):
                    return True
        await asyncio.sleep(KNOWN_RETRY_S)
    return not was_let_in  # then it may still learn of it: joining tells
