"""An extension is one module and one row: usable by name, and listed where a name is wrong."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from resonance_broker import BrokerProblem, BrokerSettings, ProblemKind, backends, start_broker
from resonance_broker.running import Say
from resonance_tui.cli import cli, run_verb
from resonance_tui.commands import doctor, session_builder
from resonance_tui.config import load
from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import EngineRequest, EngineSpec
from resonance_tui.engines.registry import confusion_of
from resonance_tui.errors import EngineUnavailable, InputError
from resonance_tui.hosting.traffic import FigureReader
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.face_pipeline import FacePipeline
from resonance_tui.pipeline.face_plan import FacePlan
from resonance_tui.pipeline.smoothing import Steady
from resonance_tui.pipeline.sources import Frame, Source
from resonance_tui.pipeline.tracker import Detection


def scratch_module(monkeypatch: pytest.MonkeyPatch, **contents: object) -> str:
    """The name of a module that holds `contents`, importable for one test."""
    module = ModuleType("scratch_extension")
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


# Face detectors


class WholeFrameDetector:
    """Takes every frame for a face."""

    name = "whole"

    def __init__(self, model: Path | None) -> None:
        assert model is None

    def detect(self, frame: Frame) -> list[Detection]:
        height, width = frame.image.shape[:2]
        return [Detection(width / 2, height / 2, height, 0.0, (0, 0, width, height))]

    def forget(self) -> None:
        """Holds nothing."""

    def close(self) -> None:
        """Holds nothing."""


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> str:
    module = scratch_module(monkeypatch, create=WholeFrameDetector)
    monkeypatch.setitem(detectors.DETECTORS, "whole", detectors.DetectorEntry("Whole", module))
    return "whole"


def test_a_new_face_detector_is_one_row(whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_CAMERA_DETECTOR", whole)
    config = load({"camera.source": "demo"})
    assert session_builder.check_intent(config).detector == whole
    detector = detectors.create(whole)
    frame = Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0)
    (face,) = detector.detect(frame)
    assert (face.cx, face.side) == (32, 48)
    found = doctor._faces(config)
    assert found.verdict == "ok"
    every = ", ".join(detectors.names())
    assert found.text == f"whole (camera.detector = whole; there are {every})"


async def test_a_new_face_detector_reads_the_camera(whole: str, tmp_path: Path) -> None:
    readings: asyncio.Queue[Steady] = asyncio.Queue()
    face = FacePipeline(
        FacePlan(Source("demo"), "static", tmp_path, whole),
        once=False,
        on_reading=lambda steady, latency: readings.put_nowait(steady) if latency else None,
        on_status=lambda: None,
        on_notice=lambda text: None,
    )
    running = asyncio.create_task(face.run())
    try:
        steady = await asyncio.wait_for(readings.get(), 30)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert len(steady.probabilities) == 7
    assert face.engine.detail.startswith("whole · ")


@pytest.mark.parametrize("source", ["demo", "none"])
def test_a_wrong_detector_name_lists_every_detector(whole: str, source: str) -> None:
    with pytest.raises(InputError) as caught:
        session_builder.check_intent(load({"camera.detector": "hoar", "camera.source": source}))
    assert "'hoar'" in caught.value.message and caught.value.exit_code == 2
    assert ", ".join(detectors.names()) in caught.value.hint


# Engines


class CoinEngine:
    """Says "happy" to everything."""

    def __init__(self, request: EngineRequest) -> None:
        request.say("minting")
        self.spec = EngineSpec(request.name, 1, 5.0, 48, 0.2, 0.4)

    def predict(self, clip: np.ndarray) -> np.ndarray:
        return np.eye(7, dtype=np.float32)[1]


@pytest.fixture
def coin(monkeypatch: pytest.MonkeyPatch) -> str:
    row = engines.EngineEntry(scratch_module(monkeypatch, create=CoinEngine))
    monkeypatch.setitem(engines.ENGINES, "coin", row)
    return "coin"


def test_a_new_engine_is_one_row(coin: str, tmp_path: Path) -> None:
    intent = session_builder.check_intent(load({"engine.name": coin, "camera.source": "demo"}))
    assert intent.engine == coin
    said: list[str] = []
    engine = engines.create(coin, tmp_path, say=said.append)
    assert (engine.spec.name, said) == (coin, ["minting"])
    assert confusion_of(coin) is None  # nobody published its mistakes


def test_a_new_engine_is_named_wherever_engines_are(
    coin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert coin in engines.names() and coin in engines.summary()
    with pytest.raises(InputError) as near:
        session_builder.check_intent(load({"engine.name": "coim"}))
    assert "Did you mean coin" in near.value.hint
    with pytest.raises(InputError) as far:
        session_builder.check_intent(load({"engine.name": "qqqqq"}))
    assert "coin" in far.value.hint and "are always there" in far.value.hint
    assert run_verb(cli, ["models", "list"]) == 0
    (line,) = [each for each in capsys.readouterr().out.splitlines() if "`--engine`" in each]
    assert line.startswith("`--engine` also takes: auto, static, ") and "coin" in line


def test_an_engine_whose_package_is_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = engines.EngineEntry("not_imported", packages=("no_such_package",))
    monkeypatch.setitem(engines.ENGINES, "coin", row)
    with pytest.raises(EngineUnavailable) as caught:
        engines.resolve("coin", tmp_path)
    assert "no_such_package" in caught.value.message
    assert caught.value.hint == "pip install no_such_package"


# Broker programs


class PaperBroker:
    """Starts nothing, and has names of its own for its figures."""

    kind, url, limits, login, last_words = "paper 1.0", "", (), None, "out of paper"
    has_mqtt5 = is_running = False

    def __init__(self, settings: BrokerSettings, say: Say | None) -> None:
        self.settings = settings
        self.figures = {"$PAPER/out": "sent"}
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        if self.settings.port == 1:
            raise BrokerProblem(ProblemKind.FAILED, "no paper on port 1")

    def renew_people(self) -> None:
        """Knows nobody."""

    def stop(self) -> None:
        """Holds nothing."""


@pytest.fixture
def paper(monkeypatch: pytest.MonkeyPatch) -> str:
    row = backends.Backend(scratch_module(monkeypatch, create=PaperBroker))
    monkeypatch.setitem(backends.BACKENDS, "paper", row)
    return "paper"


def test_a_new_broker_is_one_row(paper: str, capsys: pytest.CaptureFixture[str]) -> None:
    broker = start_broker(BrokerSettings(program=paper))
    assert isinstance(broker, PaperBroker) and broker.starts == 1
    assert run_verb(cli, ["broker", "--program", paper, "--port", "1"]) == 1
    assert "no paper on port 1" in capsys.readouterr().err


def test_the_figures_of_a_broker_are_read_under_its_own_names(paper: str) -> None:
    reader = FigureReader(start_broker(BrokerSettings(program=paper)).figures)
    reader.feed("$PAPER/out", b"6")
    assert reader.out_per_s(0.0) == 0.0


def test_a_wrong_broker_name_lists_every_broker(
    paper: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BrokerProblem) as caught:
        start_broker(BrokerSettings(program="papyrus"))
    assert caught.value.kind is ProblemKind.USAGE
    assert "auto, mosquitto, embedded, paper" in caught.value.hint
    assert run_verb(cli, ["broker", "--program", "papyrus"]) == 2
    assert "One of auto, mosquitto, embedded, paper." in capsys.readouterr().err
