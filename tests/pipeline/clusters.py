"""Real clusters on free loopback ports, from the configuration files that a host would deploy."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from children import start_child
from limits import Limit, patience
from machine import Mosquitto, free_port, not_up, on_free_ports

from resonance_broker.certificate import self_signed
from resonance_broker.cluster.layout import Node, Secrets, mosquitto_files, nats_files

NATS = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text)


def _mosquitto(folder: Path, node: Node) -> Mosquitto:
    """Reads the generated file as it is, but for the listener, which the class writes itself."""
    (folder / node.name).mkdir(exist_ok=True)
    lines = (folder / f"{node.name}.conf").read_text().splitlines()
    broker = Mosquitto(folder / node.name, tuple(x for x in lines if not x.startswith("listener")))
    broker.port = node.port
    return broker


@contextmanager
def mosquitto_edges(folder: Path, *names: str) -> Iterator[dict[str, Mosquitto]]:
    """A core (under that name) and edges around it, which reach it with TLS and a password."""
    brokers = on_free_ports(lambda: _start_edges(folder, names))
    try:
        yield brokers
    finally:
        for broker in brokers.values():
            broker.kill()


def _start_edges(folder: Path, names: tuple[str, ...]) -> dict[str, Mosquitto]:
    core, *edges = (Node(name, port=free_port()) for name in ("core", *names))
    secrets = Secrets({name: f"secret of {name}" for name in names})
    certificate, key = self_signed([core.host], datetime.now(UTC))
    pems = {"core.crt": certificate, "ca.crt": certificate, "core.key": key}
    _write(folder, {name: pem.decode() for name, pem in pems.items()})
    _write(folder, mosquitto_files(core, edges, secrets, folder=str(folder), tls=True))
    brokers = {node.name: _mosquitto(folder, node) for node in (core, *edges)}
    with _ended_at_an_error(brokers.values()):
        for broker in brokers.values():
            broker.start()
    return brokers


@contextmanager
def _ended_at_an_error(brokers: Iterable[Mosquitto | NatsNode]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for broker in brokers:
            broker.kill()
        raise


def _start_nodes(nodes: list[NatsNode]) -> list[NatsNode]:
    with _ended_at_an_error(nodes):
        for each in nodes:
            each.start()
        for each in nodes:
            each.wait()
    return nodes


class NatsNode:
    """One node, which a test may kill."""

    def __init__(self, folder: Path, node: Node) -> None:
        self.node = node
        self._conf = folder / f"{node.name}.conf"
        self._log = folder / f"{node.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        assert NATS is not None
        with self._log.open("ab") as log:
            self._process = start_child(
                [NATS, "-c", str(self._conf)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def wait(self) -> None:
        """Until it takes calls; its streams may still be looking for a leader."""
        deadline = Limit(10)
        while self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((self.node.host, self.node.port), timeout=0.5).close()
                return
            assert not deadline.ran_out(), "does not answer"
            time.sleep(0.02)
        raise not_up("NATS", self.log)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(timeout=patience(10))
            self._process = None


@contextmanager
def nats_of_totals(folder: Path) -> Iterator[NatsNode]:
    """One node of a cluster whose viewers read totals alone, with its accounts: viewer / v and
    staff / s."""
    nodes = [
        Node(name, port=free_port(), client_port=free_port()) for name in ("one", "two", "six")
    ]
    texts = nats_files(nodes, Secrets({}, "c", "v", "s"), folder=str(folder), totals=True)
    alone = re.sub(r"^cluster \{.*?^\}\n", "", texts["one.conf"], flags=re.S | re.M)
    _write(folder, {"one.conf": alone})
    broker = NatsNode(folder, nodes[0])
    broker.start()
    try:
        broker.wait()
        yield broker
    finally:
        broker.kill()


@contextmanager
def nats_alone(folder: Path) -> Iterator[NatsNode]:
    """One node without accounts, which keeps its store when it is killed and started again."""
    (broker,) = on_free_ports(lambda: _start_nodes([_node_alone(folder)]))
    try:
        yield broker
    finally:
        broker.kill()


def _node_alone(folder: Path) -> NatsNode:
    node = Node("alone", port=free_port(), client_port=free_port())
    mqtt, store = f"{node.host}:{node.port}", folder / "store"
    _write(
        folder,
        {
            "alone.conf": f"""
                server_name: alone
                listen: "{node.host}:{node.client_port}"
                mqtt {{ listen: "{mqtt}" }}
                jetstream {{ store_dir: "{store}", max_mem: 64MB, max_file: 256MB }}
            """
        },
    )
    return NatsNode(folder, node)


@contextmanager
def nats_cluster(folder: Path) -> Iterator[list[NatsNode]]:
    """Three nodes."""
    running = on_free_ports(lambda: _start_nodes(_cluster(folder)))
    try:
        yield running
    finally:
        for each in running:
            each.kill()


def _cluster(folder: Path) -> list[NatsNode]:
    nodes = [
        Node(name, port=free_port(), client_port=free_port(), cluster_port=free_port())
        for name in ("one", "two", "three")
    ]
    secrets = Secrets({}, cluster="between-us", viewer="viewers", staff="staff")
    _write(folder, nats_files(nodes, secrets, folder=str(folder)))
    return [NatsNode(folder, node) for node in nodes]
