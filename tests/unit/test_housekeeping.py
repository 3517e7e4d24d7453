"""Forgetting: what is named goes, all else stays, and the file is smaller afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_tui.cli import cli, run_verb
from resonance_tui.history import runs
from resonance_tui.history.marks import add_mark, marks
from resonance_tui.history.retention import channels, count, forget, forget_session, size, vacuum
from resonance_tui.history.samples import Gap, Sample
from resonance_tui.history.store import Store
from resonance_tui.history.video_parts import RECORD, VideoPart, keep_parts, video_parts

T0 = 1_795_345_200


def row(t: int, channel: str = "lobby", source: str = "local") -> Sample:
    return Sample(channel, t, 3, (1, 0, 2, 0, 0, 0, 0), 0, 0, source)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def fill(store: Store, channel: str, length: int) -> None:
    run = runs.begin(store, channel, "local", T0, title=f"in {channel}")
    store.append(row(T0 + second, channel) for second in range(length))
    runs.end(store, run, T0 + length - 1)
    runs.mark_gap(store, channel, Gap(T0 + 10, T0 + 12, 3, "why"))


def test_a_channel_goes_and_the_others_stay(path: Path) -> None:
    with Store(path) as store:
        fill(store, "lobby", 50)
        fill(store, "zoo", 20)
        assert count(store, ["lobby"]) == 50
        assert forget(store, ["lobby"]) == 50
        assert store.channels() == ["zoo"]
        assert store.sessions("lobby") == []
        assert runs.runs(store, "lobby") == []
        assert runs.gaps(store, "lobby") == []
        assert len(store.read("zoo")) == 20
        assert [span.title for span in store.sessions("zoo")] == ["in zoo"]
        assert len(runs.gaps(store, "zoo")) == 1
        assert forget(store, ["lobby"]) == 0


def test_what_obs_wrote_beside_a_room_that_was_never_there_can_be_forgotten(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    part = VideoPart(RECORD, T0, T0 + 9.0, "/videos/secret.mkv", 0.0, is_exact=True)
    with Store(path) as store:
        fill(store, "zoo", 20)
        keep_parts(store, "lobby", [part])
    assert run_verb(cli, ["history", "forget", "lobby", "--yes"]) == 0
    with Store(path) as store:
        assert video_parts(store, "lobby", T0, T0 + 9) == [] and channels(store) == ["zoo"]
    assert b"secret" not in path.read_bytes()
    assert "Deleted" in capsys.readouterr().err
    assert run_verb(cli, ["history", "forget", "lobby", "--yes"]) == 2


def test_what_is_older_goes(path: Path) -> None:
    with Store(path) as store:
        fill(store, "lobby", 2000)
        fill(store, "zoo", 20)
        before = T0 + 1000
        assert count(store, ["lobby", "zoo"], before) == 1020
        assert forget(store, ["lobby", "zoo"], before) == 1020
        assert store.channels() == ["lobby"]
        (span,) = store.sessions("lobby")
        assert (span.start, span.end, span.rows) == (before, T0 + 1999, 1000)
        assert span.title == "in lobby"  # it goes on from where it was cut
        assert runs.gaps(store, "lobby") == []
        assert runs.runs(store, "zoo") == []


def test_the_run_that_goes_on_is_kept(path: Path) -> None:
    with Store(path) as store:
        runs.begin(store, "lobby", "local", T0, title="cut off")
        going = runs.begin(store, "lobby", "local", T0 + 100, title="live")
        store.append(row(T0 + second) for second in range(100, 300))
        forget(store, ["lobby"], T0 + 200)
        runs.end(store, going, T0 + 300)
        assert [(run.start, run.title) for run in runs.runs(store, "lobby")] == [(T0 + 200, "live")]


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.tuples(st.integers(0, 4000), st.sampled_from("ab")), max_size=40),
    st.integers(0, 4000),
)
def test_sessions_agree_with_the_rows_that_are_left(
    tmp_path_factory: pytest.TempPathFactory, seconds: set[tuple[int, str]], before: int
) -> None:
    folder = tmp_path_factory.mktemp("forget")
    kept = [row(T0 + t, source=source) for t, source in seconds if t >= before]
    with Store(folder / "one.sqlite") as store, Store(folder / "other.sqlite") as other:
        store.append(row(T0 + t, source=source) for t, source in seconds)
        forget(store, ["lobby"], T0 + before)
        other.append(kept)
        assert store.read("lobby") == other.read("lobby")
        for source in (None, "a", "b"):
            assert store.sessions("lobby", source=source) == other.sessions("lobby", source=source)


def test_space_is_given_back_while_a_recorder_runs(path: Path) -> None:
    with Store(path) as store, Store(path) as recorder, Store(path, read_only=True) as reader:
        store.append(row(T0 + second, "secret-room") for second in range(20_000))
        store.append([row(T0)])
        full = size(path)
        assert forget(store, ["secret-room"]) == 20_000
        before, after = vacuum(store)
        assert after < full / 4
        assert before >= full
        assert recorder.append([row(T0 + 1)]) == 1
        assert [r.t for r in reader.read("lobby")] == [T0, T0 + 1]
    for file in path.parent.iterdir():
        assert b"secret-room" not in file.read_bytes()


def test_one_session_goes_with_all_that_is_known_of_it(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    later = T0 + 5000
    with Store(path) as store:
        fill(store, "lobby", 50)
        add_mark(store, "lobby", T0 + 3.5, "here")
        runs.end(store, runs.begin(store, "lobby", "local", later, title="again"), later + 9)
        store.append(row(later + second) for second in range(10))
        add_mark(store, "lobby", later + 1.5, "there")
        fill(store, "zoo", 20)
    assert run_verb(cli, ["history", "forget", "lobby", "--session", "2", "--yes"]) == 0
    assert "Deleted 50 rows of lobby" in capsys.readouterr().err
    with Store(path) as store:
        assert [(span.start, span.title) for span in store.sessions("lobby")] == [(later, "again")]
        assert [each.text for each in marks(store, "lobby", T0, later + 9)] == ["there"]
        assert (len(runs.runs(store, "lobby")), runs.gaps(store, "lobby")) == (1, [])
        assert len(store.read("zoo")) == 20


@pytest.mark.parametrize(
    "words", [["--session", "1"], ["lobby", "--session", "2"], ["lobby", "--session", "0"]]
)
def test_a_session_that_is_not_there_is_refused(
    words: list[str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    with Store(path) as store:
        fill(store, "lobby", 50)
    assert run_verb(cli, ["history", "forget", *words, "--yes"]) == 2
    with Store(path) as store:
        assert len(store.read("lobby")) == 50


def test_of_a_session_that_goes_on_what_comes_later_is_kept(path: Path) -> None:
    with Store(path) as store:
        run = runs.begin(store, "lobby", "local", T0)
        store.append(row(T0 + second) for second in range(10))
        [span] = store.sessions("lobby")
        store.append(row(T0 + second) for second in range(10, 20))
        assert forget_session(store, "lobby", span) == 10
        runs.end(store, run, T0 + 19)
        [left] = store.sessions("lobby")
        assert (left.start, left.rows) == (T0 + 10, 10)
        assert [(each.start, each.end) for each in runs.runs(store, "lobby")] == [
            (T0 + 10, T0 + 19)
        ]
