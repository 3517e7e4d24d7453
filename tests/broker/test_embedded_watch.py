"""The built-in broker closes who has fallen silent, and what was taken over: as raw packets."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest
from limits import patience, within
from starts import Start

from resonance_broker import RunningBroker, embedded_watch
from resonance_broker.embedded_watch import ConnectionWatch
from resonance_tui.protocol.packets import PINGREQ, connect_packet, publish

WILL = "resonance/1/room/r/7/alice"
SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01#\x00"
KEEPALIVE_S = 1


@pytest.fixture
def broker(start: Start) -> RunningBroker:
    return start(program="embedded")


@contextlib.contextmanager
def client(broker: RunningBroker, name: str, keepalive_s: int = 60) -> Generator[socket.socket]:
    with socket.create_connection((broker.settings.host, broker.settings.port), 5) as line:
        will = WILL if name == "alice" else None
        line.sendall(connect_packet(4, name, keepalive_s=keepalive_s, will_topic=will))
        assert line.recv(4)[0] == 0x20
        yield line


def wait_for(line: socket.socket, wanted: bytes, within_s: float) -> float:
    """Seconds until that was received."""
    began, got = time.monotonic(), b""
    line.settimeout(patience(within_s))
    while wanted not in got:
        data = line.recv(4096)
        assert data, "closed"
        got += data
    return time.monotonic() - began


def is_closed_within(line: socket.socket, seconds: float) -> bool:
    line.settimeout(patience(seconds))
    try:
        while line.recv(4096):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def cleared() -> bytes:
    """The will as a subscriber receives it: at QoS 1 with a number, and without a payload."""
    topic = WILL.encode()
    return bytes([4 + len(topic), 0, len(topic)]) + topic


def test_who_is_silent_for_longer_than_its_keepalive_is_closed_and_its_will_sent(
    broker: RunningBroker,
) -> None:
    with client(broker, "watcher") as watcher, client(broker, "alice", KEEPALIVE_S) as alice:
        watcher.sendall(SUBSCRIBE)
        wait_for(watcher, b"\x90", 5)
        took = wait_for(watcher, cleared(), 5)
        assert took >= KEEPALIVE_S
        assert is_closed_within(alice, 3)


def test_who_pings_stays(broker: RunningBroker) -> None:
    with client(broker, "alice", KEEPALIVE_S) as alice:
        for _ in range(6):
            alice.sendall(PINGREQ)
            wait_for(alice, b"\xd0\x00", 3)
            time.sleep(0.5)


def test_without_a_keepalive_nobody_is_closed(broker: RunningBroker) -> None:
    with client(broker, "bob", 0) as bob, client(broker, "alice", KEEPALIVE_S) as alice:
        assert is_closed_within(alice, 5)
        bob.sendall(PINGREQ)
        wait_for(bob, b"\xd0\x00", 3)


def test_a_connection_that_was_taken_over_is_closed_without_its_will(
    broker: RunningBroker,
) -> None:
    with client(broker, "watcher") as watcher, client(broker, "alice") as old:
        watcher.sendall(SUBSCRIBE)
        wait_for(watcher, b"\x90", 5)
        with client(broker, "alice") as new:
            assert is_closed_within(old, 3)
            new.sendall(publish(4, WILL, b"here"))
            watcher.settimeout(patience(3))
            got = b""
            while b"here" not in got:
                got += watcher.recv(4096)
            assert cleared() not in got
        wait_for(watcher, cleared(), 5)  # the new one has no DISCONNECT either


def test_who_is_closed_may_come_back(broker: RunningBroker) -> None:
    with client(broker, "alice", KEEPALIVE_S) as silent:
        assert is_closed_within(silent, 5)
    with client(broker, "alice", KEEPALIVE_S) as back:
        back.sendall(PINGREQ)
        wait_for(back, b"\xd0\x00", 3)


@dataclass
class _Silent:
    """Of a client: what the watch sees of its session, and how its connection is closed."""

    watch: ConnectionWatch
    keep_alive: int = 1
    is_closed: bool = False
    takes_along: list[str] = field(default_factory=list[str])

    async def handle_connection_closed(self) -> None:
        self.is_closed = True
        for client_id in self.takes_along:
            self.watch._connections.pop(client_id, None)


async def test_clients_that_end_while_another_is_closed_do_not_end_the_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedded_watch, "LOOK_EVERY_S", 0.01)
    watch = ConnectionWatch.__new__(ConnectionWatch)
    names = ("first", "second", "third")
    clients: dict[str, Any] = {name: _Silent(watch, takes_along=["second"]) for name in names}
    watch._connections = {
        name: embedded_watch._Connection(each, each, silent_s=9.0) for name, each in clients.items()
    }
    running = asyncio.create_task(watch.run())
    async with within(2):
        while not clients["third"].is_closed and not running.done():
            await asyncio.sleep(0.01)
    assert not running.done()
    assert not clients["second"].is_closed
    running.cancel()


def test_a_broker_that_cannot_end_in_time_lets_go_of_its_port_and_of_everybody(
    broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("amqtt.broker.Broker.shutdown", stuck)
    monkeypatch.setattr("resonance_broker.embedded.STOP_TIMEOUT_S", 0.05)
    address = broker.settings.host, broker.settings.port
    with client(broker, "alice") as alice:
        broker.stop()
        assert is_closed_within(alice, 3)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, patience(3))
