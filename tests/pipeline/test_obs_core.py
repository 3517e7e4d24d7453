"""Hybrid MP4 chapters by the core of OBS 32, which a wheel brings without OBS's front end."""

from __future__ import annotations

import json
import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from children import run_child
from obs_studio import flashes, screen, what_is_missing

TESTS = Path(__file__).parents[1]
WITHIN_S = 0.2
MISSING = [name for name in ("pylibobs", "av") if find_spec(name) is None]
MISSING += [name for name in what_is_missing().split(", ") if name in ("Xvfb", "ffmpeg")]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    pytest.mark.timeout(150),
]


def libraries(folder: Path) -> str:
    """Where the core finds FFmpeg 6.1: in the wheel of `av`, by plain names."""
    spec = find_spec("av")
    assert spec is not None and spec.origin is not None
    wheel = Path(spec.origin).parent.with_name("av.libs")
    folder.mkdir()
    for file in wheel.iterdir():
        name = re.fullmatch(r"(lib(?:av\w+|sw\w+|postproc|x264))-\w+(\.so\.\d+).*", file.name)
        if name is not None:
            (folder / "".join(name.groups())).symlink_to(file)
    return f"{folder}:{wheel}"


def test_obs_has_its_chapters_and_the_history_its_marks_where_the_picture_flashes(
    tmp_path: Path,
) -> None:
    file = tmp_path / "video.mp4"
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent / "scripts"), *filter(None, sys.path)])
    with screen() as display:
        there = {"DISPLAY": display, "LIBGL_ALWAYS_SOFTWARE": "1", "PYTHONPATH": paths}
        there["LD_LIBRARY_PATH"] = libraries(tmp_path / "lib")
        done = run_child(
            [sys.executable, str(TESTS / "obs_core.py"), str(file), str(tmp_path / "h.sqlite")],
            env=os.environ | there,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["version"].startswith("32.")
    shown = flashes(file)
    assert len(shown) == 4
    assert found["marks"] == pytest.approx(shown, abs=WITHIN_S)
    assert chapters(file) == pytest.approx([0.0, *shown], abs=WITHIN_S)  # OBS adds one at 0


def chapters(file: Path) -> list[float]:
    """Where they begin, as ffprobe reads them."""
    command = ["ffprobe", "-v", "error", "-show_chapters", "-of", "json", str(file)]
    told = run_child(command, capture_output=True, text=True, check=True).stdout
    return [float(each["start_time"]) for each in json.loads(told)["chapters"]]
