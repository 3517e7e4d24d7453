"""What every test may lean on: an empty home, a real Mosquitto, the shared clips."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_timeout
from children import adopt_descendants, ended_afterwards, left_over
from hypothesis import HealthCheck, settings
from limits import patience
from machine import MOSQUITTO, SHARED_DATA, Mosquitto, free_port

from resonance_tui.config import directories
from resonance_tui.native import tame
from resonance_tui.pipeline.face_model import FILE_NAME

# A script's background job is started with SIGINT ignored, and every child inherits that: then
# no Ctrl-C that a test sends arrives anywhere.
signal.signal(signal.SIGINT, signal.default_int_handler)
adopt_descendants()
os.environ["LANGUAGE"] = "en"  # what tests read on screens, wherever they run

# A busy machine is no reason to fail: how long an example takes is the benchmarks' business. The
# same tests see the same examples; `--hypothesis-profile explore` looks for others.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("house", settings.get_profile("explore"), derandomize=True)
settings.load_profile("house")

# What takes longest comes first, work for the processor and waiting for the world by turns: at the
# end of a run only short files are left, and no worker waits for another. The rest keeps its order.
LONGEST = (
    "hygiene/test_scripts",
    "pipeline/test_verbs",
    "pipeline/test_audience",
    "pipeline/test_failover",
    "pipeline/test_network_failover",
    "pipeline/test_sweep_live",
    "zoo/test_still_scripts",
    "pipeline/test_networks",
    "zoo/test_clips_scripts",
    "pipeline/test_faults",
    "broker/test_broker_verb",
    "pipeline/test_clips_live",
    "ui/test_typed_ahead",
    "zoo/test_portable",
    "pipeline/test_counting_live",
    "pipeline/test_version_before",
    "pipeline/test_steady",
    "pipeline/test_fast_parity",
    "pipeline/test_people",
    "pipeline/test_aggregator",
    "pipeline/test_brokers",
    "pipeline/test_session_recording",
    "pipeline/test_session",
    "pipeline/test_slow_engines",
    "broker/test_desk",
    "pipeline/test_zoo_program",
    "zoo/test_still_training",
    "broker/test_links_in_shells",
    "pipeline/test_faces",
    "pipeline/test_sinks_live",
    "pipeline/test_rumours_live",
    "pipeline/test_camera",
    "pipeline/test_camera_sources",
    "broker/test_invites",
    "pipeline/sheets/test_sheets_verbs",
    "pipeline/test_link",
    "pipeline/test_session_listeners",
    "pipeline/test_services",
    "pipeline/test_host_word",
    "zoo/test_timm",
    "pipeline/test_failover_programs",
    "pipeline/sheets/test_sheets_live",
    "pipeline/test_session_connection",
    "pipeline/test_session_camera",
    "broker/test_mosquitto",
    "pipeline/test_cluster",
    "pipeline/sheets/test_sheets_sending",
    "pipeline/sheets/test_sheets_failures",
)
NATIVE_THREADS = ("perception", "engine")  # of sessions that have ended: they end by themselves
FETCHED = directories().data  # of the person who runs the tests; each test has an empty home
XDG = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


def pytest_configure(config: pytest.Config) -> None:
    """Not where tests are only handed out: workers would take what C code sees for the user's."""
    if not config.getoption("numprocesses", None):
        tame()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Path(__file__).parent
    place = {tests / f"{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))


def pytest_collection_finish() -> None:
    """What all test modules hold lives to the end: looking through it for garbage, again and
    again, takes a seventh of the run. A whole collection is due after more of the partial ones."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 100)


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> object:
    """A test's limit, too, is meant for an idle machine; it guards against hangs only."""
    lenient = settings._replace(timeout=2 * patience(settings.timeout))
    return pytest_timeout.pytest_timeout_set_timer(item, lenient)


@pytest.fixture(scope="session", autouse=True)
def _no_process_is_left_behind() -> Iterator[None]:
    """The run fails, with the command line, when a program outlives it."""
    yield
    assert not (left := left_over()), "still running: " + "; ".join(left)


@pytest.fixture(autouse=True)
def _children_end_with_their_test() -> Iterator[None]:
    with ended_afterwards():
        yield


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
    for name in ("PIP_NO_INDEX", "UV_OFFLINE"):  # no test fetches anything
        monkeypatch.setenv(name, "1")
    yield home
    # The environment changes now, and C code that reads it meanwhile in a thread crashes.
    for thread in threading.enumerate():
        if thread.name in NATIVE_THREADS:
            thread.join(patience(10))


@pytest.fixture
def lasting_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said by key does not end after ten seconds: a fault may take longer, on a busy
    machine."""
    monkeypatch.setattr("resonance_tui.session.self_report.MANUAL_LASTS_S", 3600.0)


@pytest.fixture(scope="session")
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
    """MediaPipe's model from the shared data, or as `scripts/test` has fetched it; without it the
    Haar cascade does the work."""
    places = (SHARED_DATA, FETCHED)
    model = next((each / FILE_NAME for each in places if (each / FILE_NAME).is_file()), None)
    if model is not None:
        monkeypatch.setenv("RESONANCE_FACE_MODEL", str(model))
