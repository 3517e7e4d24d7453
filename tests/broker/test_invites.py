"""From an invite to an account, on a real Mosquitto: once, for one person, behind a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker import BookFile, RunningBroker
from broker.accounts import Account, Role, add_account, remove_account
from broker.certificate import fingerprint, is_self_signed, own_certificate
from broker.passwords import hash_password
from broker.preflight import free_port
from resonance_tui.config import load
from resonance_tui.errors import (
    BrokerRefused,
    BrokerUnreachable,
    CertificateChanged,
    InputError,
    InvalidBrokerUrl,
    InviteRefused,
)
from resonance_tui.logins import Logins
from resonance_tui.messaging import wire
from resonance_tui.messaging.address import (
    BrokerUrl,
    Invitation,
    invite_link,
    parse_broker_url,
    parse_invite,
)
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.crowd import find_route
from resonance_tui.messaging.door import redeem
from resonance_tui.messaging.hosting import Hosting, RoomHost
from resonance_tui.messaging.knock import newest_version
from resonance_tui.verbs import broker_people
from resonance_tui.verbs.broker_host import Host
from resonance_tui.verbs.invited import accept_invite
from resonance_tui.verbs.planning import broker_url, with_login

pytestmark = pytest.mark.mosquitto


def digest_of(password: str) -> str:
    return hash_password(password, b"twelve bytes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "broker"


@pytest.fixture
def broker(start, folder: Path) -> RunningBroker:
    """Guarded, with a certificate of its own."""
    cert, key = own_certificate(folder, ["127.0.0.1"])
    return start(accounts=folder, tls_cert=cert, tls_key=key)


def pinned(broker: RunningBroker) -> BrokerUrl:
    assert broker.settings.tls_cert is not None
    url = parse_broker_url(broker.url)
    return replace(url, pin=fingerprint(broker.settings.tls_cert))


def invited(broker: RunningBroker, channel: str = "cats", span_s: float = 60.0) -> Invitation:
    assert broker.settings.accounts is not None
    (ticket,) = broker_people.issue(broker.settings.accounts, channel, 1, span_s)
    return Invitation(pinned(broker), channel, ticket)


@contextlib.asynccontextmanager
async def hosted(broker: RunningBroker, said: list[str] | None = None) -> AsyncIterator[None]:
    """The host's program at its broker."""
    say = [].append if said is None else said.append
    host = Host(broker, [], [], lambda *_: None, forget=lambda: None, say=say)
    broker.renew_people()  # guests need not wait for the host to look by itself
    run = asyncio.create_task(host.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.wait([run])


async def comes_in(url: BrokerUrl, name: str, password: str, within_s: float = 5.0) -> bool:
    ends = time.monotonic() + within_s
    while True:
        try:
            login = replace(url, username=name, password=password)
            async with broker_client(login, lambda *_: None, identifier=f"x-{name}", version=5):
                return True
        except (BrokerRefused, BrokerUnreachable):
            if time.monotonic() > ends:
                return False
            await asyncio.sleep(0.05)


# --- an invite ---------------------------------------------------------------------------------


async def test_an_invite_lets_one_person_in_once(broker: RunningBroker) -> None:
    invitation = invited(broker)
    async with hosted(broker):
        await redeem(invitation, "mia", digest_of("one"))
        assert await comes_in(invitation.url, "mia", "one")
        await redeem(invitation, "mia", digest_of("one"))  # as after an answer that got lost
        with pytest.raises(InviteRefused, match="has been used") as caught:
            await redeem(invitation, "eve", digest_of("two"))
        assert caught.value.exit_code == 2
        assert not await comes_in(invitation.url, "eve", "two", within_s=0)
    text = (broker.settings.accounts / "accounts.json").read_text()
    assert invitation.ticket.secret not in text


async def test_of_many_who_hold_one_invite_one_gets_in(broker: RunningBroker) -> None:
    invitation = invited(broker)
    async with hosted(broker):
        names = [f"v{number}" for number in range(6)]
        asked = [redeem(invitation, name, digest_of(name)) for name in names]
        results = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(result is None for result in results) == 1
    refused = [result for result in results if result is not None]
    assert all(isinstance(each, InviteRefused) and "used" in each.message for each in refused)


async def test_an_invite_that_expired_or_nobody_made_is_told_so(broker: RunningBroker) -> None:
    late, stranger = invited(broker, span_s=0.0), invited(broker)
    forged = replace(stranger, ticket=replace(stranger.ticket, secret="a" * 29))
    async with hosted(broker):
        with pytest.raises(InviteRefused, match="has expired"):
            await redeem(late, "mia", digest_of("one"))
        with pytest.raises(InviteRefused, match="does not know that invite"):
            await redeem(forged, "mia", digest_of("one"))


async def test_while_the_host_is_away_an_invite_stays_good(broker: RunningBroker) -> None:
    invitation = invited(broker)
    broker.renew_people()
    with pytest.raises(BrokerUnreachable, match="host's program does not answer"):
        await redeem(invitation, "mia", digest_of("one"), patience_s=0.3)
    async with hosted(broker):
        await redeem(invitation, "mia", digest_of("one"))


async def test_accounts_outlive_a_crash_and_a_restart(broker, start) -> None:
    invitation, second = invited(broker), invited(broker)
    async with hosted(broker):
        await redeem(invitation, "mia", digest_of("one"))
        os.kill(broker.pid, signal.SIGKILL)
        assert await comes_in(invitation.url, "mia", "one")
        await redeem(second, "bob", digest_of("two"))  # the host is back, too
    broker.stop()
    settings = broker.settings
    again = start(accounts=settings.accounts, tls_cert=settings.tls_cert, tls_key=settings.tls_key)
    url = pinned(again)
    assert url.pin == invitation.url.pin
    assert await comes_in(url, "mia", "one") and await comes_in(url, "bob", "two")


async def test_what_is_changed_in_another_terminal_counts_within_a_moment(
    broker: RunningBroker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.verbs.broker_host.LOOK_S", 0.05)
    url, book = pinned(broker), BookFile(folder)
    account = Account("mia", digest_of("one"), Role.VIEWER, ("cats",))
    async with hosted(broker):
        book.change(lambda before: (add_account(before, account), None))
        assert await comes_in(url, "mia", "one")
        cut_off = asyncio.Event()
        login = replace(url, username="mia", password="one")
        async with broker_client(login, lambda *_: None, identifier="mia", version=5) as client:
            client._disconnected.add_done_callback(lambda _: cut_off.set())
            book.change(lambda before: (remove_account(before, "mia"), None))
            async with asyncio.timeout(5):
                await cut_off.wait()
        assert not await comes_in(url, "mia", "one", within_s=0)


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
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [process.stdout.readline().rstrip("\n") for _ in range(3)]
    yield environment, lines
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=10)
    assert "Traceback" not in words


def test_a_guest_joins_with_the_link_and_later_without_it(
    public_broker: tuple[dict[str, str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    environment, lines = public_broker
    assert [line.split()[0] for line in lines] == ["url", "join", "invite"]
    link = lines[2].split()[1]
    config, channel = accept_invite(load(), link)
    url = with_login(config, broker_url(config), channel)
    assert channel == "cats"
    assert asyncio.run(comes_in(url, url.username, url.password, within_s=0))
    accept_invite(load(), link)  # used, but ours
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
        accept_invite(load(), link)
    assert Logins(logins).all() == []
    _more_people(environment, invitation.url)


def _more_people(environment: dict[str, str], url: BrokerUrl) -> None:
    """What the host does in another terminal."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CODE, "broker", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)

    made = run("invite", "cats", "--count", "2").stdout.split()
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
    mistyped = subprocess.run(
        [sys.executable, "-c", CODE, "join", made[0][:-1] + "1", "--headless", "--camera", "none"],
        **{"capture_output": True, "text": True, "timeout": 30, "env": environment},
    )
    assert mistyped.returncode == 2
    assert mistyped.stderr.count("error:") == 1 and "mistyped" in mistyped.stderr


def test_before_any_broker_ran_there_is_no_address_to_invite_to(folder: Path) -> None:
    with pytest.raises(InputError, match="No broker with accounts has run here yet"):
        broker_people.invite(folder, "cats", count=1, expires="24h")


# --- the certificate ---------------------------------------------------------------------------


def test_the_certificate_is_made_once_and_its_key_is_private(folder: Path) -> None:
    cert, key = own_certificate(folder, ["192.0.2.1", "example.org", "::1"])
    before = fingerprint(cert)
    assert own_certificate(folder, ["elsewhere.example"]) == (cert, key)
    assert fingerprint(cert) == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert is_self_signed(cert)
    text = subprocess.run(
        ["openssl", "x509", "-in", str(cert), "-noout", "-text"],
        **{"capture_output": True, "text": True, "check": True, "timeout": 20},
    ).stdout
    for part in ("prime256v1", "IP Address:192.0.2.1", "DNS:example.org"):
        assert part in text
    key.unlink()
    with pytest.raises(Exception, match=r"key\.pem beside it is not"):
        own_certificate(folder, [])


async def test_a_changed_certificate_is_refused_before_a_word_is_said(
    broker: RunningBroker,
) -> None:
    url = replace(pinned(broker), pin="ab" * 32, username="mia", password="hunter2")
    seen = pinned(broker).pin
    attempts = [
        lambda: newest_version(url),
        lambda: redeem(replace(invited(broker), url=url), "mia", digest_of("one")),
        lambda: _connect(url),
    ]
    for attempt in attempts:
        with pytest.raises(CertificateChanged, match="ab:ab:ab:ab") as caught:
            await attempt()
        assert ":".join([seen[0:2], seen[2:4]]) in caught.value.message
        assert "new invite" in caught.value.hint
        assert "hunter2" not in str(caught.value)


async def _connect(url: BrokerUrl) -> None:
    async with broker_client(url, lambda *_: None, identifier="x", version=5):
        pass


async def test_without_the_fingerprint_a_certificate_of_our_own_is_not_trusted(
    broker: RunningBroker,
) -> None:
    with pytest.raises(BrokerUnreachable, match="certificate"):
        await newest_version(parse_broker_url(broker.url))
    assert await newest_version(pinned(broker)) == 5
    route = await find_route(pinned(broker), 5)
    assert route.tls is not None


def test_a_new_certificate_counts_for_who_joins_with_a_new_invite(
    broker: RunningBroker, folder: Path, start, capsys: pytest.CaptureFixture[str]
) -> None:
    def join(at: RunningBroker) -> BrokerUrl:
        invitation = invited(at)
        with hosted_meanwhile(at):
            link = invite_link(invitation.url, "cats", invitation.ticket)
            config, channel = accept_invite(load(), link)
        return with_login(config, broker_url(config), channel)

    before = join(broker)
    broker.stop()
    for name in ("cert.pem", "key.pem"):
        (folder / name).unlink()
    cert, key = own_certificate(folder, [])
    again = start(port=broker.settings.port, accounts=folder, tls_cert=cert, tls_key=key)
    with pytest.raises(CertificateChanged):
        asyncio.run(_connect(before))
    assert "new certificate" not in capsys.readouterr().err
    after = join(again)
    assert "has a new certificate" in capsys.readouterr().err
    assert after.pin == pinned(again).pin != before.pin
    assert asyncio.run(comes_in(after, after.username, after.password))


def test_what_was_cut_short_before_the_answer_came_is_taken_up_again(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = invited(broker)
    link = invite_link(invitation.url, "cats", invitation.ticket)
    logins = Logins(load().directories.logins_file)

    async def cut_short(*asked) -> None:
        await redeem(*asked)
        raise KeyboardInterrupt  # the host has said yes, and nobody heard it

    with hosted_meanwhile(broker):
        with monkeypatch.context() as patch:
            patch.setattr("resonance_tui.messaging.door.redeem", cut_short)
            with pytest.raises(KeyboardInterrupt):
                accept_invite(load(), link)
        (login,) = logins.all()
        assert not login.is_confirmed
        assert logins.find(invitation.url.place, "cats") is None
        accept_invite(load(), link)
    assert logins.all() == [replace(login, is_confirmed=True)]
    assert asyncio.run(comes_in(invitation.url, login.user, login.password))


@contextlib.contextmanager
def hosted_meanwhile(broker: RunningBroker) -> Iterator[None]:
    """The host's program, while the main thread is the guest's."""
    ended = threading.Event()

    async def host() -> None:
        async with hosted(broker):
            await asyncio.to_thread(ended.wait)

    thread = threading.Thread(target=asyncio.run, args=(host(),))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_an_invite_with_another_fingerprint_gets_no_login_made_for_this_one() -> None:
    logins = Logins(load().directories.logins_file)
    from resonance_tui.logins import SavedLogin

    logins.keep(
        SavedLogin("mqtts://h:8883", "cats", "me", "pw", "ab" * 32, "abcdefgh", is_confirmed=True)
    )
    link = invite_link(BrokerUrl("mqtts", "h", 8883, pin="cd" * 32), "cats")
    config, channel = accept_invite(load(), link)
    url = with_login(config, broker_url(config), channel)
    assert (url.username, url.password, url.pin) == (None, None, "cd" * 32)
    same = load({"broker.url": "mqtts://h"})
    assert with_login(same, broker_url(same), "cats").pin == "ab" * 32
    plain = load({"broker.url": "mqtt://h:8883"})
    assert with_login(plain, broker_url(plain), "cats").username is None
    with pytest.raises(InvalidBrokerUrl):
        accept_invite(load(), link.replace("cd" * 32, "cd" * 31))


# --- two hosts ---------------------------------------------------------------------------------


async def test_a_second_host_is_told_and_overwrites_nothing(start) -> None:
    url = parse_broker_url(start().url)
    said: list[list[str]] = [[], []]
    rooms: dict[str, bytes] = {}
    hosts = [Hosting(["cats"], said[0].append), Hosting(["cats", "dogs"], said[1].append)]

    async def run(hosting: Hosting, ended: asyncio.Event) -> None:
        async with broker_client(url, hosting.hear, identifier=hosting.id, version=5) as client:
            await hosting.begin(client)
            running = asyncio.create_task(hosting.run(client))
            await ended.wait()
            running.cancel()
            for message in hosting.farewell():
                await client.send(message)

    async def until(is_so) -> None:
        async with asyncio.timeout(5):
            while not is_so():
                await asyncio.sleep(0.02)

    def host_of(channel: str) -> str | None:
        payload = rooms.get(wire.room_topic(channel), b"")
        event = wire.decode(wire.room_topic(channel), payload)
        return event.host if event.settings is not None else None

    ends = [asyncio.Event(), asyncio.Event()]
    async with (
        broker_client(url, rooms.__setitem__, identifier="watcher", version=5) as watcher,
        asyncio.TaskGroup() as tasks,
    ):
        await watcher.follow(wire.room_topic("+"), 1)
        tasks.create_task(run(hosts[0], ends[0]))
        await until(lambda: host_of("cats") == hosts[0].id)
        tasks.create_task(run(hosts[1], ends[1]))
        await until(lambda: host_of("dogs") == hosts[1].id and said[1])
        assert said == [[], ["cats has another host already; what that one set stays."]]
        assert host_of("cats") == hosts[0].id
        ends[0].set()
        await until(lambda: host_of("cats") == hosts[1].id)  # free now: the other takes it up
        ends[1].set()
        await until(lambda: host_of("cats") is None and host_of("dogs") is None)


async def test_a_host_on_somebody_elses_broker_announces_with_the_right_account_only(
    broker: RunningBroker, folder: Path
) -> None:
    def add(book):
        for name, role in (("cathost", Role.HOST), ("agg-1", Role.AGGREGATOR)):
            book = add_account(book, Account(name, digest_of("pw"), role, ("cats",)))
        return book, None

    BookFile(folder).change(add)
    broker.renew_people()
    url = pinned(broker)
    rooms: dict[str, bytes] = {}
    with pytest.raises(BrokerRefused, match="does not let this user announce cats"):
        await _host(url, "agg-1").run()
    login = replace(url, username="cathost", password="pw")
    async with broker_client(login, rooms.__setitem__, identifier="w", version=5) as watcher:
        await watcher.follow(wire.room_topic("cats"), 1)
        running = asyncio.create_task(_host(url, "cathost").run())
        async with asyncio.timeout(5):
            while not rooms.get(wire.room_topic("cats")):
                await asyncio.sleep(0.02)
            running.cancel()
            while rooms[wire.room_topic("cats")]:
                await asyncio.sleep(0.02)


def _host(url: BrokerUrl, name: str) -> RoomHost:
    login = replace(url, username=name, password="pw")
    return RoomHost(login, Hosting(["cats"], lambda sentence: None, name))
