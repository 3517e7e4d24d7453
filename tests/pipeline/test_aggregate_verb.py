"""`aggregate` as a person runs it: what it says, who may, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from children import run_child, start_child
from limits import Limit, patience
from machine import free_port

from resonance_broker import BrokerSettings, start_broker
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands import aggregate
from resonance_tui.commands.aggregate import account_id, status_line
from resonance_tui.config import load
from resonance_tui.errors import BrokerRefused
from resonance_tui.messaging.aggregator import AggregatorStatus
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.protocol.events import HostKeyEvent
from resonance_tui.protocol.frames import encode_room
from resonance_tui.protocol.messages import ROOM_SETTINGS
from resonance_tui.protocol.urls import BrokerUrl
from resonance_tui.protocol.values import RoomSettings
from resonance_tui.room.authority import Authority

APP = [sys.executable, "-m", "resonance_tui"]


def run(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return run_child([*APP, *args], capture_output=True, text=True, timeout=40, **options)


@pytest.mark.mosquitto
def test_a_viewer_is_told_by_the_total_and_by_ctrl_c_of_its_end(mosquitto: Any) -> None:
    import paho.mqtt.publish

    settings = encode_room(RoomSettings(tick_ms=50, heartbeat_s=2, ttl_s=5, mesh_max=3))
    paho.mqtt.publish.single(
        ROOM_SETTINGS.topic.of("show"),
        settings,
        qos=1,
        retain=True,
        hostname="127.0.0.1",
        port=mosquitto.port,
    )
    crowd = start_child(
        [*APP, "audience", "show", "--viewers", "9", "--broker", mosquitto.url],
        stderr=subprocess.DEVNULL,
    )
    counter = start_child(
        [*APP, "aggregate", "show", "--broker", mosquitto.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        viewer = start_child(
            [
                *(*APP, "join", "show", "--camera", "none", "--headless", "--json"),
                *("--duration", "20", "--broker", mosquitto.url),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        wait_for_room(viewer, mode="total", viewers=10)
        counter.send_signal(signal.SIGINT)
        out, said = counter.communicate(timeout=patience(10))
        wait_for_room(viewer, mode="mesh", viewers=10)
    finally:
        for process in (viewer, crowd, counter):
            process.terminate()
            process.communicate(timeout=patience(10))
    assert counter.returncode == 130
    assert out == ""
    assert "Counting show at mqtt://" in said and "connected" in said and "messages heard" in said
    assert "Traceback" not in said


def wait_for_room(viewer: subprocess.Popen[str], *, mode: str, viewers: int) -> None:
    assert viewer.stdout is not None
    deadline = Limit(15)
    for line in viewer.stdout:
        told = json.loads(line)
        if told["type"] == "room" and (told["mode"], told["viewers"]) == (mode, viewers):
            return
        assert not deadline.ran_out(), told
    raise AssertionError("the viewer ended")


@pytest.mark.mosquitto
def test_only_an_aggregators_account_may_count(tmp_path: Path) -> None:
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("needs mosquitto_passwd")
    users = tmp_path / "users"
    for flags, name in ((("-b", "-c"), "ada"), (("-b",), "agg-1")):
        run_child([program, *flags, str(users), name, "enigma"], check=True, timeout=10)
    broker = start_broker(BrokerSettings(port=free_port(), users=users))
    try:
        environment = os.environ | {"RESONANCE_BROKER_PASSWORD": "enigma"}
        url = broker.url.replace("://", "://{}@")
        with ThreadPoolExecutor() as both:
            refused, counted = both.map(
                lambda each: run(
                    *("aggregate", "show", "--broker", url.format(each[0])),
                    *("--duration", each[1]),
                    env=environment,
                ),
                (("ada", "7"), ("agg-1", "2.5")),
            )
    finally:
        broker.stop()
    assert refused.returncode == 1
    assert "does not let this user count" in refused.stderr and "agg-" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert counted.returncode == 0, counted.stderr
    assert "connected" in counted.stderr and "enigma" not in counted.stderr


def test_a_broker_that_is_not_there_is_said_and_waited_for() -> None:
    done = run("aggregate", "show", "--broker", "mqtt://127.0.0.1:1", "--duration", "1.5")
    assert done.returncode == 0
    assert "lost · nothing listens at 127.0.0.1:1" in done.stderr


def test_a_channel_that_is_none_is_refused() -> None:
    done = run("aggregate", "Not a Channel!")
    assert done.returncode == 2
    assert "not-a-channel" in done.stderr


def test_what_is_not_announced_is_not_said() -> None:
    assert run_verb(cli, ["aggregate", "show", "--totals"]) == 2


@pytest.mark.parametrize("is_said", [True, False])
def test_who_says_that_viewers_read_totals_alone_believes_the_rooms_key_at_once(
    is_said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the first total is exact: a host's login cannot find out who else shows keys."""
    believed: list[bytes | None] = []

    def make(*_: object, authority: Authority, **__: object) -> None:
        authority.take_key(HostKeyEvent("show", bytes(32)), 0.0)
        believed.append(authority.key)
        raise BrokerRefused("enough")

    monkeypatch.setattr("resonance_tui.messaging.aggregator.Aggregator", make)
    with pytest.raises(BrokerRefused):
        aggregate.run(load(), "show", announce=True, totals=is_said, duration=None)
    assert believed == [bytes(32) if is_said else None]


@pytest.mark.parametrize(
    ("name", "agent_id"),
    [("agg-1", "agg-1"), ("ada", ""), (None, ""), ("agg-+", ""), ("AGG-1", ""), ("agg-", "")],
)
def test_an_account_for_counting_is_the_id(name: str | None, agent_id: str) -> None:
    assert account_id(BrokerUrl(username=name)) == agent_id


def test_the_status_line_in_words() -> None:
    counting = AggregatorStatus(agents=2, shards=30, viewers=280, is_root=True, room=300)
    assert status_line(counting, LinkState.CONNECTED, 5) == (
        "counting ... · 30 of 64 shards · root of 2 · up 0:00:05"
    )
    figures = replace(counting, room=600, is_whole=True)
    assert status_line(figures, LinkState.CONNECTED, 3723.9) == (
        "600 in the room · 280 of them here, 30 of 64 shards · root of 2 · up 1:02:03"
    )
    assert status_line(figures, LinkState.LOST, 5) == "lost · up 0:00:05"
