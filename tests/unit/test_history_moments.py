"""`history --moments` and the video's clock, as a script meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from moment_rooms import quiet_room

from resonance_tui.cli import cli, run_verb
from resonance_tui.emotions import Emotion
from resonance_tui.history.cues.registry import FORMATS
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

History = Callable[..., tuple[int, str, str]]
T0 = 1_795_371_000
LAUGHS = ("--moments", "--emotion=happiness", "--format=json")
MOODS = {120: Emotion.HAPPINESS, 300: Emotion.FEAR, 500: Emotion.HAPPINESS, 800: Emotion.SADNESS}


@pytest.fixture
def evening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty viewers for a quarter of an hour, with two laughs, a fright and a sad scene."""
    room = quiet_room(40, 900, np.random.default_rng(1))
    for start, code in MOODS.items():
        room[:32, start : start + 10] = code
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        for start in (T0 - 86_400, T0):
            store.append(
                Sample(
                    "show",
                    start + t,
                    40,
                    tuple(np.bincount(room[:, t], minlength=7).tolist()),
                    0,
                    0,
                )
                for t in range(900)
            )
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    return path


@pytest.fixture
def history(evening: Path, capfd: pytest.CaptureFixture[str]) -> History:
    """Run `history show` with words; its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = run_verb(cli, ["history", "show", *words])
        return code, *capfd.readouterr()

    return run


def starts(out: str) -> list[float]:
    return [each["start_s"] for each in json.loads(out)]


def test_where_did_they_laugh(history: History) -> None:
    code, out, _ = history("--moments", "--emotion", "happiness")
    assert code == 0
    assert [line[:14] for line in out.splitlines()] == [
        "00:00 Start",
        "02:00 Laughter",
        "08:20 Laughter",
    ]


def test_several_emotions_and_the_top_ones(history: History) -> None:
    _, out, _ = history("--moments", "--emotion", "happiness", "--emotion", "fear", "--format=json")
    assert starts(out) == [120, 300, 500]
    _, out, _ = history("--moments", "--top", "1", "--format", "json")
    assert len(starts(out)) == 1


def test_a_clip_of_half_a_minute_for_each_laugh(history: History) -> None:
    _, out, _ = history("--moments", "--emotion=happiness", "--clip=30s", "--format=json")
    assert [(each["start_s"], each["end_s"]) for each in json.loads(out)] == [
        (110, 140),
        (490, 520),
    ]
    _, out, _ = history(
        "--moments", "--emotion=happiness", "--clip=30s", "--lead-in", "5s", "--format=json"
    )
    assert starts(out) == [115, 495]


@pytest.mark.parametrize(("first", "last"), [(115, 135), (120, 120), (118, 125), (110, 899)])
def test_a_moment_is_the_same_in_whatever_range(history: History, first: int, last: int) -> None:
    _, whole, _ = history(*LAUGHS)
    code, out, _ = history(*LAUGHS, "--from", at(first), "--to", at(last))
    assert code == 0
    kept = [each for each in json.loads(whole) if at(first) <= each["local_time"][:19] <= at(last)]
    places = ("offset_s", "start_s", "end_s")
    told = [{k: v for k, v in each.items() if k not in places} for each in json.loads(out)]
    assert told == [{k: v for k, v in each.items() if k not in places} for each in kept]
    assert told


def test_a_range_that_begins_in_a_laugh_does_not_have_it(history: History) -> None:
    _, out, _ = history(*LAUGHS, "--from", at(122), "--to", at(140))
    assert json.loads(out) == []


def at(t: int) -> str:
    """That second of the evening as an argument: the machine's own clock."""
    return datetime.fromtimestamp(T0 + t).isoformat()


def test_records_say_how_much_and_how_sure_in_words(history: History) -> None:
    _, out, _ = history("--moments", "--emotion", "happiness", "--format", "json")
    first = json.loads(out)[0]
    assert first["part"] in ("most of the room", "nearly all of the room")
    assert (first["certainty"], first["emotion"]) == ("sure", "happiness")
    assert first["chance_per_hour"] < 0.01
    assert first["length_s"] == pytest.approx(10, abs=1)


