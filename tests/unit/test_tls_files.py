"""The user's own files for TLS: what is wrong with them, and which broker they are for."""

from __future__ import annotations

import os
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from authorities import PrivateAuthority
from click.testing import CliRunner, Result

from resonance_tui import config as settings
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.destination import settings_as_it_was, settings_for
from resonance_tui.commands.session_builder import broker_url, with_files
from resonance_tui.config import Config
from resonance_tui.errors import CertificateProblem, InputError
from resonance_tui.messaging.tls import client_context
from resonance_tui.messaging.tls_files import check_files
from resonance_tui.profile import RoomMemory
from resonance_tui.protocol.urls import BrokerUrl, TlsFiles, parse_broker_url

WORDS = "open sesame"


@pytest.fixture
def authority(tmp_path: Path) -> PrivateAuthority:
    return PrivateAuthority(tmp_path)


def complaint(files: TlsFiles) -> str:
    with pytest.raises(InputError) as caught:
        check_files(files)
    assert caught.value.exit_code == 2
    return f"{caught.value.message} {caught.value.hint}"


# --- what is wrong with a file -----------------------------------------------------------------


def test_good_files_are_taken(authority: PrivateAuthority) -> None:
    cert, key = map(str, authority.sign("mia"))
    check_files(TlsFiles(str(authority.file), cert, key))
    both = authority.folder / "both.pem"
    both.write_text(Path(cert).read_text() + Path(key).read_text())
    check_files(TlsFiles(cert=str(both)))
    locked, locked_key = map(str, authority.sign("bob", passphrase=WORDS))
    check_files(TlsFiles(cert=locked, key=locked_key, key_password=WORDS))


def test_what_is_no_plain_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for each in (str(pipe), str(loop), "/dev/zero", "~nobody-of-that-name/ca.pem"):
        for files in (TlsFiles(ca=each), TlsFiles(cert=each), TlsFiles(cert=each, key=each)):
            assert each in complaint(files)


def test_a_complaint_names_the_file_and_what_is_wrong(authority: PrivateAuthority) -> None:
    folder = authority.folder
    (cert, key), (_, other_key) = authority.sign("mia"), authority.sign("eve")
    old, old_key = authority.sign("old", timedelta(days=-1))
    locked, locked_key = authority.sign("bob", passphrase=WORDS)
    der, torn = folder / "mia.der", folder / "torn.pem"
    der.write_bytes(ssl.PEM_cert_to_DER_cert(cert.read_text()))
    torn.write_text(cert.read_text()[:80])
    gone = folder / "gone.pem"
    cases = [
        (TlsFiles(ca=str(gone)), gone, "is not there"),
        (TlsFiles(ca=str(folder)), folder, "cannot be read"),
        (TlsFiles(ca=str(key)), key, "no authority's certificate in PEM form"),
        (TlsFiles(ca=str(torn)), torn, "that can be read"),
        (TlsFiles(ca=str(old)), old, "has expired, on 20"),
        (TlsFiles(cert=str(gone), key=str(key)), gone, "is not there"),
        (TlsFiles(cert=str(cert), key=str(gone)), gone, "is not there"),
        (TlsFiles(cert=str(der), key=str(key)), der, "openssl x509"),
        (TlsFiles(cert=str(cert)), cert, "--key FILE"),
        (TlsFiles(cert=str(cert), key=str(cert)), cert, "no private key"),
        (TlsFiles(cert=str(cert), key=str(other_key)), other_key, f"not the key of {cert}"),
        (TlsFiles(cert=str(old), key=str(old_key)), old, "has expired, on 20"),
        (TlsFiles(key=str(key)), key, "--cert FILE"),
        (TlsFiles(cert=str(locked), key=str(locked_key)), locked_key, "BROKER_KEY_PASSWORD"),
    ]
    for files, file, words in cases:
        said = complaint(files)
        assert said.startswith(str(file)) and words in said, said


