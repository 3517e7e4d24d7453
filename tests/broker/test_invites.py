"""From an invite to an account, on a real Mosquitto: once, and for one person."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from children import run_child, start_child
from guests import comes_in, digest_of, hosted, hosted_meanwhile, invited, pinned
from limits import patience, within
from machine import free_port

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import Account, Role, add_account, remove_account
from resonance_tui.commands.broker import invite
from resonance_tui.commands.room_argument import find_destination
from resonance_tui.commands.session_builder import broker_url, with_login
from resonance_tui.config import load
from resonance_tui.errors import BrokerUnreachable, InputError, InviteRefused
from resonance_tui.hosting.accounts import issue_invites
from resonance_tui.logins import Logins
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.enrollment import enroll
from resonance_tui.protocol.links import invite_link, parse_invite
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url

pytestmark = pytest.mark.mosquitto


# --- an invite ---------------------------------------------------------------------------------


async def test_an_invite_lets_one_person_in_once(broker: RunningBroker) -> None:
    invitation = invited(broker)
    async with hosted(broker):
        await enroll(invitation, "mia", digest_of("one"))
        assert await comes_in(invitation.url, "mia", "one")
        await enroll(invitation, "mia", digest_of("one"))  # as after an answer that got lost
        with pytest.raises(InviteRefused, match="has been used") as caught:
            await enroll(invitation, "eve", digest_of("two"))
        assert caught.value.exit_code == 2
        assert not await comes_in(invitation.url, "eve", "two", within_s=0)
    text = (broker.settings.accounts / "accounts.json").read_text()
    assert invitation.ticket.secret not in text


async def test_of_many_who_hold_one_invite_one_gets_in(broker: RunningBroker) -> None:
    invitation = invited(broker)
    async with hosted(broker):
        names = [f"v{number}" for number in range(6)]
        asked = [enroll(invitation, name, digest_of(name)) for name in names]
        results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    refused = [result for result in results if result is not None]
    assert all(isinstance(each, InviteRefused) and "used" in each.message for each in refused)


async def test_an_invite_that_expired_or_nobody_made_is_told_so(broker: RunningBroker) -> None:
    late, stranger = invited(broker, span_s=0.0), invited(broker)
    forged = replace(stranger, ticket=replace(stranger.ticket, secret="a" * 29))
    async with hosted(broker):
        with pytest.raises(InviteRefused, match="has expired"):
            await enroll(late, "mia", digest_of("one"))
        with pytest.raises(InviteRefused, match="does not know that invite"):
            await enroll(forged, "mia", digest_of("one"))


async def test_while_the_host_is_away_an_invite_stays_good(broker: RunningBroker) -> None:
    invitation = invited(broker)
    broker.renew_people()
    with pytest.raises(BrokerUnreachable, match="host's program does not answer"):
        await enroll(invitation, "mia", digest_of("one"), patience_s=0.3)
    async with hosted(broker):
        await enroll(invitation, "mia", digest_of("one"))


async def test_accounts_outlive_a_crash_and_a_restart(broker, start) -> None:
    invitation, second = invited(broker), invited(broker)
    async with hosted(broker):
        await enroll(invitation, "mia", digest_of("one"))
        os.kill(broker.pid, signal.SIGKILL)
        assert await comes_in(invitation.url, "mia", "one")
        await enroll(second, "bob", digest_of("two"))  # the host is back, too
    broker.stop()
    settings = broker.settings
    again = start(accounts=settings.accounts, tls_cert=settings.tls_cert, tls_key=settings.tls_key)
    url = pinned(again)
    assert url.pin == invitation.url.pin
    assert await comes_in(url, "mia", "one") and await comes_in(url, "bob", "two")


async def test_what_is_changed_in_another_terminal_counts_within_a_moment(
    broker: RunningBroker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.hosting.host.ACCOUNTS_EVERY_S", 0.05)
    url, book = pinned(broker), AccountsStore(folder)
    account = Account("mia", digest_of("one"), Role.VIEWER, ("cats",))
    async with hosted(broker):
        book.change(lambda before: (add_account(before, account), None))
        assert await comes_in(url, "mia", "one")
        cut_off = asyncio.Event()
        login = replace(url, username="mia", password="one")
        async with broker_client(login, lambda *_: None, identifier="mia", version=5) as client:
            client._disconnected.add_done_callback(lambda _: cut_off.set())
            book.change(lambda before: (remove_account(before, "mia"), None))
            async with within(5):
                await cut_off.wait()
        assert not await comes_in(url, "mia", "one", within_s=0)


@pytest.mark.parametrize("dead_at", [0, 1])
def test_a_link_with_two_hosts_and_no_pin_brings_a_login_for_both(
    start, folder: Path, unused_port: int, dead_at: int
) -> None:
    open_to_guests = start(accounts=folder)
    alive = parse_broker_url(open_to_guests.url)
    hosts = [alive, alive]
    hosts[dead_at] = replace(alive, port=unused_port)
    (ticket,) = issue_invites(folder, "cats", 1, 60.0)
    link = invite_link(replace(hosts[0], alternates=(hosts[1],)), "cats", ticket)
    with hosted_meanwhile(open_to_guests):
        there = find_destination(load(), link)
    for host in hosts:
        login = with_login(there.config, host, "cats")
        assert login.username and asyncio.run(
            comes_in(alive, login.username, login.password or "", within_s=0)
        )


# --- as a person meets it ----------------------------------------------------------------------


CODE = """
import sys
from resonance_tui.cli import cli, run_verb
sys.exit(run_verb(cli, sys.argv[1:]))
"""


@pytest.fixture
def public_broker(tmp_path: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """`broker --guarded --tls` as its own process: the host's environment, and what it printed."""
    environment = {**os.environ, "RESONANCE_DATA_DIR": str(tmp_path / "host")}
    options = ["--guarded", "--tls", "--channel", "cats", "--invites", "1", "--quiet"]
    command = [sys.executable, "-c", CODE, "broker", "--port", str(free_port()), *options]
    process = start_child(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline().rstrip("\n") for _ in range(3)]
    yield environment, lines
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=patience(10))
    assert "Traceback" not in words


