"""The printed lines, pasted into real shells as they are, and bad links at every command."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from dataclasses import replace
from email.message import Message
from importlib import metadata
from pathlib import Path

import pytest
from children import run_child
from guests import hosted_meanwhile, pinned
from test_key_pins import by_key

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.accounts import StoredInvite
from resonance_broker.invites import add_invites
from resonance_broker.passwords import hash_password
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.invitation import share_lines
from resonance_tui.commands.room_argument import find_destination
from resonance_tui.commands.session_builder import broker_url
from resonance_tui.config import load
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.history.store import Store
from resonance_tui.logins import Logins
from resonance_tui.messaging.client import broker_client, ignore
from resonance_tui.protocol.frames import encode_report
from resonance_tui.protocol.links import invite_link, new_token
from resonance_tui.protocol.messages import REPORT
from resonance_tui.protocol.urls import BrokerUrl, InviteToken
from resonance_tui.protocol.values import Report

SHELLS = ("bash", "zsh", "fish")
PIN = "0123456789abcdef" * 2
OLD_TOKEN = InviteToken("abcdefgh", "secretsecretsecret2345")
HOME = BrokerUrl("mqtts", "h.example", 99, pin=PIN)
LINKS = {
    "with everything": invite_link(
        BrokerUrl("mqtts", "h.example", 99, pin=PIN), "c-1", new_token()
    ),
    "of several hosts": invite_link(
        BrokerUrl(host="a.example", alternates=(BrokerUrl(host="fd00::1", port=99),)), "cats_live"
    ),
    "as before": invite_link(BrokerUrl("mqtts", "h.example", 99, pin=PIN * 2), "cats", OLD_TOKEN),
}
PRINT_ARGUMENTS = '#!/bin/sh\nfor each; do printf "%s\\n" "$each"; done\n'
WITHOUT_SCREEN = "--camera none --headless --json --duration 4"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    return request.param


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs go before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


def program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def published_at(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    told = Message()
    for url in urls:
        told["Project-URL"] = url
    monkeypatch.setattr(metadata, "metadata", lambda name: told)


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_each_printed_line_reaches_the_program_whole(
    shell: str, programs: Path, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "https://forge.example/we/it/archive/v1.2.0.tar.gz"
    published_at(monkeypatch, "Homepage, https://forge.example", f"Install, {source}")
    for name in ("resonance-tui", "uvx"):
        program(programs / name, PRINT_ARGUMENTS)
    ours, theirs = share_lines(link)
    for line, before in ((ours, []), (theirs, ["--from", source, "resonance-tui"])):
        done = run_child([shell, "-c", line], capture_output=True, text=True, timeout=20)
        assert done.stdout.splitlines() == [*before, "join", link], done.stderr


def test_without_a_place_of_publication_only_the_command_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = LINKS["with everything"]
    for urls in ([], ["Homepage, https://forge.example"], ["Install, https://x.example/$(id)"]):
        published_at(monkeypatch, *urls)
        assert share_lines(link) == [f"resonance-tui join {link}"]


@pytest.mark.mosquitto
def test_a_printed_line_joins(
    shell: str, programs: Path, broker: RunningBroker, folder: Path
) -> None:
    run_app = f"exec {sys.executable} -m resonance_tui"
    program(programs / "resonance-tui", f'#!/bin/sh\n{run_app} "$@" {WITHOUT_SCREEN}\n')
    link = link_into(folder, broker, "cats")
    (line, *_) = share_lines(link)
    with hosted_meanwhile(broker):
        done = run_child([shell, "-c", line], capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, done.stderr
    events = [json.loads(each) for each in done.stdout.splitlines()]
    assert [each["viewers"] for each in events if each["type"] == "room"][-1] == 1
    assert "link" in {each["type"] for each in events}


@pytest.mark.mosquitto
def test_a_link_with_a_secret_lets_a_recorder_in(broker: RunningBroker, folder: Path) -> None:
    log = [sys.executable, "-m", "resonance_tui", "log", link_into(folder, broker, "cats")]
    asyncio.run(somebody_is_in(broker, "cats"))  # else it waits for a heartbeat of whoever may be
    with hosted_meanwhile(broker):
        done = run_child([*log, "--duration", "3"], capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, done.stderr
    with Store(load().database, read_only=True) as store:
        assert list(store.channels()) == ["cats"]


async def somebody_is_in(broker: RunningBroker, room: str) -> None:
    assert broker.login is not None
    host = replace(pinned(broker), username=broker.login.name, password=broker.login.password)
    async with broker_client(host, ignore, identifier="somebody", version=5) as client:
        report = encode_report(Report(int(time.time()), 1, Emotion.HAPPINESS, 80))
        await client.send(REPORT.outgoing(report, room, "ann"))


def link_into(folder: Path, broker: RunningBroker, room: str, span_s: float = 60.0) -> str:
    """A one-time link to `cats`; of an invite that the host made for `room`."""
    token, now = new_token(), time.time()
    invite = StoredInvite(token.id, hash_password(token.secret), room, now + span_s)
    AccountsStore(folder).change(lambda before: (add_invites(before, [invite], now), None))
    broker.renew_people()
    return invite_link(by_key(broker), "cats", token)


# --- links that lead nowhere -------------------------------------------------------------------

LINK = LINKS["with everything"]
BAD = {
    "cut": (LINK[:-3], "cut"),
    "cut before the code": (LINK.rsplit("/", 2)[0], "cut"),
    "mistyped": (LINK.replace("h.example", "g.example"), "mistyped"),
    "without its start": (LINK[12:], "neither a channel nor a whole link"),
    "of something else": ("resonance:nowhere", "no link"),
}


@pytest.mark.parametrize("command", ["join", "log", "audience", "history"])
@pytest.mark.parametrize(("link", "word"), BAD.values(), ids=BAD)
def test_a_bad_link_is_one_clear_line(
    command: str, link: str, word: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(cli, [command, link]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert word in said.err and said.err.count("error:") == 1
    assert "Traceback" not in said.err and LINK[-25:-5] not in said.err


def test_a_link_in_pieces_is_told_to_go_into_quotes(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_verb(cli, ["join", LINK[:-12], LINK[-12:]]) == 2
    assert "goes into quotes" in capfd.readouterr().err
    assert run_verb(cli, ["join", "cats", "dogs"]) == 2
    assert "quotes" not in capfd.readouterr().err


@pytest.mark.mosquitto
@pytest.mark.parametrize(
    ("room", "span_s", "uses", "word"),
    [
        ("cats", 0.0, 0, "has expired"),
        ("cats", 60.0, 1, "has been used"),
        ("dogs", 60.0, 0, "not into cats"),
    ],
)
def test_a_link_that_no_longer_lets_in_says_why(
    broker: RunningBroker,
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    *,
    room: str,
    span_s: float,
    uses: int,
    word: str,
) -> None:
    link = link_into(folder, broker, room, span_s)
    with hosted_meanwhile(broker):
        for _ in range(uses):
            find_destination(load(), link)
            load().directories.logins_file.unlink()
        capfd.readouterr()
        assert run_verb(cli, ["join", link, "--headless", "--camera", "none"]) == 2
    said = capfd.readouterr().err
    assert word in said and said.count("error:") == 1 and link[-25:-5] not in said
    assert Logins(load().directories.logins_file).all() == []


# --- where an argument leads -------------------------------------------------------------------


def test_an_address_with_a_channel_keeps_its_login() -> None:
    there = find_destination(load(), "mqtt://mia:hunter2@h.example/cats")
    url = broker_url(there.config)
    assert (url.host, url.username, url.password) == ("h.example", "mia", "hunter2")
    assert there.channel == "cats"


def test_a_link_without_a_check_sum_may_have_been_cut(capsys: pytest.CaptureFixture[str]) -> None:
    assert find_destination(load(), LINK.replace(":99", "").rsplit("/", 1)[0]).channel == "c-1"
    assert "cut short" in capsys.readouterr().err
    find_destination(load(), LINK, redeems=False)
    find_destination(load(), "mqtt://h.example/cats")
    assert capsys.readouterr().err == ""


def test_a_channel_stays_at_the_broker_of_the_settings() -> None:
    config = load({"broker.url": "mqtt://h.example"})
    assert find_destination(config, "Cats-Live").config is config
    assert find_destination(config, "Cats-Live").channel == "cats-live"


def test_a_link_s_login_is_not_spent_on_a_crowd() -> None:
    there = find_destination(load(), LINK, redeems=False)
    assert broker_url(there.config) == BrokerUrl("mqtts", "h.example", 99, pin=PIN)
    assert not load().directories.logins_file.exists()


def test_the_login_of_the_settings_goes_to_no_other_broker() -> None:
    config = load({"broker.url": "mqtt://h.example", "broker.user": "mia"})
    for link in ("mqtt://g.example/cats", invite_link(BrokerUrl(host="g.example"), "cats")):
        url = broker_url(find_destination(config, link).config)
        assert (url.host, url.username) == ("g.example", None)
    same = find_destination(config, invite_link(BrokerUrl(host="h.example"), "cats"))
    assert broker_url(same.config).username == "mia"


def test_a_link_tells_the_print_of_the_room_s_host() -> None:
    link = invite_link(BrokerUrl(host="h.example"), "cats", host_print=PIN)
    assert find_destination(load(), link).host_print == PIN
    assert find_destination(load(), LINK, redeems=False).host_print is None
    with pytest.raises(InputError, match="mistyped"):
        find_destination(load(), link.replace("cats", "cots"))
