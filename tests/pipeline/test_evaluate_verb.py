"""`evaluate` as it is typed: a made film, an engine that reads brightness, and what cannot be."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import cv2
import numpy as np
import pytest

from resonance_tui.cli import cli, run_verb
from resonance_tui.config import load
from resonance_tui.emotions import Emotion
from resonance_tui.engines import registry as engines
from resonance_tui.engines.base import EngineRequest, EngineSpec
from resonance_tui.errors import CameraMissing
from resonance_tui.pipeline import devices
from resonance_tui.pipeline.detectors import registry as detectors
from resonance_tui.pipeline.sources import Frame, Source
from resonance_tui.pipeline.tracker import Detection
from resonance_tui.profile import Profile

NOBODY, NEUTRAL, HAPPY, SAD = 0, 60, 130, 200  # how bright a picture of the film is
FPS, SIZE = 10, (64, 48)
PLAN = "0.0 2.0 rest\n2.0 4.0 happiness\n4.0 6.0 empty\n"


class Detector:
    """Takes every picture that is not black for a face."""

    name = "brightness"

    def detect(self, frame: Frame) -> list[Detection]:
        if frame.image.mean() < 20:
            return []
        return [Detection(32, 24, 44, 0.0, (10, 2, 54, 46))]

    def forget(self) -> None:
        """Holds nothing."""

    def close(self) -> None:
        """Holds nothing."""


class Engine:
    """Reads how bright a face is. `at_predictions`: what happens at which one."""

    spec = EngineSpec("brightness", 1, 30.0, 48, 0.0, 0.3)
    at_predictions: dict[int, Callable[[], object]] = {}  # noqa: RUF012

    def __init__(self) -> None:
        self._count = 0

    def predict(self, clip: np.ndarray) -> np.ndarray:
        self._count += 1
        self.at_predictions.get(self._count, lambda: None)()
        levels = ((95, Emotion.NEUTRAL), (165, Emotion.HAPPINESS), (256, Emotion.SADNESS))
        code = next(code for below, code in levels if clip.mean() < below)
        return (np.eye(7, dtype=np.float32)[code] * 0.86 + 0.02).astype(np.float32)


@pytest.fixture(autouse=True)
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("brightness")
    vars(module)["create"] = lambda wanted: (
        Engine() if isinstance(wanted, EngineRequest) else Detector()
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(engines.ENGINES, "brightness", engines.EngineEntry(module.__name__))
    detector = detectors.DetectorEntry("Brightness", module.__name__)
    monkeypatch.setitem(detectors.DETECTORS, "brightness", detector)
    monkeypatch.setenv("RESONANCE_CAMERA_DETECTOR", "brightness")
    monkeypatch.setenv("RESONANCE_ENGINE_NAME", "brightness")
    monkeypatch.setattr(Engine, "at_predictions", {})


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds each: neutral, happy, nobody."""
    return made(tmp_path / "made.avi", (NEUTRAL, 2.0), (HAPPY, 2.0), (NOBODY, 2.0))