def test_a_guest_joins_with_the_link_and_later_without_it(
    public_broker: tuple[dict[str, str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    environment, lines = public_broker
    assert [line.split()[0] for line in lines] == ["url", "join", "invite"]
    link = lines[2].split()[-1]
    there = find_destination(load(), link)
    config, channel = there.config, there.channel
    url = with_login(config, broker_url(config), channel)
    assert channel == "cats"
    assert asyncio.run(comes_in(url, url.username, url.password, within_s=0))
    find_destination(load(), link)  # used, but ours
    later = load({"broker.url": lines[0].split()[1]})
    again = with_login(later, broker_url(later), "cats")
    assert (again.username, again.password, again.pin) == (url.username, url.password, url.pin)
    assert with_login(later, broker_url(later), "dogs").username is None
    said = capsys.readouterr()
    invitation = parse_invite(link)
    assert url.password not in said.out + said.err
    assert invitation.ticket.secret not in said.out + said.err
    secrets = (url.password, invitation.ticket.secret)
    host_data = Path(environment["RESONANCE_DATA_DIR"]) / "broker"
    written = [*host_data.iterdir(), *load().directories.state.rglob("*")]
    for path in filter(Path.is_file, written):
        assert not any(secret in path.read_text() for secret in secrets), path
    logins = load().directories.logins_file
    assert stat.S_IMODE(logins.stat().st_mode) == 0o600
    assert Logins(logins).all()[0].is_confirmed
    logins.unlink()
    with pytest.raises(InviteRefused, match="has been used"):
        find_destination(load(), link)
    assert Logins(logins).all() == []
    _more_people(environment, invitation.url)


def _more_people(environment: dict[str, str], url: BrokerUrl) -> None:
    """What the host does in another terminal."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CODE, "broker", *arguments]
        return run_child(command, env=environment, capture_output=True, text=True, timeout=30)

    commands = run("invite", "cats", "--count", "2").stdout.splitlines()
    made = [command.removeprefix("resonance-tui join ") for command in commands]
    tickets = {parse_invite(link).ticket for link in made}
    assert len(tickets) == 2
    assert {parse_invite(link).url for link in made} == {url}
    added = run("users", "add", "agg-1", "--role", "aggregator").stdout
    password = added.split("password  ")[1].split()[0]
    assert f"aggregate CHANNEL --broker 'mqtts://agg-1@{url.authority}?pin={url.pin}'" in added
    assert added.count(password) == 1
    assert asyncio.run(comes_in(url, "agg-1", password))
    assert "agg-1" in [row.split()[0] for row in run("users", "list").stdout.splitlines()]
    assert run("users", "add", "agg-1", "--role", "aggregator").returncode == 2
    assert '"role": "aggregator"' in run("users", "list", "--json").stdout
    assert run("--public", "users", "list").returncode == 2
    assert run("users", "remove", "agg-1").returncode == 0
    assert run("users", "remove", "agg-1").returncode == 2
    mistyped = run_child(
        [sys.executable, "-c", CODE, "join", made[0][:-1] + "1", "--headless", "--camera", "none"],
        **{"capture_output": True, "text": True, "timeout": 30, "env": environment},
    )
    assert mistyped.returncode == 2
    assert mistyped.stderr.count("error:") == 1 and "mistyped" in mistyped.stderr


def test_before_any_broker_ran_there_is_no_address_to_invite_to(folder: Path) -> None:
    with pytest.raises(InputError, match="No broker with accounts has run here yet"):
        invite.run(folder, "cats", count=1, expires="24h")


def test_what_was_cut_short_before_the_answer_came_is_taken_up_again(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = invited(broker)
    link = invite_link(invitation.url, "cats", invitation.ticket)
    logins = Logins(load().directories.logins_file)

    async def cut_short(*asked, **more) -> None:
        await enroll(*asked, **more)
        raise KeyboardInterrupt  # the host has said yes, and nobody heard it

    with hosted_meanwhile(broker):
        with monkeypatch.context() as patch:
            patch.setattr("resonance_tui.messaging.enrollment.enroll", cut_short)
            with pytest.raises(KeyboardInterrupt):
                find_destination(load(), link)
        (login,) = logins.all()
        assert not login.is_confirmed
        assert logins.find(invitation.url.place, "cats") is None
        find_destination(load(), link)
    assert logins.all() == [replace(login, is_confirmed=True)]
    assert asyncio.run(comes_in(invitation.url, login.user, login.password))
