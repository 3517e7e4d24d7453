"""Recordings, frame by frame: their times, damage, and where they end."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from children import run_child
from film_table import turned
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from limits import until

from resonance_tui.errors import CameraLost
from resonance_tui.pipeline.camera import FrameSource
from resonance_tui.pipeline.devices import VideoCapture, check_playable, open_capture
from resonance_tui.pipeline.films import open_film, open_stream
from resonance_tui.pipeline.sources import CameraState, Source, parse_source


class FakeVideo:
    """A cv2.VideoCapture with made-up time stamps (ms)."""

    def __init__(self, positions: list[float], rate: float = 25.0) -> None:
        self.positions, self.rate = iter(positions), rate

    def get(self, prop: int) -> float:
        fixed = {cv2.CAP_PROP_FPS: self.rate, cv2.CAP_PROP_FRAME_COUNT: 0.0}
        return fixed[prop] if prop in fixed else next(self.positions)

    def grab(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("positions", "rate", "times"),
    [
        ([0, 40, 80, 120], 25.0, [0, 0.04, 0.08, 0.12]),
        ([0, 0, 0, 0], 25.0, [0, 0.04, 0.08, 0.12]),  # no time stamps
        ([0, 40, -3000, 160], 25.0, [0, 0.04, 0.08, 0.16]),
        ([0, 40, 9e9, 160], 25.0, [0, 0.04, 0.08, 0.16]),
        ([0, 0, 0, 0], 0.0, [0, 0.04, 0.08, 0.12]),  # no rate either
        ([5000, 5040, 5080, 5120], 25.0, [5, 5.04, 5.08, 5.12]),
        ([0, 100, 70100, 70200, 70300], 25.0, [0, 0.1, 0.14, 0.24, 0.34]),  # nothing for 70 s
        (
            [95e6, 95e6 + 50, 0, 50, 100],
            25.0,
            [95e3, 95e3 + 0.05, 95e3 + 0.09, 95e3 + 0.14, 95e3 + 0.19],
        ),  # the stamps begin anew
        ([0, 80, 40, 120, 160, 240], 25.0, [0, 0.08, 0.12, 0.16, 0.2, 0.24]),  # out of order
    ],
)
def test_media_time_grows_whatever_the_container_says(positions, rate, times):
    fake: Any = FakeVideo(positions, rate)
    capture = VideoCapture(fake, is_recording=True)
    seen = []
    for _ in times:
        assert capture.grab()
        seen.append(capture.media_time())
    assert seen == pytest.approx(times)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """10 s at 30 frames a second, H.264 in MP4, its index in front."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    path = tmp_path / "film.mp4"
    line = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=30:d=10"]
    line += ["-c:v", "libx264", "-g", "30", "-threads", "1", "-movflags", "+faststart"]
    done = run_child([*line, str(path)], capture_output=True)
    if done.returncode:
        pytest.skip("this ffmpeg writes no H.264")
    return path


