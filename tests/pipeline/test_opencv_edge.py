"""What OpenCV says, loads and finds at the edge of the picture source."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cameras import Started, collect
from children import run_child

from resonance_tui.errors import CameraBusy, CameraMissing
from resonance_tui.pipeline import devices
from resonance_tui.pipeline.devices import find_devices, open_capture
from resonance_tui.pipeline.sources import Source

# The screen


def test_opencv_says_nothing_and_loads_in_the_thread(tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_text("hello")
    program = f"""
import sys, time
from resonance_tui.pipeline.sources import CameraState, Source
from resonance_tui.pipeline.camera import FrameSource
assert "cv2" not in sys.modules and "numpy" not in sys.modules
bad, url = {str(bad)!r}, "http://127.0.0.1:9/x"
for source in (Source("device", "99"), Source("url", url), Source("file", bad)):
    camera = FrameSource(source, backoff=(0.01,))
    camera.start()
    while camera.status.state is not CameraState.MISSING:
        time.sleep(0.01)
    camera.stop()
"""
    done = run_child([sys.executable, "-c", program], capture_output=True, timeout=50)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout + done.stderr == b""


# OpenCV's edge


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells these apart")
@pytest.mark.parametrize(
    ("exists", "may_open", "error", "words"),
    [
        (False, False, CameraMissing, "no camera 99"),
        (True, False, CameraBusy, "may not be opened"),
        (True, True, CameraBusy, "in use"),
    ],
)
def test_why_a_device_does_not_open(monkeypatch, exists, may_open, error, words):
    monkeypatch.setattr("os.path.exists", lambda path: exists)
    monkeypatch.setattr("os.access", lambda path, mode: may_open)
    with pytest.raises(error, match=words) as caught:
        open_capture(Source("device", "99"))
    assert caught.value.hint


async def test_a_file_torn_in_the_middle_plays_what_is_there(started: Started, video, tmp_path):
    path = tmp_path / "torn.avi"
    data = video.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames = await collect(started(Source("file", str(path)), once=True), 5)
    assert 3 <= len(frames) <= 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its cameras")
def test_cameras_are_listed_without_the_nodes_that_give_no_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, system = tmp_path / "dev", tmp_path / "sys"
    for number, index in ((0, 0), (1, 1), (10, 0), (2, None)):
        nodes.mkdir(exist_ok=True)
        (nodes / f"video{number}").touch()
        if index is not None:
            (system / f"video{number}").mkdir(parents=True)
            (system / f"video{number}" / "index").write_text(f"{index}\n")
    (nodes / "video-codec").touch()
    monkeypatch.setattr(devices, "NODES", nodes)
    monkeypatch.setattr(devices, "SYSTEM", system)
    assert [source.value for source in find_devices()] == ["0", "2", "10"]
