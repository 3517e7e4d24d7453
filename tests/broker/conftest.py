"""Real brokers on free loopback ports: Mosquitto where it is installed, the embedded one always."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from children import run_child
from limits import Limit
from machine import free_port
from starts import Start

from resonance_broker import BrokerSettings, RunningBroker, find_mosquitto, start_broker
from resonance_broker.certificate import own_certificate


@pytest.fixture(autouse=True)
def _skip_without_mosquitto(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("mosquitto") and find_mosquitto() is None:
        pytest.skip("needs Mosquitto: sudo apt-get install mosquitto")


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts brokers with the given settings, on free ports, and stops them all at the end."""
    running: list[RunningBroker] = []

    def start_one(*, say: Callable[[str], None] | None = None, **settings: object) -> RunningBroker:
        settings.setdefault("port", free_port())
        running.append(start_broker(BrokerSettings(**settings), say=say))
        return running[-1]

    yield start_one
    for broker in running:
        broker.stop()


@pytest.fixture(params=[pytest.param("mosquitto", marks=pytest.mark.mosquitto), "embedded"])
def either(request: pytest.FixtureRequest, start: Start) -> RunningBroker:
    """Both kinds of broker, one after the other."""
    return start(program=request.param)


@pytest.fixture
def users_file(tmp_path: Path) -> Path:
    """Made by the real mosquitto_passwd: ada / enigma."""
    program = shutil.which("mosquitto_passwd")
    if program is None:
        pytest.skip("needs mosquitto_passwd")
    path = tmp_path / "users"
    run_child([program, "-b", "-c", str(path), "ada", "enigma"], check=True, timeout=10)
    return path


@pytest.fixture(scope="session")
def tls_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-made certificate for localhost and 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl program")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    options = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    command = ["openssl", "req", *options.split(), "-addext", names]
    files = ["-keyout", str(key), "-out", str(cert)]
    run_child([*command, *files], check=True, capture_output=True, timeout=30)
    return cert, key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where that broker keeps its accounts."""
    return tmp_path / "broker"


@pytest.fixture
def broker(start: Start, folder: Path) -> RunningBroker:
    """A guarded one, with a certificate of its own."""
    cert, key = own_certificate(folder, ["127.0.0.1"])
    return start(accounts=folder, tls_cert=cert, tls_key=key)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Waits until something is so; fails when it is not within the time."""

    def wait(is_so: Callable[[], object], timeout_s: float = 8.0) -> None:
        deadline = Limit(timeout_s)
        while not is_so():
            assert not deadline.ran_out(), "did not come to pass in time"
            time.sleep(0.05)

    return wait
