"""The simulated audience against real brokers: what it sends, what the room says, how it goes."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from children import run_child, start_child
from limits import patience, until
from seats import CHANNEL, HAPPY, Seat, seated, start_python
from test_link import demand_password
from test_link_peers import AMQTT

from resonance_tui.errors import InputError
from resonance_tui.messaging.client import broker_client
from resonance_tui.protocol.frames import encode_total
from resonance_tui.protocol.messages import TOTAL
from resonance_tui.protocol.urls import parse_broker_url
from resonance_tui.simulation import observer
from resonance_tui.simulation.simulated_connection import (
    allow_connections,
)
from resonance_tui.simulation.standing import count_mismatch

APP = [sys.executable, "-m", "resonance_tui"]


def audience(url: str, *args: str) -> tuple[subprocess.CompletedProcess[str], list[dict]]:
    """The verb from its start to its end, and what it told."""
    done = run_child(
        [*APP, "audience", CHANNEL, "--broker", url, "--json", *args],
        capture_output=True,
        text=True,
        timeout=50,
    )
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def start(url: str, *args: str) -> subprocess.Popen[str]:
    return start_child(
        [*APP, "audience", CHANNEL, "--broker", url, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# --- the verb ----------------------------------------------------------------------------------


@pytest.mark.mosquitto
@pytest.mark.parametrize("share", [(), ("--connections", "7")], ids=["own lines", "shared"])
async def test_hundreds_come_are_counted_and_leave_nothing_behind(
    mosquitto: Any, share: tuple[str, ...]
) -> None:
    done, told = await asyncio.to_thread(
        audience, mosquitto.url, "--viewers", "300", "--duration", "5", *share
    )
    assert done.returncode == 0, done.stderr
    end = told[-1]
    assert (end["type"], end["alive"], end["mismatch"]) == ("end", 300, 0)
    assert end["room"]["viewers"] == 300 and end["room"]["source"] == "mesh"
    assert end["sent"] == end["heard"] >= 300
    assert (end["lost_connections"], end["turned_away"]) == (0, 0)
    room = end["room"]
    assert sum(room["counts"].values()) + room["unsure"] + room["away"] == 300
    late = Seat(mosquitto)
    async with seated(late):
        await asyncio.sleep(0.5)
        assert late.link.drain() == []


@pytest.mark.mosquitto
async def test_viewers_come_and_go_and_the_room_knows(mosquitto: Any) -> None:
    args = ("--viewers", "60", "--stay", "0.06", "--duration", "9")  # 3.6 s on average
    done, told = await asyncio.to_thread(audience, mosquitto.url, *args)
    assert done.returncode == 0, done.stderr
    alive = [each["alive"] for each in told[5:]]
    assert 10 < min(alive) < 60, "some are gone at any time, never all"
    assert told[-1]["mismatch"] == 0
    assert told[-1]["room"]["viewers"] == told[-1]["alive"]
    assert told[-1]["lost_connections"] == 0, "who goes, hangs up in good order"


@pytest.mark.mosquitto
def test_what_the_broker_keeps_to_itself_shows(make_mosquitto: Any, tmp_path: Any) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic read resonance/#\n")
    broker = make_mosquitto("allow_anonymous true", f"acl_file {rules}")
    broker.start()
    done, told = audience(broker.url, "--viewers", "20", "--duration", "4")
    assert done.returncode == 0, done.stderr
    assert told[-1]["alive"] == told[-1]["mismatch"] == 20
    assert told[-1]["sent"] >= 20 and told[-1]["heard"] == told[-1]["room"]["viewers"] == 0
    assert "20 of ours not as they are" in done.stderr


@pytest.mark.mosquitto
def test_an_account_for_one_person_lets_no_crowd_in(make_mosquitto: Any) -> None:
    broker = make_mosquitto()
    demand_password(broker, "pw")
    rules = broker.folder / "acl"
    rules.write_text("user alice\ntopic read resonance/#\ntopic write resonance/1/+/n/+/alice\n")
    broker.lines += (f"acl_file {rules}",)
    broker.start()
    url = broker.url.replace("://", "://alice:pw@")
    done, told = audience(url, "--viewers", "3", "--duration", "20")
    assert done.returncode == 1 and not told
    assert "lets alice report as alice only" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.mosquitto
async def test_ctrl_c_takes_a_large_crowd_out_in_good_time(mosquitto: Any) -> None:
    bob = Seat(mosquitto)
    async with seated(bob):
        crowd = start(mosquitto.url, "--viewers", "800")
        try:
            await until(lambda: bob.look().viewers == 800, within=20)
            crowd.send_signal(signal.SIGINT)
            started = time.monotonic()
            _, said = await asyncio.to_thread(crowd.communicate, timeout=patience(15))
        finally:
            crowd.kill()
        assert crowd.returncode == 130, said
        assert time.monotonic() - started < patience(6)
        assert "800 viewers alive" in said and "Traceback" not in said
        await until(lambda: bob.look().viewers == 0, within=2)


def test_a_broker_that_is_not_there_is_one_clear_line(unused_port: int) -> None:
    done, told = audience(f"mqtt://127.0.0.1:{unused_port}", "--viewers", "3")
    assert (done.returncode, told) == (1, [])
    assert "nothing listens" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.mosquitto
def test_a_broker_that_is_killed_and_started_again_has_the_crowd_back(mosquitto: Any) -> None:
    crowd = start(mosquitto.url, "--viewers", "20", "--json")
    assert crowd.stdout is not None
    lines = map(json.loads, crowd.stdout)

    def wait(is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        return next(line for line in lines if is_so(line))

    wait(lambda line: line["alive"] == line["room"]["viewers"] == 20)
    mosquitto.kill()
    down = wait(lambda line: line["link"] == "lost" and not line["alive"])
    assert down["room"]["source"] == "nobody" and down["room"]["viewers"] == 0
    mosquitto.start()
    seen = [wait(lambda line: line["link"] == "connected")]
    while not (seen[-1]["alive"] == 20 and seen[-1]["mismatch"] == 0):
        seen.append(wait(lambda line: line["link"] == "connected"))
    assert max(line["room"]["viewers"] for line in seen) <= 20, "nobody is counted twice"
    crowd.send_signal(signal.SIGINT)
    _, said = crowd.communicate(timeout=patience(20))
    assert crowd.returncode == 130
    assert "20 viewers alive" in said and "Traceback" not in said


@pytest.mark.mosquitto
def test_a_person_reads_that_the_broker_was_lost_and_is_back(mosquitto: Any) -> None:
    crowd = start(mosquitto.url, "--viewers", "2")
    assert crowd.stdout is not None
    assert "2 viewers alive" in crowd.stdout.readline()
    mosquitto.kill()
    lost = f"link  lost  the connection to 127.0.0.1:{mosquitto.port} was lost\n"
    assert crowd.stdout.readline() == lost
    mosquitto.start()
    said = [line for line in iter(crowd.stdout.readline, "link  connected\n") if line]
    assert all("is not known" in line or line.startswith("link  lost") for line in said)
    crowd.kill()
    crowd.communicate()


@pytest.mark.mosquitto
async def test_the_observer_counts_for_itself_where_the_aggregator_has_gone(
    mosquitto: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "_TOTAL_HOLDS_S", 1.0)
    url = parse_broker_url(mosquitto.url)
    watcher = observer.RoomObserver(url, CHANNEL, 10)
    ann = Seat(mosquitto, "ann")
    async with seated(ann), broker_client(url, lambda *_: None, identifier="agg", version=5) as it:
        await it.send(TOTAL.outgoing(encode_total(1, 1, 1, (0, 0, 7, 0, 0, 0, 0, 0, 0)), CHANNEL))
        run = asyncio.create_task(watcher.run())
        await until(lambda: watcher.view() == observer.RoomView("total", 7, (0, 0, 7, *(0,) * 6)))
        ann.link.publish_report(HAPPY)
        await until(lambda: watcher.view().source == "mesh" and watcher.view().viewers == 1)
        run.cancel()
        await asyncio.wait([run])


async def test_an_old_broker_gets_version_3(unused_port: int) -> None:
    broker = start_python(AMQTT, str(unused_port))
    try:
        assert broker.stdout is not None
        assert await asyncio.to_thread(broker.stdout.readline) == b"up\n"
        url = f"mqtt://127.0.0.1:{unused_port}"
        bob = Seat(url)
        async with seated(bob):
            show = asyncio.create_task(
                asyncio.to_thread(audience, url, "--viewers", "12", "--duration", "5")
            )
            await until(lambda: bob.look().viewers == 12, within=20)
            done, _ = await show
            assert done.returncode == 0, done.stderr
            assert "0 of ours not as they are" in done.stderr
            await until(lambda: bob.look().viewers == 0)
    finally:
        broker.kill()
        broker.communicate()


# --- limits ------------------------------------------------------------------------------------


def test_more_connections_than_the_shell_allows_is_said_before_anything_starts() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
        "from resonance_tui.cli import main\nimport sys\n"
        "sys.argv[1:] = ['audience', 'x', '--viewers', '500', '--broker', 'mqtt://127.0.0.1:1']\n"
        "main()"
    )
    done = run_child([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "ulimit -n allows 256" in done.stderr
    assert "ulimit -n 564" in done.stderr and "--connections 192" in done.stderr


def test_a_low_own_limit_is_raised_as_far_as_the_shell_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: asked.append(pair))
    allow_connections(900)
    assert asked == []
    allow_connections(2000)
    assert asked == [(2064, 4096)]
    with pytest.raises(InputError, match="4096"):
        allow_connections(4033)


def test_a_mismatch_is_who_of_ours_cannot_have_been_counted() -> None:
    nobody = (0,) * 9
    assert count_mismatch([3, 1, 0, 0, 0, 0, 0, 0, 2], nobody) == 6
    assert count_mismatch([3, 1, 0, 0, 0, 0, 0, 0, 2], (3, 1, 0, 0, 0, 0, 0, 0, 2)) == 0
    assert count_mismatch([3, 1, 0, 0, 0, 0, 0, 0, 2], (2, 2, 9, 0, 0, 0, 0, 0, 2)) == 1
    assert count_mismatch([0] * 9, (5,) * 9) == 0
