"""A library that does not load is told with what to do, and never as a fault of ours."""

from __future__ import annotations

import importlib
import sys

import cv2
import pytest

from resonance_tui.cli import run_verb
from resonance_tui.engines import registry as engines
from resonance_tui.errors import EngineUnavailable, LibraryBroken
from resonance_tui.pipeline import opencv
from resonance_tui.pipeline.detectors import network

NO_GL = ImportError("libGL.so.1: cannot open shared object file")


@pytest.mark.parametrize(
    ("error", "hint"),
    [(NO_GL, "libgl1"), (ModuleNotFoundError("No module named 'cv2'", name="cv2"), "Install")],
)
def test_a_command_says_what_is_wrong_and_what_helps(
    error: ImportError, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise error

    assert run_verb(fails, []) == 1
    said = capsys.readouterr().err
    assert str(error) in said and hint in said
    assert "should not have" not in said and "Traceback" not in said


def test_an_import_of_our_own_that_fails_is_our_fault(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(**_: object) -> None:
        raise ImportError("cannot import name 'x'", name="resonance_tui.texts")

    assert run_verb(fails, []) == 1
    assert "should not have happened" in capsys.readouterr().err


def test_opencv_that_does_not_load_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(LibraryBroken, match="cv2"):
        importlib.reload(opencv)


def test_an_engine_without_its_library_says_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resonance_tui.engines.still", None)
    with pytest.raises(EngineUnavailable) as caught:
        engines.create("static")
    assert caught.value.hint == "Install resonance-tui again."


def test_opencv_without_its_reader_is_an_error_that_the_next_detector_can_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(cv2.dnn, "readNetFromTFLite")
    with pytest.raises(RuntimeError, match="cannot load it"):
        network.Network(b"", 128, 0.0, 1.0)