def tear(path: Path, kept: float) -> None:
    """Leave that share of a file, from its beginning."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])


def stepped(path: Path) -> tuple[list[float], tuple[float, float] | None]:
    """The media times of all frames, and what is missing."""
    capture, times = open_capture(Source("file", str(path))), []
    while capture.grab():
        times.append(capture.media_time() or 0.0)
    short = capture.shortfall()
    capture.release()
    return times, short


@pytest.mark.parametrize("where", [0.3, 0.5, 0.8])
def test_a_damaged_packet_is_not_the_end_of_the_film(film: Path, where: float):
    data = bytearray(film.read_bytes())
    begin = int(len(data) * where)
    data[begin : begin + 40] = b"\xa5" * 40
    film.write_bytes(data)
    times, short = stepped(film)
    assert len(times) >= 270
    assert times[-1] > 9.5
    assert short is None


def test_a_whole_film_has_no_more_frames_than_it_has(film: Path):
    times, short = stepped(film)
    assert len(times) == 300 and short is None


def test_a_download_that_was_cut_off_is_told_from_a_whole_film(film: Path):
    tear(film, 0.4)
    times, short = stepped(film)
    assert 30 < len(times) < 200
    assert short == pytest.approx((times[-1] + 1 / 30, 10), abs=0.1)


async def test_the_end_of_a_torn_film_is_said(film: Path):
    tear(film, 0.2)
    source = FrameSource(Source("file", str(film)), once=True)
    source.start()
    await until(lambda: source.status.state is CameraState.ENDED)
    source.stop()
    assert "film.mp4 ended after" in source.note and "of 10 s" in source.note


def test_a_decoder_that_always_refuses_ends():
    fake: Any = FakeVideo([])
    refused: list[bool] = []
    fake.grab = lambda: bool(refused.append(True))
    assert not VideoCapture(fake, is_recording=True).grab()
    assert 10 < len(refused) < 1000
    refused.clear()
    assert not VideoCapture(fake, is_recording=False).grab()
    assert len(refused) == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), max_size=20).map(
        lambda text: text + ".png"
    )
)
@example("12:30.mp4")
@example("2024-01-01T12:30:00.mp4")
@example("file:a.png")
@example("concat:a|b.png")
@example("-i.png")
@example("a%03d.png")
@example("data:,.png")
def test_a_file_of_any_name_is_opened_as_the_file_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.chdir(tmp_path)
    _, picture = cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))
    Path(name).write_bytes(picture.tobytes())
    try:
        for path in (name, str(tmp_path / name)):
            capture = open_capture(Source("file", path))
            assert capture.grab()
            capture.release()
    finally:
        Path(name).unlink()


@pytest.mark.parametrize("name", ["12:30.png", "./12:30.png", "meeting:1.png"])
def test_a_colon_in_a_name_is_no_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    monkeypatch.chdir(tmp_path)
    _, picture = cv2.imencode(".png", np.zeros((32, 32, 3), np.uint8))
    Path(name).write_bytes(picture.tobytes())
    check_playable(parse_source(name))


def test_what_opencv_raises_is_a_lost_camera():
    def fail() -> bool:
        raise cv2.error("boom")

    fake: Any = FakeVideo([])
    fake.grab = fail
    with pytest.raises(CameraLost):
        VideoCapture(fake, is_recording=False).grab()


def make_film(path: Path, *line: str) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    source = ["-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2"]
    run_child(["ffmpeg", "-nostdin", "-v", "error", *source, *line, str(path)], check=True)


ODD_NAMES = ["a b.mov", " it's [so]; 'x', y.mov", "12:30.mov", "back\\slash.mov", "50%d.mov",
             "é漢.mov", "tab\t.mov", "new\nline.mov", "=@#.mov", "trailing .mov"]  # fmt: skip


def test_a_film_that_goes_through_filters_is_the_file_that_it_is(tmp_path: Path):
    """Names are escaped twice there: as a value, and as a part of a graph."""
    deep = tmp_path / "deep.mov"
    make_film(deep, "-c:v", "prores_ks")
    for name in ODD_NAMES:
        path = tmp_path / name
        deep.rename(path)
        video, facts = open_film(str(path))
        assert video.get(cv2.CAP_PROP_FRAME_COUNT) < 0 < facts.frames  # filters do not know
        assert video.grab() and video.retrieve()[1].shape == (48, 64, 3)
        video.release()
        path.rename(deep)


def test_a_film_with_a_turn_is_turned_by_filters_as_by_opencv(tmp_path: Path):
    film = tmp_path / "film.mp4"
    make_film(film, "-c:v", "libx264", "-pix_fmt", "yuv420p10le")
    upright = film.read_bytes()
    for cos, sin in ((0, 1), (-1, 0), (0, -1)):
        film.write_bytes(turned(cos, sin)(upright))
        filtered, direct = open_film(str(film))[0], open_stream(str(film))
        assert filtered.grab() and direct.grab()
        ours, theirs = filtered.retrieve()[1], direct.retrieve()[1]
        assert np.abs(ours.astype(int) - theirs).mean() < 15  # another turn: more than 60
