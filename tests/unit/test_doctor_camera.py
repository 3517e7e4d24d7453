"""What `doctor` says of a camera by how many pictures it gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resonance_tui import config
from resonance_tui.commands import doctor
from resonance_tui.errors import FaceModelMissing
from resonance_tui.pipeline import camera
from resonance_tui.pipeline.sources import CameraState, CameraStatus, Frame, Source
from resonance_tui.profile import Profile


class Rated:
    """A FrameSource that is read and gives so many pictures a second."""

    fps = 0.0

    def __init__(self, source: Source) -> None:
        self.source, self.status = source, CameraStatus(CameraState.LIVE)
        self.offered_fps = self.fps

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def latest(self) -> Frame:
        return Frame(np.zeros((720, 1280, 3), np.uint8), 0.0, 0)


@pytest.mark.parametrize(
    ("fps", "verdict", "hint"), [(30.0, "ok", ""), (2.0, "warn", "about 1.0 s")]
)
def test_how_long_a_change_takes_with_a_slow_camera(
    fps: float, verdict: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Rated, "fps", fps)
    monkeypatch.setattr(camera, "FrameSource", Rated)
    loaded = config.load({"camera.source": "0"})
    Profile(loaded.directories.profile_file).set_consent(1.0)
    found = doctor._camera(loaded)
    assert f"1280x720, {fps:.1f} pictures a second" in found.text
    assert (found.verdict, hint in found.advice) == (verdict, True)


def test_a_face_model_that_is_not_there_is_no_fault_of_the_camera(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("RESONANCE_FACE_MODEL", str(tmp_path / "nowhere"))
    monkeypatch.setattr(Rated, "fps", 30.0)
    monkeypatch.setattr(camera, "FrameSource", Rated)
    loaded = config.load({"camera.source": "0"})
    Profile(loaded.directories.profile_file).set_consent(1.0)
    assert doctor._camera(loaded).verdict == "ok"


@pytest.mark.parametrize("detector", ["fast", "mediapipe"])
def test_a_detector_that_was_asked_for_fails_for_the_reason_that_its_model_has(
    detector: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_FACE_MODEL", str(tmp_path / "nowhere"))
    monkeypatch.setenv("RESONANCE_CAMERA_DETECTOR", detector)
    with pytest.raises(FaceModelMissing, match="nowhere") as caught:
        doctor._faces(config.load())
    assert "used" not in caught.value.hint  # nothing else is


def test_a_file_that_is_no_film_is_not_to_be_plugged_in(tmp_path: Path) -> None:
    film = tmp_path / "letter.mp4"
    film.write_text("Dear Mia")
    found = doctor._camera(config.load({"camera.source": str(film)}))
    assert "no video" in found.text and "lug" not in found.advice


@pytest.mark.parametrize("people", ["one", "all"])
def test_a_consent_for_one_face_opens_no_camera_that_reads_all(
    people: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Rated, "fps", 30.0)
    monkeypatch.setattr(camera, "FrameSource", Rated)
    loaded = config.load({"camera.source": "0", "camera.people": people})
    Profile(loaded.directories.profile_file).set_consent(1.0)
    found = doctor._camera(loaded)
    asks = "not opened, nobody has agreed to reading everybody in view yet"
    assert (found.verdict, asks in found.text) == (("ok", False), ("warn", True))[people == "all"]
    assert ("--people all" in found.advice) == (people == "all")
    Profile(loaded.directories.profile_file).set_consent(1.0, covers_all=True)
    assert doctor._camera(loaded).verdict == "ok"