def made(path: Path, *parts: tuple[int, float]) -> Path:
    """A film of evenly grey pictures."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    for level, seconds in parts:
        for _ in range(round(seconds * FPS)):
            writer.write(np.full((SIZE[1], SIZE[0], 3), level, np.uint8))
    writer.release()
    return path


def plan_file(folder: Path, text: str = PLAN) -> Path:
    path = folder / "plan.txt"
    path.write_text(text, encoding="utf-8")
    return path


def told(capfd: pytest.CaptureFixture[str], *args: object, code: int = 0) -> dict[str, Any]:
    assert run_verb(cli, ["evaluate", *map(str, args), "--json"]) == code
    return json.loads(capfd.readouterr().out)


def complaint(capfd: pytest.CaptureFixture[str], *args: object) -> str:
    """One line and a hint, exit code 2."""
    assert run_verb(cli, ["evaluate", *map(str, args)]) == 2
    out, err = capfd.readouterr()
    lines = err.strip().splitlines()
    assert out == "" and "Traceback" not in err
    assert len([line for line in lines if line.startswith("error: ")]) == 1
    assert lines[-1].startswith("       ")
    return err


def test_a_film_is_scored_task_by_task(
    film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = told(capfd, "--source", film, "--plan", plan_file(tmp_path))
    rest, happiness, empty = found["tasks"]
    assert (rest["task"], rest["share"], rest["changes_a_minute"]) == ("rest", 1, 0)
    assert 0.25 <= happiness["found_s"] <= 0.7
    assert happiness["share"] == pytest.approx(1 - happiness["found_s"] / 2, abs=0.01)
    assert happiness["confidence"] > 0.6
    assert empty["share"] == pytest.approx(0.45, abs=0.1)  # a face may be gone for a second
    assert (found["engine"], found["detector"], found["source"]) == (
        "brightness",
        "brightness",
        "film",
    )
    assert not found["stopped"] and found["totals"]["found"] == 1


def test_a_film_gives_the_same_figures_every_time(
    film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ("--source", film, "--plan", plan_file(tmp_path))
    assert told(capfd, *args) == told(capfd, *args)


def test_a_person_sees_a_table_and_the_summary_goes_into_a_file(
    film: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "summary.json"
    args = ["--source", film, "--plan", plan_file(tmp_path), "--tasks", "rest,happiness"]
    assert run_verb(cli, ["evaluate", *map(str, args), "--out", str(out)]) == 0
    shown, said = capfd.readouterr()
    assert "neutral 100 %" in shown and "asked expressions found: 1 of 1" in shown
    assert str(out) in said
    assert [task["task"] for task in json.loads(out.read_text())["tasks"]] == ["rest", "happiness"]


def test_ctrl_c_ends_it_and_what_was_done_is_summed_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = made(tmp_path / "long.avi", *((NEUTRAL, 1.0), (HAPPY, 1.0)) * 30)
    stops = {60: lambda: os.kill(os.getpid(), signal.SIGINT)}
    monkeypatch.setattr(Engine, "at_predictions", stops)
    plan = plan_file(tmp_path, "0 1 rest\n1 59 talk")
    found = told(capfd, "--source", long, "--plan", plan, code=130)
    assert found["stopped"] and [task["task"] for task in found["tasks"]] == ["rest", "talk"]
    assert 0 < found["tasks"][1]["seconds"] < 50


def test_who_sits_there_is_told_what_to_do(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = plan_file(tmp_path, "0.2 0.6 rest\n0.7 1 happiness")
    out = tmp_path / "summary.json"
    args = ["--source", "demo", "--plan", str(plan), "--out", str(out)]
    assert run_verb(cli, ["evaluate", *args]) == 0
    said = capfd.readouterr().err
    assert "[1/2] Look at the screen and rest your face." in said
    assert "[2/2] Smile, as at a good joke." in said
    found = json.loads(out.read_text())
    assert found["source"] == "demo" and len(found["tasks"]) == 2
    assert found["tasks"][0]["seconds"] == pytest.approx(0.4)


class Unplugged:
    """A camera that gives twelve pictures, and is gone."""

    is_recording = False

    def __init__(self) -> None:
        self._left = 12

    def grab(self) -> bool:
        time.sleep(0.03)  # as a camera's own clock
        self._left -= 1
        return self._left >= 0

    def retrieve(self) -> np.ndarray:
        return np.full((SIZE[1], SIZE[0], 3), NEUTRAL + self._left % 2, np.uint8)

    def glance(self) -> np.ndarray:
        return self.retrieve()

    def shortfall(self) -> None:
        """It is no recording."""

    def media_time(self) -> None:
        """It is no recording."""

    def release(self) -> None:
        """Nothing is held."""


def test_a_camera_that_is_lost_is_said_and_the_sitting_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = iter([Unplugged()])

    def open_capture(source: Source) -> Unplugged:
        if (capture := next(opened, None)) is None:
            raise CameraMissing("There is no camera 0.")
        return capture

    monkeypatch.setattr(devices, "open_capture", open_capture)
    Profile(load().directories.profile_file).set_consent(1.0)
    plan = plan_file(tmp_path, "0 2.2 rest")
    assert run_verb(cli, ["evaluate", "--source", "0", "--plan", str(plan), "--json"]) == 0
    out, err = capfd.readouterr()
    assert err.count("No more pictures from camera 0") == 1
    (rest,) = json.loads(out)["tasks"]
    assert rest["shares"]["neutral"] > 0 and rest["shares"]["away"] > 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--tasks", "rest,smirk"), "There is no task 'smirk'."),
        (("--tasks", ","), "No task is named."),
        (("--plan", "nowhere.txt"), "nowhere.txt cannot be read: No such file or directory."),
        (("--source", "nowhere.mp4"), "There is no file nowhere.mp4."),
        (("--source", "none"), "Without a camera there is nobody to read."),
        (
            ("--source", "demo", "--out", "nowhere/summary.json"),
            "The folder that --out names is not there",
        ),
        (("--engine", "tarot"), "There is no engine called 'tarot'."),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    args: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert message in complaint(capfd, *args)


def test_a_plan_that_is_no_text_is_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.txt"
    for data, message in ((b"\xff\xfe\x00", "it is no text"), (b"#" * 200_000, "too long")):
        path.write_bytes(data)
        assert message in complaint(capfd, "--plan", path)


def test_a_film_that_is_too_short_is_refused_before_it_is_read(
    film: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "The film ends at 0:06, the plan at 2:00." in complaint(capfd, "--source", film)


def test_a_film_that_is_cut_is_refused_where_it_ends(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = made(tmp_path / "whole.avi", (NEUTRAL, 6.0))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    said = complaint(capfd, "--source", cut, "--plan", plan_file(tmp_path))
    assert "The film ends at 0:0" in said and "the plan at 0:06" in said


def test_no_film_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film")
    assert "is no video that can be read" in complaint(capfd, "--source", path)


def test_no_camera_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    Profile(load().directories.profile_file).set_consent(1.0)
    assert "camera 99" in complaint(capfd, "--source", "99")


def test_without_a_terminal_nobody_is_read_who_has_not_agreed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert "Nobody has agreed yet" in complaint(capfd, "--source", "99")


@pytest.mark.parametrize("agrees", [True, False])
def test_a_person_is_asked_once_before_the_camera_is_opened(
    agrees: bool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", lambda text, **_: asked.append(text) or agrees)
    said = complaint(capfd, "--source", "99")
    assert ("Without your consent" in said) is not agrees
    assert Profile(load().directories.profile_file).load().has_consented(1) is agrees
    assert asked == ["Do you agree?"]


def test_show_plan_prints_a_file_that_is_read_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(cli, ["evaluate", "--show-plan", "--tasks", "rest,anger"]) == 0
    text = capfd.readouterr().out
    again = plan_file(tmp_path, text)
    assert run_verb(cli, ["evaluate", "--show-plan", "--plan", str(again)]) == 0
    assert capfd.readouterr().out == text
