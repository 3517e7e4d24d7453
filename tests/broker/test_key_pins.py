"""Viewers who know a broker by the public key of its certificate, and not by the certificate."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from resonance_broker import RunningBroker
from resonance_broker.certificate import fingerprint
from resonance_tui.commands import doctor
from resonance_tui.commands.session_builder import broker_url, with_login
from resonance_tui.config import load
from resonance_tui.errors import CertificateChanged
from resonance_tui.logins import Logins, SavedLogin
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.probe import negotiate_version
from resonance_tui.messaging.tls import brief
from resonance_tui.protocol.certificates import key_print
from resonance_tui.protocol.urls import BrokerUrl, parse_broker_url
from resonance_tui.simulation.simulated_connection import find_route

NOW = datetime.datetime.now(datetime.UTC)


def by_key(broker: RunningBroker) -> BrokerUrl:
    cert = broker.settings.tls_cert
    assert cert is not None
    der = x509.load_pem_x509_certificate(cert.read_bytes()).public_bytes(Encoding.DER)
    return replace(parse_broker_url(broker.url), pin=key_print(der))


def renewed(cert: Path, key: Path) -> Path:
    """Another certificate for the same key."""
    private = load_pem_private_key(key.read_bytes(), None)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "renewed")])
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=9))
        .sign(private, hashes.SHA256())
    )
    path = cert.with_name("renewed.pem")
    path.write_bytes(made.public_bytes(Encoding.PEM))
    return path


async def connect(url: BrokerUrl) -> None:
    async with broker_client(url, lambda *_: None, identifier="x", version=5):
        pass


@pytest.mark.mosquitto
async def test_a_renewed_certificate_is_accepted_by_who_knows_its_key(start, tls_pair) -> None:
    cert, key = tls_pair
    broker = start(tls_cert=cert, tls_key=key)
    url = by_key(broker)
    broker.stop()
    again = start(port=url.port, tls_cert=renewed(cert, key), tls_key=key)
    assert fingerprint(again.settings.tls_cert) != fingerprint(cert)
    assert await negotiate_version(url) == 5
    await connect(url)
    assert (await find_route(url, 5)).tls is not None


@pytest.mark.mosquitto
async def test_another_key_is_refused_before_a_word_is_said(broker: RunningBroker) -> None:
    url = replace(by_key(broker), pin="ab" * 16, username="mia", password="hunter2")
    seen = by_key(broker).pin or ""
    for attempt in (negotiate_version, connect):
        with pytest.raises(CertificateChanged, match="ab:ab:ab:ab") as caught:
            await attempt(url)
        assert ":".join([seen[0:2], seen[2:4]]) in caught.value.message
        assert "hunter2" not in str(caught.value)


@pytest.mark.mosquitto
def test_doctor_says_by_which_key_it_knows_the_broker(broker: RunningBroker) -> None:
    url = by_key(broker)
    found = doctor._broker(load({"broker.url": url.spelled_out}))
    assert found.verdict == "ok" and f"known by {brief(url.pin or '')}" in found.text
    other = doctor._broker(load({"broker.url": replace(url, pin="ab" * 16).spelled_out}))
    assert other.verdict == "fail" and "another certificate" in other.text


def test_a_login_is_told_only_to_the_certificate_or_key_it_was_made_under() -> None:
    logins = Logins(load().directories.logins_file)
    logins.keep(SavedLogin("mqtts://h:8883", "cats", "me", "pw", "ab" * 16, "x", is_confirmed=True))

    def used(broker: str) -> tuple[str | None, str | None]:
        config = load({"broker.url": broker})
        url = with_login(config, broker_url(config), "cats")
        return url.username, url.pin

    assert used("mqtts://h") == ("me", "ab" * 16)
    assert used("mqtts://h?pin=" + "ab" * 16) == ("me", "ab" * 16)
    assert used("mqtts://h?pin=" + "cd" * 16) == (None, "cd" * 16)
    assert used("mqtts://h?pin=" + "cd" * 32) == ("me", "ab" * 16)  # which of the two it must show
    assert used("mqtts://elsewhere?pin=" + "ab" * 16) == ("me", "ab" * 16)  # the host has moved


def test_a_login_holds_at_each_host_of_a_link_that_has_its_key() -> None:
    pin, other = "ab" * 16, "cd" * 16
    logins = Logins(load().directories.logins_file)
    logins.keep(SavedLogin("mqtts://a:8883", "cats", "me", "pw", pin, "x", is_confirmed=True))
    config = load({"broker.url": f"mqtts://a?pin={pin},mqtts://b?pin={pin},mqtts://c?pin={other}"})
    url = with_login(config, broker_url(config), "cats")
    assert [each.password for each in (url, *url.alternates)] == ["pw", "pw", None]
