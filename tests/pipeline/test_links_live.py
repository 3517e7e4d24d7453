"""A link at every command that takes one, against real brokers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from children import run_child

from resonance_tui.protocol.links import invite_link
from resonance_tui.protocol.urls import parse_broker_url

pytestmark = pytest.mark.mosquitto


def run(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "resonance_tui", *args]
    return run_child(command, capture_output=True, text=True, timeout=60)


def test_one_link_is_joined_filled_recorded_and_looked_up(mosquitto) -> None:
    link = invite_link(parse_broker_url(mosquitto.url), "cats-live")
    crowd = run("audience", link, "--viewers", "3", "--duration", "1.5", "--json")
    assert crowd.returncode == 0, crowd.stderr
    events = [json.loads(line) for line in crowd.stdout.splitlines()]
    assert max(each.get("room", {}).get("viewers", 0) for each in events) > 0
    logged = run("log", link, "--duration", "2.5")
    assert logged.returncode == 0, logged.stderr
    shown = run("history", f"see <{link}>.", "--format", "csv")
    assert shown.returncode == 0, shown.stderr
    assert len(shown.stdout.splitlines()) > 2


def in_brackets(link: str) -> str:
    return f"<{link}>."


def as_command(link: str) -> str:
    return f"resonance-tui join {link}"


def wrapped(link: str) -> str:
    return f"Come:\n> {link[:40]}\n> {link[40:]}\n"


def as_address(link: str) -> str:
    host, channel, _ = link.removeprefix("resonance://").split("/")
    return f"mqtt://{host}/{channel}"


@pytest.mark.parametrize("spell", [in_brackets, as_command, wrapped, as_address])
def test_what_a_chat_makes_of_a_link_joins(mosquitto, spell: Callable[[str], str]) -> None:
    text = spell(invite_link(parse_broker_url(mosquitto.url), "cats-live"))
    done = run("join", text, "--headless", "--json", "--camera", "none", "--duration", "1.5")
    assert done.returncode == 0, done.stderr
    rooms = [json.loads(line) for line in done.stdout.splitlines() if '"room"' in line]
    assert rooms[-1]["viewers"] == 1
