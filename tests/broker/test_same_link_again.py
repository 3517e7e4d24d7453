"""A link whose token was redeemed before, and that leads to another certificate or address now."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from guests import hosted, pinned
from machine import free_port
from test_key_pins import renewed

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.certificate import fingerprint, own_certificate
from resonance_tui.commands.redeem_invite import redeem
from resonance_tui.commands.session_builder import with_login
from resonance_tui.config import Config, load
from resonance_tui.errors import BrokerUnreachable, InviteRefused
from resonance_tui.hosting.room_links import LinkPlan, make_link
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.protocol.urls import BrokerUrl, Invite

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path / "guest"))
    return load()


def shared(broker: RunningBroker, folder: Path, most: int = 5) -> Invite:
    plan = LinkPlan(most, time.time() + 60.0)
    return Invite(pinned(broker), "cats", make_link(folder, "cats", plan, time.time()).token)


def logins_of(config: Config) -> list[SavedLogin]:
    return Logins(config.directories.logins_file).all()


def user_at(config: Config, url: BrokerUrl) -> str | None:
    return with_login(config, url, "cats").username


async def redeemed(config: Config, invitation: Invite) -> bool:
    return await redeem(config, invitation, lambda _: None)


async def test_the_same_link_a_second_time_takes_no_second_place(
    broker: RunningBroker, folder: Path, config: Config
) -> None:
    link = shared(broker, folder)
    async with hosted(broker):
        assert await redeemed(config, link)
        assert not await redeemed(config, link)
    assert len(AccountsStore(folder).load().accounts) == 1


async def test_a_link_by_the_key_finds_the_login_by_the_whole_certificate(
    broker: RunningBroker, folder: Path, config: Config
) -> None:
    link, cert = shared(broker, folder), broker.settings.tls_cert
    assert cert is not None
    async with hosted(broker):
        await redeemed(config, replace(link, url=replace(link.url, pin=fingerprint(cert))))
        assert not await redeemed(config, link)
    assert len(AccountsStore(folder).load().accounts) == 1


@pytest.mark.parametrize("is_same_key", [True, False])
async def test_where_the_host_has_another_certificate_its_link_lets_one_in_again(
    start, broker: RunningBroker, folder: Path, config: Config, is_same_key: bool
) -> None:
    link, settings = shared(broker, folder), broker.settings
    cert, key = settings.tls_cert, settings.tls_key
    assert cert is not None and key is not None
    pin = fingerprint(cert) if is_same_key else link.url.pin  # as a program of 0.1 knew it
    async with hosted(broker):
        await redeemed(config, replace(link, url=replace(link.url, pin=pin)))
    (first,) = logins_of(config)
    broker.stop()
    if is_same_key:
        cert = renewed(cert, key)
    else:
        cert, key = own_certificate(folder / "other", ["127.0.0.1"])
    again = start(accounts=folder, tls_cert=cert, tls_key=key, port=settings.port)
    link = replace(link, url=pinned(again))
    async with hosted(again):
        assert await redeemed(config, link)
        assert not await redeemed(config, link)
    (second,) = logins_of(config)
    assert second.pin == link.url.pin
    assert (second.user, second.password) != (first.user, first.password)
    assert user_at(config, link.url) == second.user


async def test_a_link_to_somebody_else_with_our_token_costs_nothing_and_learns_nothing(
    start, broker: RunningBroker, folder: Path, tmp_path: Path, config: Config
) -> None:
    """Whoever holds a room's link can make another of its token."""
    link, elsewhere = shared(broker, folder), tmp_path / "stranger"
    cert, key = own_certificate(elsewhere, ["127.0.0.1"])
    stranger = start(accounts=elsewhere, tls_cert=cert, tls_key=key)
    dead = replace(link.url, port=free_port(), pin="ab" * 16)
    async with hosted(broker):
        await redeemed(config, link)
    before = logins_of(config)
    for url, trouble in ((pinned(stranger), InviteRefused), (dead, BrokerUnreachable)):
        with pytest.raises(trouble):
            await redeemed(config, replace(link, url=url))
        assert logins_of(config) == before
        assert user_at(config, url) is None
    assert user_at(config, link.url) == before[0].user


async def test_what_was_cut_short_elsewhere_is_not_gone_on_with_here(
    broker: RunningBroker, folder: Path, config: Config
) -> None:
    link = shared(broker, folder)
    dead = replace(link, url=replace(link.url, port=free_port()))
    with pytest.raises(BrokerUnreachable):
        await redeemed(config, dead)
    (cut_short,) = logins_of(config)
    async with hosted(broker):
        assert await redeemed(config, link)
    (login,) = logins_of(config)
    assert login.password != cut_short.password
    assert login.broker == link.url.place and user_at(config, link.url) == login.user
