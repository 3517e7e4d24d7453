"""One link for everybody, on a real Mosquitto: who comes in, how fast, until when."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from children import run_child, start_child
from guests import comes_in, digest_of, hosted, pinned
from limits import patience, wait_until, within
from machine import free_port

from resonance_broker import AccountsStore, RunningBroker
from resonance_broker.invites import find_invites, remove_guests, revoke
from resonance_tui.errors import InviteRefused
from resonance_tui.hosting.room_links import LinkPlan, make_link
from resonance_tui.hosting.running import RUNNING_FILE, find_running
from resonance_tui.messaging.client import broker_client
from resonance_tui.messaging.enrollment import enroll
from resonance_tui.protocol.urls import Invite

pytestmark = pytest.mark.mosquitto


def room_link(broker: RunningBroker, most: int, *, span_s: float = 60.0, rate: int = 0) -> Invite:
    assert broker.settings.accounts is not None
    now = time.time()
    plan = LinkPlan(most, now + span_s, "friday", rate)
    return Invite(
        pinned(broker), "cats", make_link(broker.settings.accounts, "cats", plan, now).token
    )


async def test_as_many_come_in_at_once_as_it_is_for(broker: RunningBroker) -> None:
    link = room_link(broker, 5)
    names = [f"v{number}" for number in range(8)]
    async with hosted(broker):
        asked = [enroll(link, name, digest_of(name)) for name in names]
        results = await asyncio.gather(*asked, return_exceptions=True)
        inside = [name for name, result in zip(names, results, strict=True) if result is None]
        assert len(inside) == 5
        assert all([await comes_in(link.url, name, name) for name in inside])
    refused = [result for result in results if result is not None]
    assert all(isinstance(each, InviteRefused) for each in refused)
    assert {each.message for each in refused} == {
        "That link has let in as many people as it was made for"
    }


async def test_after_its_time_it_lets_nobody_in(broker: RunningBroker) -> None:
    link = room_link(broker, 5, span_s=0.0)
    async with hosted(broker):
        with pytest.raises(InviteRefused, match="has expired") as caught:
            await enroll(link, "mia", digest_of("one"))
    assert caught.value.exit_code == 2


async def test_a_revoked_link_lets_nobody_in_and_who_is_in_stays_in(
    broker: RunningBroker, folder: Path
) -> None:
    link, store = room_link(broker, 5), AccountsStore(folder)
    async with hosted(broker):
        await enroll(link, "mia", digest_of("one"))
        (stored,) = find_invites(store.load(), "friday", time.time())
        store.change(lambda book: (revoke(book, [stored], time.time()), None))
        with pytest.raises(InviteRefused, match="has revoked that invite"):
            await enroll(link, "eve", digest_of("two"))
        assert await comes_in(link.url, "mia", "one")
        await _is_cut_off_once_removed(store, link)
        with pytest.raises(InviteRefused, match="has removed you from this room"):
            await enroll(link, "mia", digest_of("one"))


async def _is_cut_off_once_removed(store: AccountsStore, link: Invite) -> None:
    cut_off = asyncio.Event()
    login = replace(link.url, username="mia", password="one")
    async with broker_client(login, lambda *_: None, identifier="mia", version=5) as client:
        client._disconnected.add_done_callback(lambda _: cut_off.set())
        store.change(lambda book: (remove_guests(book, book.invites.values()), None))
        async with within(5):
            await cut_off.wait()


async def test_while_a_room_is_locked_its_links_stay_good_and_let_nobody_new_in(
    broker: RunningBroker,
) -> None:
    link = room_link(broker, 5)
    async with hosted(broker) as host:
        await enroll(link, "mia", digest_of("one"))
        host.locked.add("cats")
        with pytest.raises(InviteRefused, match="has locked this room") as caught:
            await enroll(link, "bob", digest_of("two"))
        assert "still good" in caught.value.hint
        await enroll(link, "mia", digest_of("one"))
        host.locked.clear()
        await enroll(link, "bob", digest_of("two"))


async def test_a_link_is_good_from_the_moment_it_was_made(broker: RunningBroker) -> None:
    async with hosted(broker):
        await enroll(room_link(broker, 5), "mia", digest_of("one"))


async def test_where_more_come_than_the_rate_they_wait_for_their_turn_by_themselves(
    broker: RunningBroker, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_broker.invites.RATE_WINDOW_S", 1.0)
    monkeypatch.setattr("resonance_tui.messaging.enrollment.WAIT_S", 0.2)
    link = room_link(broker, 100, rate=2)
    said: list[str] = []
    async with hosted(broker):
        names = [f"v{number}" for number in range(5)]
        await asyncio.gather(
            *(enroll(link, name, digest_of(name), say=said.append) for name in names)
        )
    (invite,) = AccountsStore(folder).load().invites.values()
    times = [use.at for use in invite.uses]
    assert len(times) == 5
    assert all(third - first >= 1.0 for first, third in zip(times, times[2:], strict=False))
    assert set(said) == {"Many people are coming in at the moment: waiting for your turn ..."}
    assert len(said) <= 3


async def test_who_waited_too_long_is_told_that_the_link_is_still_good(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.messaging.enrollment.WAIT_S", 0.01)
    monkeypatch.setattr("resonance_tui.messaging.enrollment.MOST_WAIT_S", 0.5)
    link = room_link(broker, 100, rate=1)
    async with hosted(broker):
        await enroll(link, "mia", digest_of("one"))
        with pytest.raises(InviteRefused, match="Too many people") as caught:
            await enroll(link, "bob", digest_of("two"))
    assert "still good" in caught.value.hint


# --- as a person meets it ----------------------------------------------------------------------


CODE = """
import sys
from resonance_tui.cli import cli, run_verb
sys.exit(run_verb(cli, sys.argv[1:]))
"""
GUESTS = 5


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", CODE, *arguments]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[dict[str, str]]:
    """`broker --guarded --tls` as its own process; the environment in which its owner types."""
    environment = {**os.environ, "RESONANCE_DATA_DIR": str(tmp_path / "host")}
    options = ["--guarded", "--tls", "--channel", "cats", "--quiet", "--port", str(free_port())]
    process = start_child(
        command("broker", *options),
        **{"env": environment, "text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
    )
    assert process.stdout.readline().startswith("url")
    assert process.stdout.readline().startswith("join")
    wait_until(lambda: find_running(tmp_path / "host" / "broker") is not None)
    yield environment
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=patience(10))
    assert "Traceback" not in words
    assert not (tmp_path / "host" / "broker" / RUNNING_FILE).exists()


def test_five_people_join_by_one_link_and_the_sixth_is_told_why_not(
    host: dict[str, str], tmp_path: Path
) -> None:
    ask = {"capture_output": True, "text": True, "timeout": 30, "env": host}
    shared = run_child(command("broker", "share", "--for", str(GUESTS)), **ask)
    assert shared.returncode == 0, shared.stderr
    link = shared.stdout.splitlines()[0].removeprefix("resonance-tui join ")
    options = ["--headless", "--camera", "none", "--json", "--duration", "20"]
    guests = [
        start_child(
            command("join", link, *options),
            **{"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE},
            env={**os.environ, "RESONANCE_DATA_DIR": str(tmp_path / f"guest{number}")},
        )
        for number in range(GUESTS)
    ]
    assert _viewers_seen_by(guests[0], GUESTS) == GUESTS
    for each in guests:
        each.send_signal(signal.SIGINT)
        _, words = each.communicate(timeout=patience(20))
        assert "You are in." in words and "Traceback" not in words
    late = run_child(command("join", link, *options), **{**ask, "env": _guest(tmp_path, "late")})
    assert late.returncode == 2
    assert late.stderr.count("error:") == 1
    assert "has let in as many people as it was made for" in late.stderr
    again = run_child(command("broker", "share"), **ask)
    assert again.returncode == 2 and "no open link" in again.stderr
    listed = run_child(command("broker", "invites", "list"), **ask).stdout
    assert f"{GUESTS} of {GUESTS}" in listed and "used up" in listed


def _guest(tmp_path: Path, name: str) -> dict[str, str]:
    return {**os.environ, "RESONANCE_DATA_DIR": str(tmp_path / name)}


def _viewers_seen_by(guest: subprocess.Popen[str], enough: int) -> int:
    """The most people that this guest's program has counted, once that is enough."""
    most = 0
    for line in guest.stdout:
        event = json.loads(line)
        if event["type"] == "room":
            most = max(most, event["viewers"])
        if most >= enough:
            break
    return most
