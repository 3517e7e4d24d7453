"""The broker's own certificate, and viewers who accept that one and no other."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from children import run_child
from guests import comes_in, digest_of, hosted, hosted_meanwhile, invited, pinned
from machine import free_port

from resonance_broker import BrokerProblem, BrokerSettings, ProblemKind, RunningBroker
from resonance_broker.address import certificate_trouble
from resonance_broker.certificate import (
    CERT_NAME,
    KEY_NAME,
    fingerprint,
    is_self_signed,
    own_certificate,
    prepare_certificate,
    public_key_print,
    renew_certificate,
)
from resonance_tui.commands.room_argument import find_destination
from resonance_tui.commands.session_builder import broker_url, with_login
from resonance_tui.config import load
from resonance_tui.errors import CertificateChanged, CertificateProblem, InvalidBrokerUrl
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.enrollment import enroll
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.protocol.links import invite_link
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.simulation.simulated_connection import find_route

pytestmark = pytest.mark.mosquitto


def test_the_certificate_is_made_once_and_its_key_is_private(folder: Path) -> None:
    cert, key = own_certificate(folder, ["192.0.2.1", "example.org", "::1"])
    before = fingerprint(cert)
    assert own_certificate(folder, ["elsewhere.example"]) == (cert, key)
    assert fingerprint(cert) == before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert is_self_signed(cert)
    text = run_child(
        ["openssl", "x509", "-in", str(cert), "-noout", "-text"],
        **{"capture_output": True, "text": True, "check": True, "timeout": 20},
    ).stdout
    for part in ("prime256v1", "IP Address:192.0.2.1", "DNS:example.org"):
        assert part in text
    key.unlink()
    with pytest.raises(BrokerProblem, match=r"key\.pem beside it is not"):
        own_certificate(folder, [])


@pytest.mark.parametrize("way", ["lost", "renewed"])
def test_a_certificate_made_anew_keeps_its_key_and_so_its_print(folder: Path, way: str) -> None:
    cert, key = own_certificate(folder, ["192.0.2.1"])
    before, kept, known_by = fingerprint(cert), key.read_bytes(), public_key_print(cert)
    if way == "lost":
        cert.unlink()
        own_certificate(folder, ["example.org"])
    else:
        renew_certificate(folder, ["example.org"])
    assert fingerprint(cert) != before
    assert key.read_bytes() == kept
    assert public_key_print(cert) == known_by
    assert len(known_by) == 32 and not before.startswith(known_by)


def test_the_print_is_that_of_the_key_as_openssl_writes_it(folder: Path) -> None:
    cert, _ = own_certificate(folder, [])
    ask = {"capture_output": True, "check": True, "timeout": 20}
    pem = run_child(["openssl", "x509", "-in", str(cert), "-noout", "-pubkey"], **ask).stdout
    der = run_child(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, **ask).stdout
    assert public_key_print(cert) == hashlib.sha256(der).digest()[:16].hex()


@pytest.mark.parametrize("text", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAA==\n"])
def test_a_damaged_key_is_named_and_left_alone(folder: Path, text: bytes) -> None:
    _, key = own_certificate(folder, [])
    key.write_bytes(text)
    with pytest.raises(BrokerProblem, match=r"key\.pem holds no key of ours") as caught:
        renew_certificate(folder, [])
    assert caught.value.kind is ProblemKind.FILE
    assert key.read_bytes() == text


@pytest.mark.parametrize(
    ("pin", "print_of"), [("ab" * 32, fingerprint), ("ab" * 16, public_key_print)]
)
async def test_a_changed_certificate_is_refused_before_a_word_is_said(
    broker: RunningBroker, pin: str, print_of: Callable[[Path], str]
) -> None:
    url = replace(pinned(broker), pin=pin, username="mia", password="hunter2")
    seen = print_of(broker.settings.tls_cert)
    attempts = [
        lambda: negotiate_version(url),
        lambda: enroll(replace(invited(broker), url=url), "mia", digest_of("one")),
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
    with pytest.raises(CertificateProblem, match="certificate") as refused:
        await negotiate_version(parse_broker_url(broker.url))
    assert "?pin=" in refused.value.hint
    assert await negotiate_version(pinned(broker)) == 5
    route = await find_route(pinned(broker), 5)
    assert route.tls is not None


def test_a_new_certificate_counts_for_who_joins_with_a_new_invite(
    broker: RunningBroker, folder: Path, start, capfd: pytest.CaptureFixture[str]
) -> None:
    def join(at: RunningBroker) -> BrokerUrl:
        invitation = invited(at)
        with hosted_meanwhile(at):
            link = invite_link(invitation.url, "cats", invitation.ticket)
            there = find_destination(load(), link)
            config, channel = there.config, there.channel
        return with_login(config, broker_url(config), channel)

    before = join(broker)
    broker.stop()
    for name in ("cert.pem", "key.pem"):
        (folder / name).unlink()
    cert, key = own_certificate(folder, [])
    again = start(port=broker.settings.port, accounts=folder, tls_cert=cert, tls_key=key)
    with pytest.raises(CertificateChanged):
        asyncio.run(_connect(before))
    assert "new certificate" not in capfd.readouterr().err
    after = join(again)
    assert "has a new certificate" in capfd.readouterr().err
    assert after.pin == pinned(again).pin != before.pin
    assert asyncio.run(comes_in(after, after.username, after.password))


async def test_a_link_and_an_account_outlive_a_certificate_that_is_made_anew(
    broker: RunningBroker, folder: Path, start
) -> None:
    link, second = invited(broker), invited(broker)
    async with hosted(broker):
        await enroll(link, "mia", digest_of("one"))
    broker.stop()
    renew_certificate(folder, ["127.0.0.1", "elsewhere.example"])
    settings = broker.settings
    again = start(
        **{"port": settings.port, "accounts": folder},
        tls_cert=settings.tls_cert,
        tls_key=settings.tls_key,
    )
    async with hosted(again):
        await enroll(second, "bob", digest_of("two"))
        assert await comes_in(link.url, "mia", "one")


def test_an_invite_with_another_fingerprint_gets_no_login_made_for_this_one() -> None:
    logins = Logins(load().directories.logins_file)
    logins.keep(
        SavedLogin("mqtts://h:8883", "cats", "me", "pw", "ab" * 32, "abcdefgh", is_confirmed=True)
    )
    link = invite_link(BrokerUrl("mqtts", "h", 8883, pin="cd" * 32), "cats")
    there = find_destination(load(), link)
    config, channel = there.config, there.channel
    url = with_login(config, broker_url(config), channel)
    assert (url.username, url.password, url.pin) == (None, None, "cd" * 32)
    same = load({"broker.url": "mqtts://h"})
    assert with_login(same, broker_url(same), "cats").pin == "ab" * 32
    plain = load({"broker.url": "mqtt://h:8883"})
    assert with_login(plain, broker_url(plain), "cats").username is None
    with pytest.raises(InvalidBrokerUrl):
        find_destination(load(), link.replace("cd" * 32, "cd" * 31))


def test_what_a_host_advertises_stands_in_the_certificate(tmp_path: Path) -> None:
    cert, key = tmp_path / CERT_NAME, tmp_path / KEY_NAME
    settings = BrokerSettings(
        *("127.0.0.1", free_port()), tls_cert=cert, tls_key=key, advertised_host="home.example"
    )
    assert prepare_certificate(settings, tmp_path)
    assert not certificate_trouble(settings, "home.example")
    assert not certificate_trouble(settings, "127.0.0.1")
    assert certificate_trouble(settings, "other.example")
