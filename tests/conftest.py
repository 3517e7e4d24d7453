"""What every test may lean on: an empty home, a real Mosquitto, the shared clips."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from machine import MOSQUITTO, SHARED_DATA, Mosquitto, free_port

from resonance_tui.native import tame

tame()

# A busy machine is no reason to fail: how long an example takes is the benchmarks' business.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

NATIVE_THREADS = ("perception", "engine")  # of sessions that have ended: they end by themselves
XDG = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


@pytest.fixture(scope="session")
def _matplotlib_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One font cache for the whole run: building it takes seconds, in every empty home anew."""
    return tmp_path_factory.mktemp("matplotlib")


@pytest.fixture(autouse=True)
def empty_home(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    _matplotlib_cache: Path,
) -> Iterator[Path]:
    """No test reads or writes the settings of the person who runs it."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("RESONANCE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name in XDG:
        folder = home / name.lower()
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("MPLCONFIGDIR", str(_matplotlib_cache))
    yield home
    # The environment changes now, and C code that reads it meanwhile in a thread crashes.
    for thread in threading.enumerate():
        if thread.name in NATIVE_THREADS:
            thread.join(10)


@pytest.fixture
def shared_data() -> Path:
    """The folder with clips and data sets that lies beside the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no shared data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def unused_port() -> int:
    """A loopback port where nothing listens."""
    return free_port()


@pytest.fixture
def make_mosquitto(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Mosquitto]]:
    """Brokers with own configuration lines, not yet started; all are ended after the test."""
    if MOSQUITTO is None:
        pytest.skip("Mosquitto is not installed")
    made: list[Mosquitto] = []

    def make(*lines: str) -> Mosquitto:
        folder = tmp_path_factory.mktemp("mosquitto")
        made.append(Mosquitto(folder, lines) if lines else Mosquitto(folder))
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """A running broker without passwords."""
    broker = make_mosquitto()
    broker.start()
    return broker


@pytest.fixture
def face_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """MediaPipe's model from the shared data; without it the Haar cascade does the work."""
    model = SHARED_DATA / "face_landmarker.task"
    if model.is_file():
        monkeypatch.setenv("RESONANCE_FACE_MODEL", str(model))
