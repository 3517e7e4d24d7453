"""Every film of the table is read to its end, or refused, in one clear line."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest
from children import run_child
from film_table import FILMS, Film

from resonance_tui.errors import SourceInvalid
from resonance_tui.pipeline.devices import check_playable, open_capture
from resonance_tui.pipeline.playback_clock import PlaybackClock
from resonance_tui.pipeline.sources import Source

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")

FPS = 10.0  # wanted
TEST_PICTURE = "testsrc2=s=64x48"
BRIGHTNESS = 65.0  # of 255, its mean


@dataclass(frozen=True, slots=True)
class Played:
    """What a film was when it was stepped through."""

    times: Sequence[float]  # media times
    sizes: set[tuple[int, int]]  # width, height
    shortfall: tuple[float, float] | None
    brightness: float  # of 255, mean of all frames


def make(film: Film, folder: Path) -> Source:
    path = folder / film.name
    line = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", film.source]
    done = run_child([*line, *film.line.split(), str(path)], capture_output=True)
    if done.returncode:
        pytest.skip(f"this ffmpeg does not write it: {done.stderr.decode()[-200:]}")
    if film.spoil is not None:
        path.write_bytes(film.spoil(path.read_bytes()))
    return Source("file", str(path))


def play(source: Source) -> Played:
    capture, times, sizes = open_capture(source), list[float](), set[tuple[int, int]]()
    means = list[float]()
    try:
        while capture.grab():
            image = capture.retrieve()
            assert image is not None
            times.append(capture.media_time() or 0.0)
            sizes.add((image.shape[1], image.shape[0]))
            means.append(float(image.mean()))
        return Played(times, sizes, capture.shortfall(), fmean(means))
    finally:
        capture.release()


def delivered(times: Sequence[float]) -> list[float]:
    """When the frames are shown that a decoder without cost delivers."""
    clock, now, shown = PlaybackClock(FPS), 0.0, list[float]()
    for time in times:
        wait = clock.wait(time, now)
        if wait is not None:
            now += wait
            shown.append(now)
    return shown


@pytest.mark.parametrize("film", [film for film in FILMS if film.frames], ids=lambda it: it.name)
def test_a_film_is_read_to_its_end(film: Film, tmp_path: Path) -> None:
    assert film.frames is not None
    played = play(make(film, tmp_path))
    assert film.frames - film.lost <= len(played.times) <= film.frames
    assert played.sizes == {film.size}
    if film.source.startswith(TEST_PICTURE) and film.size != (1, 1):
        assert played.brightness == pytest.approx(BRIGHTNESS, abs=7)
    assert all(before < after for before, after in pairwise(played.times))
    assert (played.shortfall is not None) == film.is_short
    if film.lost < film.frames / 2:
        assert played.times[-1] - played.times[0] == pytest.approx(film.last, abs=0.05)
    longest = max((b - a for a, b in pairwise(played.times)), default=0.0)
    shown = delivered(played.times)
    assert max((b - a for a, b in pairwise(shown)), default=0.0) <= longest + 1 / FPS
    assert len(shown) <= FPS * (played.times[-1] - played.times[0]) + 1.5


@pytest.mark.parametrize("film", [it for it in FILMS if not it.frames], ids=lambda it: it.name)
def test_what_is_no_film_is_refused_in_one_line(film: Film, tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid, match=film.name) as caught:
        check_playable(make(film, tmp_path))
    assert "\n" not in caught.value.message and caught.value.hint
