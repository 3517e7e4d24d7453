"""What `doctor` says of a camera by how many pictures it gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resonance_tui import config
from resonance_tui.commands import doctor
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
