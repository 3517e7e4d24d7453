"""`serve` and `--serve` as a person starts them: real programs, a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from children import run_child, start_child
from http_clients import get, stream
from limits import patience, within
from machine import Mosquitto, free_port

from resonance_tui.config import directories

APP = (sys.executable, "-m", "resonance_tui")
pytestmark = [pytest.mark.mosquitto, pytest.mark.timeout(150)]


def started(*args: object) -> subprocess.Popen[str]:
    return start_child(
        [*APP, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


async def answering(port: int) -> None:
    """The port answers, and the room is connected."""
    async with within(20):
        while True:
            try:
                state = (await get(port, "/state.json")).json
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                if state["link"]["status"] == "connected":
                    return
                await asyncio.sleep(0.05)


def ended(process: subprocess.Popen[str], signal_number: int) -> float:
    """Seconds that it took to end."""
    began = time.monotonic()
    process.send_signal(signal_number)
    process.wait(patience(20))
    return time.monotonic() - began


async def test_a_room_is_served_until_a_signal_ends_it_within_a_second(
    mosquitto: Mosquitto,
) -> None:
    port = free_port()
    serving = started("serve", "cats", "--broker", mosquitto.url, "--port", port)
    await answering(port)
    room = started("join", "cats", "--broker", mosquitto.url, "--camera", "none", "--headless")
    async with stream(port) as client:
        assert (await client.until(type="room", viewers=1))["away"] == 1
        assert ended(serving, signal.SIGTERM) < patience(1)
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                await client.next()
    ended(room, signal.SIGINT)
    told, _ = serving.communicate(timeout=patience(10))
    assert serving.returncode == 130
    assert told.splitlines()[:3] == [
        f"settings  http://127.0.0.1:{port}/",
        f"overlay  http://127.0.0.1:{port}/overlay",
        f"events  http://127.0.0.1:{port}/events",
    ]


async def test_a_room_is_streamed_to_a_laboratory_as_well(mosquitto: Mosquitto) -> None:
    pylsl = pytest.importorskip("pylsl", reason="pylsl is not installed")
    channel, port = f"lab-{os.getpid()}", free_port()
    there = (channel, "--broker", mosquitto.url)
    serving = started("serve", *there, "--port", port, "--lsl")
    await answering(port)
    found = pylsl.resolve_byprop("name", f"resonance-counts-{channel}", 1, patience(20))
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(patience(20))
    room = started("join", *there, "--camera", "none", "--headless")
    counts: list[int] = []
    while counts[:1] != [1]:
        counts, stamp = inlet.pull_sample(timeout=patience(20))
        assert stamp is not None
    assert counts == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]  # one viewer, away
    ended(room, signal.SIGINT)
    ended(serving, signal.SIGTERM)
    told, _ = serving.communicate(timeout=patience(10))
    assert f"lsl  resonance-{channel} resonance-counts-{channel}" in told.splitlines()


def test_lsl_without_its_extra_says_what_to_install(mosquitto: Mosquitto) -> None:
    if find_spec("pylsl") is not None:
        pytest.skip("pylsl is installed")
    args = ("serve", "cats", "--broker", mosquitto.url, "--port", str(free_port()), "--lsl")
    done = run_child([*APP, *args], capture_output=True, text=True, timeout=patience(30))
    assert done.returncode == 2 and "needs the extra 'lsl'" in done.stderr


def printed_until(process: subprocess.Popen[str], kind: str) -> list[dict[str, Any]]:
    """The events that it prints, to the first one of that kind."""
    assert process.stdout is not None
    printed: list[dict[str, Any]] = []
    while not printed or printed[-1]["type"] != kind:
        printed.append(json.loads(process.stdout.readline()))
    return printed


async def test_join_serves_the_room_and_keeps_its_own_reading(mosquitto: Mosquitto) -> None:
    port = free_port()
    args = ("--broker", mosquitto.url, "--camera", "none", "--name", "Mia", "--json")
    room = started("join", "cats", *args, "--serve", port)
    await answering(port)
    async with stream(port, "?names=1") as client:
        seen = [await client.next() for _ in range(4)]
    printed = await asyncio.to_thread(printed_until, room, "self")
    ended(room, signal.SIGINT)
    assert room.stdout is not None
    printed += map(json.loads, room.stdout)  # nothing but events on stdout
    assert {line["type"] for line in printed} >= {"self", "room"}
    assert "self" not in {event["type"] for event in seen}
    assert next(event for event in seen if event["type"] == "room") in printed


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
async def test_the_room_on_the_screen_is_served_and_closed_when_one_leaves_it(
    mosquitto: Mosquitto,
) -> None:
    port = free_port()
    ours, theirs = os.openpty()
    args = ("join", "cats", "--broker", mosquitto.url, "--camera", "none", "--serve", str(port))
    room = start_child([*APP, *args], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    drawn = asyncio.create_task(asyncio.to_thread(drained, ours))
    await answering(port)
    async with stream(port) as client:
        assert (await client.until(type="room"))["mode"] == "mesh"
        os.write(ours, b"q")
        with pytest.raises((EOFError, ConnectionError)):
            while True:
                await client.next()
    assert room.wait(patience(20)) == 0
    await drawn
    os.close(ours)


def drained(terminal: int) -> None:
    """Read what a program draws until it has gone."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass


