"""Clients of the version before, beside those of this one: they count each other, whatever is new.

The version before is the commit below, as its own program in a folder of its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from children import end_child, run_child, start_child
from clusters import NATS
from crowds import CHANNEL, aggregating, aggregator, crowd
from limits import Limit, patience, until
from machine import free_port
from seats import REPOSITORY

from resonance_tui.messaging.client import broker_client
from resonance_tui.protocol.frames import encode_room
from resonance_tui.protocol.messages import ROOM_SETTINGS
from resonance_tui.protocol.table import Outgoing
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.protocol.values import ABILITIES, RoomSettings

COMMIT = "bab8f00"
PACKAGES = ("resonance_tui", "broker", "model_zoo")
ROOM = "cats-live"
BRISK = RoomSettings(tick_ms=50, heartbeat_s=4, ttl_s=10, mesh_max=20, abilities=ABILITIES)


@pytest.fixture(scope="session")
def version_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with its packages."""
    folder = tmp_path_factory.mktemp("before")
    archive = folder.with_suffix(".tar")
    try:
        run_child(
            ["git", "archive", "-o", str(archive), COMMIT, *PACKAGES],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"{COMMIT} cannot be had: no git here, or not the whole history")
    with tarfile.open(archive) as packages:
        packages.extractall(folder, filter="data")
    return folder


class Viewer:
    """`join --headless --json` of one of the two versions."""

    def __init__(self, packages: Path, home: Path, name: str, *where: str) -> None:
        home.mkdir()
        own = {each: str(home / each.lower()) for each in os.environ if each.startswith("XDG_")}
        for folder in own.values():
            Path(folder).mkdir(mode=0o700)
        words = ("join", *where, "--name", name, "--camera", "none", "--headless", "--json")
        self.process = start_child(
            [sys.executable, "-m", "resonance_tui", *words],
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=(home / "stderr").open("wb"),
            text=True,
            env={**os.environ, **own, "HOME": str(home), "PYTHONPATH": str(packages)},
        )
        self.told: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))

    def rooms(self) -> list[dict[str, Any]]:
        return [each for each in self.told if each["type"] == "room"]

    @property
    def viewers(self) -> int:
        rooms = self.rooms()
        return rooms[-1]["viewers"] if rooms else 0

    @property
    def mode(self) -> str:
        rooms = self.rooms()
        return rooms[-1]["mode"] if rooms else ""

    def says(self, kind: str, name: str) -> bool:
        """Of what happens; the version before says nothing of that in JSON."""
        events = [each for each in self.told if each["type"] == "event"]
        return any(each["kind"] == kind and name in each["names"] for each in events)

    def leave(self) -> None:
        self.process.terminate()
        self.process.wait(patience(10))


Join = Callable[..., Viewer]


@pytest.fixture
def old(version_before: Path, tmp_path: Path) -> Iterator[Join]:
    """Starts a viewer of the version before: `old(name, what `join` takes)`."""
    yield from _starter(version_before, tmp_path)


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Join]:
    """Starts a viewer of this version."""
    yield from _starter(REPOSITORY, tmp_path)


def _starter(packages: Path, folder: Path) -> Iterator[Join]:
    with ExitStack() as stack:

        def start(name: str, *where: str) -> Viewer:
            viewer = Viewer(packages, folder / name, name, *where)
            stack.callback(end_child, viewer.process)
            return viewer

        yield start


def is_open(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.5):
        return True
    return False


@pytest.fixture(params=["mosquitto", "nats"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A broker that lets reports expire, and one that does not."""
    if request.param == "mosquitto":
        yield request.getfixturevalue("mosquitto").url
        return
    if NATS is None:
        pytest.skip("NATS is not installed")
    port = free_port()
    conf = tmp_path / "nats.conf"
    conf.write_text(
        f'server_name: one\nport: -1\nhost: "127.0.0.1"\njetstream {{ store_dir: "{tmp_path}" }}\n'
        f'mqtt {{ host: "127.0.0.1", port: {port} }}\n'
    )
    server = start_child([NATS, "-c", str(conf)], stderr=subprocess.DEVNULL)
    deadline = Limit(10)
    while not is_open(port) and not deadline.ran_out():
        time.sleep(0.02)
    yield f"mqtt://127.0.0.1:{port}"
    end_child(server)


async def settle(url: str, channel: str) -> None:
    """As a host does it who wants a brisk room."""
    broker = parse_broker_url(url)
    async with broker_client(broker, lambda *_: None, identifier="h", version=4) as client:
        settings = encode_room(BRISK, "h")
        await client.send(Outgoing(ROOM_SETTINGS.topic.of(channel), settings, 1))


async def test_they_count_each_other_know_names_and_see_who_leaves(
    url: str, old: Join, new: Join
) -> None:
    await settle(url, ROOM)
    ann = old("Ann", ROOM, "--broker", url)
    await until(lambda: ann.viewers == 1, 20)
    ben = new("Ben", ROOM, "--broker", url)
    await until(lambda: ann.viewers == ben.viewers == 2, 20)
    # Who comes is told once those who were there have been heard, each within a heartbeat.
    await until(lambda: ben.rooms()[-1]["t"] - ben.rooms()[0]["t"] > BRISK.heartbeat_s + 1, 20)
    cat = old("Cat", ROOM, "--broker", url)
    await until(lambda: ann.viewers == ben.viewers == cat.viewers == 3, 20)
    await until(lambda: ben.says("joined", "Cat"))
    cat.leave()
    await until(lambda: ann.viewers == ben.viewers == 2)
    await until(lambda: ben.says("left", "Cat"))
    ben.leave()
    await until(lambda: ann.viewers == 1)
    assert ann.process.poll() is None


@pytest.mark.mosquitto
async def test_both_follow_the_total_of_a_large_room_whose_host_can_more(
    mosquitto: Any, old: Join, new: Join
) -> None:
    await settle(mosquitto.url, CHANNEL)
    counter = aggregator(mosquitto, "counter")
    async with crowd(mosquitto, 40), aggregating(counter):
        ann = old("Ann", CHANNEL, "--broker", mosquitto.url)
        ben = new("Ben", CHANNEL, "--broker", mosquitto.url)
        await until(lambda: ann.mode == ben.mode == "total", 20)
        await until(lambda: ann.viewers == ben.viewers == 42)
        ann.leave()
        await until(lambda: ben.viewers == 41)


@pytest.mark.mosquitto
async def test_links_of_the_version_before_lead_to_the_same_room(
    mosquitto: Any, old: Join, new: Join
) -> None:
    link = f"{mosquitto.url.replace('mqtt', 'resonance')}/{ROOM}"
    ann = old("Ann", link)
    ben = new("Ben", link)
    await until(lambda: ann.viewers == ben.viewers == 2, 20)