def test_a_wrong_passphrase_is_named_and_not_repeated(authority: PrivateAuthority) -> None:
    cert, key = map(str, authority.sign("bob", passphrase=WORDS))
    said = complaint(TlsFiles(cert=cert, key=key, key_password="guessed wrong"))
    assert "another passphrase" in said and "guessed" not in said


def test_a_file_that_goes_while_the_program_runs_is_said(authority: PrivateAuthority) -> None:
    url = BrokerUrl("wss", "h", 443, files=TlsFiles(ca=str(authority.file)))
    assert client_context(url) is not None
    authority.file.unlink()
    with pytest.raises(CertificateProblem, match="is not there"):
        client_context(url)


# --- which broker they are for -----------------------------------------------------------------


def configured(authority: PrivateAuthority, broker: str = "", **flags: str) -> Config:
    cert, key = map(str, authority.sign("mia"))
    environ = {
        "RESONANCE_BROKER_CA": str(authority.file),
        "RESONANCE_BROKER_CERT": cert,
        "RESONANCE_BROKER_KEY": key,
        "RESONANCE_BROKER_URL": broker,
    }
    return settings.load(flags, environ={name: each for name, each in environ.items() if each})


def shown_to(config: Config) -> tuple[bool, bool]:
    """Whether the broker of these settings is checked by our authority, and shown our
    certificate."""
    url = broker_url(config)
    assert url is not None
    return (bool(url.files and url.files.ca), bool(url.files and url.files.cert))


def test_every_broker_of_a_list_with_tls_gets_them(authority: PrivateAuthority) -> None:
    url = broker_url(configured(authority, "wss://a,mqtts://b,mqtt://c,ws://d"))
    assert url is not None
    assert [each.files is not None for each in (url, *url.alternates)] == [True, True, False, False]


def test_a_link_and_a_remembered_room_get_them(authority: PrivateAuthority) -> None:
    config, there = configured(authority), parse_broker_url("wss://far.example/x")
    assert shown_to(settings_for(config, there)) == (True, True)
    room = RoomMemory(broker=there.spelled_out)
    assert shown_to(settings_as_it_was(config, room)) == (True, True)


def test_a_certificate_for_one_broker_is_not_shown_to_another(authority: PrivateAuthority) -> None:
    there = parse_broker_url("wss://far.example")
    config = configured(authority, "mqtts://home.example")
    assert shown_to(config) == (True, True)
    assert shown_to(settings_for(config, there)) == (True, False)
    url = with_files(settings_for(config, there), there)
    assert url.files is not None and not url.files.cert and not url.files.key
    cert = config.settings.broker.cert
    named = configured(authority, "mqtts://home.example", **{"broker.cert": cert})
    assert shown_to(settings_for(named, there)) == (True, True)


def test_files_that_cannot_be_used_end_a_command_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("join", "audience", "aggregate", "log"):
        args = [command, "cats", "--broker", "wss://h", "--ca", str(tmp_path / "gone.pem")]
        args += ["--headless", "--camera", "none"] if command == "join" else []
        assert run_verb(cli, args) == 2
        assert "gone.pem is not there" in capsys.readouterr().err


def test_files_for_a_broker_without_tls_are_refused(
    authority: PrivateAuthority, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["join", "cats", "--broker", "ws://h", "--ca", str(authority.file), "--headless"]
    assert run_verb(cli, args) == 2
    assert "ws://h:80/mqtt has none" in capsys.readouterr().err
    assert shown_to(configured(authority, "mqtt://h")) == (False, False)  # of the settings: unused


def test_a_passphrase_is_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_BROKER_KEY_PASSWORD", WORDS)
    result: Result = CliRunner().invoke(cli, ["config", "show"])
    assert "key_password" in result.output and WORDS not in result.output
    with pytest.raises(InputError):
        settings.check_setting("broker.key_password", WORDS, "config set")