async def test_what_log_records_is_served_as_rows(mosquitto: Mosquitto) -> None:
    port = free_port()
    args = ("--broker", mosquitto.url, "--camera", "none", "--headless")
    room = started("join", "cats", *args)
    logger = started("log", "cats", "--broker", mosquitto.url, "--serve", port)
    await answering(port)
    async with within(20):
        while (rows := await get(port, "/history.json")).status != 200 or len(rows.json) < 2:
            await asyncio.sleep(0.2)
    assert rows.json[0]["channel"] == "cats"
    for process in (logger, room):
        ended(process, signal.SIGINT)


async def test_a_broker_serves_its_one_room(tmp_path: Path) -> None:
    port, mqtt = free_port(), free_port()
    broker = started("broker", "--channel", "cats", "--port", mqtt, "--guarded", "--serve", port)
    await answering(port)  # by the host's own login
    assert (await get(port, "/state.json")).json["channel"] == "cats"
    ended(broker, signal.SIGTERM)
    assert broker.returncode == 130


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("serve", "cats", "--port", "TAKEN"), "taken by another program"),
        (("log", "cats", "--serve", "TAKEN"), "taken by another program"),
        (("join", "cats", "--headless", "--camera", "none", "--serve", "TAKEN"), "taken by"),
        (("serve", "cats", "--host", "192.0.2.7"), "no address of this machine"),
        (("serve", "cats", "--css", "none.css"), "no style sheet"),
        (("broker", "--serve", "8765"), "serves one room"),
        (("serve", "no/channel"), ""),
    ],
)
def test_what_cannot_be_served_is_one_line_and_exit_code_2(
    args: tuple[str, ...], words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = [port if each == "TAKEN" else each for each in args]
        done = run_child([*APP, *given], capture_output=True, text=True, timeout=patience(30))
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_token_beyond_this_machine_is_kept_and_is_the_owners_alone(
    mosquitto: Mosquitto,
) -> None:
    args = ("serve", "cats", "--broker", mosquitto.url, "--host", "0.0.0.0", "--duration", "0.1")
    told = [
        run_child([*APP, *args, "--port", str(free_port())], capture_output=True, text=True)
        for _ in range(2)
    ]
    tokens = {line.split("token=")[1] for done in told for line in done.stdout.splitlines()[:3]}
    assert len(tokens) == 1
    assert "nothing is encrypted" in told[0].stderr
    kept = directories().serve_token_file
    assert kept.read_text() in tokens
    assert os.name != "posix" or kept.stat().st_mode & 0o077 == 0
