"""`history --moments` where OBS wrote the video: files, positions in them, what was found live."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from moment_rooms import quiet_room

from resonance_tui.cli import cli, run_verb
from resonance_tui.emotions import Emotion
from resonance_tui.errors import InputError
from resonance_tui.history.live_marks import LiveMark, keep_marks
from resonance_tui.history.reels import base_name, choose_reel
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store
from resonance_tui.history.video_clock import keep_video_start
from resonance_tui.history.video_parts import VideoPart, keep_parts

History = Callable[..., tuple[int, str, str]]
T0 = 1_795_371_000
LAUGHS_AT = (120, 300, 600)  # seconds of the session
# Two files; the first was paused from 200 to 260, and the second begins where the first ended.
PARTS = (
    VideoPart("Record", T0 + 20, T0 + 200, "/v/a.mkv", 0.0, True),
    VideoPart("Record", T0 + 260, T0 + 400, "/v/a.mkv", 180.0, True),
    VideoPart("Record", T0 + 400, T0 + 890, "/v/b.mkv", 0.0, True),
)


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty viewers for a quarter of an hour who laugh three times."""
    room = quiet_room(40, 900, np.random.default_rng(1))
    for start in LAUGHS_AT:
        room[:32, start : start + 10] = Emotion.HAPPINESS
    path = tmp_path / "history.sqlite"
    counts = (tuple(np.bincount(room[:, t], minlength=7).tolist()) for t in range(900))
    with Store(path) as store:
        store.append(Sample("show", T0 + t, 40, seven, 0, 0) for t, seven in enumerate(counts))
        keep_parts(store, "show", PARTS)
        (span,) = store.sessions("show")
        keep_video_start(store, "show", span, T0 + 20)
        live = [
            LiveMark(T0 + 120.4, Emotion.HAPPINESS, 30, 40, "/v/r.mkv"),
            LiveMark(T0 + 700.5, Emotion.FEAR, 10, 40),
        ]
        keep_marks(store, "show", live)
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    return path


@pytest.fixture
def history(evening: Path, capfd: pytest.CaptureFixture[str]) -> History:
    """Run `history show --moments` with words; its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = run_verb(cli, ["history", "show", "--moments", *words])
        return code, *capfd.readouterr()

    return run


def test_each_moment_has_its_file_its_position_and_its_replay(history: History) -> None:
    _, out, _ = history("--format", "json")
    found = json.loads(out)
    assert [each["kind"] for each in found] == ["reaction"] * 3 + ["live"]
    places = [(each["file"], each["file_s"], each["file_precision"]) for each in found]
    assert places == [
        ("/v/a.mkv", pytest.approx(100, abs=1), "exact"),
        ("/v/a.mkv", pytest.approx(220, abs=1), "exact"),
        ("/v/b.mkv", pytest.approx(200, abs=1), "exact"),
        ("/v/b.mkv", 300.5, "exact"),
    ]
    assert [each["replay"] for each in found] == ["/v/r.mkv", None, None, None]
    assert (found[-1]["name"], found[-1]["after"]) == ("Scare", 0.25)


def test_csv_has_the_same_columns(history: History) -> None:
    _, out, _ = history("--format", "csv", "--emotion", "fear")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["kind"], row["file"], row["file_s"]) == ("live", "/v/b.mkv", "300.5")


@pytest.mark.parametrize("format", ["json", "jsonl", "csv"])
def test_rows_too_are_those_of_the_file_that_is_named(history: History, format: str) -> None:
    code, out, said = history("--format", format, "--file", "b.mkv")
    assert code == 0 and out.count("/v/b.mkv") == 2 and "a.mkv" not in out
    assert "2 moments are not in b.mkv; --file names another one." in said
    assert history("--format", format, "--file", "c.mkv")[0] == 2


def test_chapters_are_those_of_the_file_that_the_video_is_its_pause_left_out(
    history: History,
) -> None:
    _, out, said = history("--format", "webvtt")
    assert "00:01:40" in out and "00:03:40" in out
    assert "00:09:40" not in out
    assert "1 moment is not in a.mkv; --file names another one." in said


def test_the_other_file_has_chapters_of_its_own(history: History) -> None:
    code, out, _ = history("--format", "webvtt", "--file", "b.mkv")
    assert code == 0
    assert "00:03:20" in out and "00:05:00.500" in out
    assert "00:01:40" not in out


def test_a_file_that_obs_did_not_write_is_refused_with_those_that_it_did(history: History) -> None:
    code, _, said = history("--format", "webvtt", "--file", "c.mkv")
    assert code == 2
    assert "OBS wrote no 'c.mkv'" in said and "a.mkv, b.mkv" in said


def test_where_a_person_said_otherwise_the_clock_on_the_wall_counts(
    history: History, evening: Path
) -> None:
    _, out, _ = history("--format", "webvtt", "--offset", "0s")
    assert "00:02:00" in out and "00:05:00" in out and "00:10:00" in out


def test_paths_are_read_as_the_system_of_obs_writes_them() -> None:
    assert base_name("C:\\Videos\\a b.mkv") == "a b.mkv"
    assert base_name("/v/a\u00e9.mkv") == "a\u00e9.mkv"


def test_a_reel_leaves_out_what_was_not_written() -> None:
    reel = choose_reel(PARTS, None, T0 + 20.0)
    assert reel is not None
    assert reel.length_s == 320
    found = [reel.position(T0 + t) for t in (0, 20, 199, 230, 260, 399, 500)]
    assert found == [None, 0, 179, None, 180, 319, None]
    assert choose_reel(PARTS, None, T0 + 3.0) is None  # a video of somebody else's
    assert choose_reel((), None, T0 + 20.0) is None
    with pytest.raises(InputError, match=r"wrote no 'x\.mkv'"):
        choose_reel((), "x.mkv", None)