def test_the_offset_of_the_video_is_kept_with_its_session(history: History) -> None:
    code, out, err = history(
        "--offset", "-26s", "--moments", "--emotion=happiness", "--format=json"
    )
    assert (code, starts(out)) == (0, [146, 526])
    assert "The session's video began on" in err
    assert starts(history(*LAUGHS)[1]) == [146, 526]
    assert starts(history(*LAUGHS, "--session=2")[1]) == [120, 500]
    clock = datetime.fromtimestamp(T0 - 26).strftime("%H:%M:%S")
    text = history("--sessions")[1]
    assert text.count("video from") == 1 and f"video from {clock}" in text
    sessions = json.loads(history("--sessions", "--format", "json")[1])
    assert [each["video_start"] for each in sessions] == ["2026-11-22T18:09:34Z", None]
    assert history("--video-start", "none", "--sessions")[1].count("video from") == 0


def test_a_clock_time_says_when_the_video_began_to_the_millisecond(history: History) -> None:
    clock = datetime.fromtimestamp(T0 + 130).strftime("%H:%M:%S") + ".5"
    _, out, err = history(
        "--video-start", clock, "--moments", "--emotion=happiness", "--format=csv"
    )
    assert "1 moment lies before the video begins." in err
    assert [line.split(",")[1] for line in out.splitlines()] == ["offset_s", "369.5"]


def test_of_a_late_stream_no_moment_of_a_range_is_lost(history: History) -> None:
    """The room reacts in its first seconds to a picture from before it."""
    history("--stream-delay", "30s", "--sessions")
    since = datetime.fromtimestamp(T0 + 110).isoformat()
    _, out, err = history(*LAUGHS, "--from", since)
    assert starts(out) == [10, 390] and "before" not in err
    history("--stream-delay", "150s", "--sessions")
    assert "1 moment lies before the recording begins." in history(*LAUGHS)[2]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "otio"])
def test_every_format_is_written(history: History, tmp_path: Path, name: str) -> None:
    out = tmp_path / "moments.of"
    code, _, err = history("--moments", "--format", name, "--out", str(out))
    assert code == 0
    assert out.stat().st_size > 40
    assert ("Frames are counted at 30 a second" in err) == FORMATS[name].has_rate


@pytest.mark.parametrize("suffix", ["vtt", "srt", "edl", "mlt", "kdenlive", "ffmeta"])
def test_the_files_name_says_the_format(history: History, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"moments.{suffix}"
    code, _, err = history("--moments", "--out", str(out), "--rate", "29.97")
    assert code == 0
    assert "Frames are counted" not in err
    assert out.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--emotion", "happiness"], "--emotion is for moments."),
        (["--lead-in", "3s"], "--lead-in is for moments and marks."),
        (["--moments", "--emotion", "joy"], "--emotion cannot be 'joy'"),
        (["--moments", "--top", "0"], "--top"),
        (["--moments", "--clip", "soon"], "--clip cannot be 'soon'"),
        (["--moments", "--clip", "0s"], "--clip cannot be '0s'"),
        (["--moments", "--clip", "10s", "--lead-in", "10s"], "leaves nothing of the moment"),
        (["--moments", "--format=edl", "--rate", "29.9"], "'29.9' is no frame rate"),
        (["--moments", "--format=edl", "--rate", "120"], "no time codes at 120"),
        (["--moments", "--out", "x.xml"], "No such format for --moments: xml"),
        (["--offset", "1s", "--video-start", "17:00"], "exclude each other"),
        (["--offset", "soon"], "no length of time"),
        (["--offset", "2h"], "begins after the recording has ended"),
        (["--video-start", "soon"], "no point in time"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_line(
    history: History, words: list[str], says: str
) -> None:
    code, out, err = history(*words)
    assert (code, out) == (2, "")
    assert says in err and "Traceback" not in err


def test_an_empty_evening_has_no_moments_and_says_so(history: History, evening: Path) -> None:
    with Store(evening) as store:
        store.append([Sample("calm", T0 + t, 40, (0, 0, 40, 0, 0, 0, 0), 0, 0) for t in range(600)])
    code = run_verb(cli, ["history", "calm", "--moments", "--format", "webvtt"])
    assert code == 0
