"""Sessions as the database keeps them: the same as counting every row, titles, runs, old files."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_tui.history import runs, schema
from resonance_tui.history.runs import RecorderRun
from resonance_tui.history.samples import SESSION_GAP_S, Gap, Sample, SessionSpan, Slot, in_sessions
from resonance_tui.history.store import Store

T0 = 1_795_345_080

LAYOUT_1 = """
CREATE TABLE snapshot (
    channel TEXT NOT NULL, t INTEGER NOT NULL, source TEXT NOT NULL, viewers INTEGER NOT NULL,
    happiness INTEGER NOT NULL, sadness INTEGER NOT NULL, neutral INTEGER NOT NULL,
    anger INTEGER NOT NULL, surprise INTEGER NOT NULL, disgust INTEGER NOT NULL,
    fear INTEGER NOT NULL, unsure INTEGER NOT NULL, away INTEGER NOT NULL,
    PRIMARY KEY (channel, t, source)
) WITHOUT ROWID;
PRAGMA application_id = 1382380399;
PRAGMA user_version = 1;
"""


def row(t: int, channel: str = "lobby", source: str = "local", viewers: int = 3) -> Sample:
    return Sample(channel, t, viewers, (viewers, 0, 0, 0, 0, 0, 0), 0, 0, source)


def reckoned(rows: list[Sample]) -> list[SessionSpan]:
    """Sessions by looking at every row."""
    seconds: dict[int, int] = {}
    for each in rows:
        seconds[each.t] = max(seconds.get(each.t, 0), each.viewers)
    found: list[list[int]] = []
    for t in sorted(seconds):
        if found and t - found[-1][-1] <= SESSION_GAP_S:
            found[-1].append(t)
        else:
            found.append([t])
    return [SessionSpan(s[0], s[-1], len(s), max(seconds[t] for t in s)) for s in found]


recordings = st.lists(
    st.builds(
        row,
        t=st.integers(0, 20).map(lambda n: n * 450) | st.integers(0, 9000),
        source=st.sampled_from("ab"),
        viewers=st.integers(0, 9),
    ),
    max_size=30,
    unique_by=lambda r: (r.t, r.source),
)


@settings(max_examples=60, deadline=None)
@given(recordings, st.booleans())
def test_sessions_are_what_every_row_says(rows: list[Sample], twice: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "h.sqlite") as store:
        for each in rows:
            store.append([each, each] if twice else [each])
        assert store.sessions("lobby") == reckoned(rows)
        for source in "ab":
            own = [each for each in rows if each.source == source]
            assert store.sessions("lobby", source=source) == reckoned(own)


def test_slots_join_up_to_the_longest_pause() -> None:
    slots = [Slot(0, 899, 900, 5), Slot(1799, 1799, 1, 7), Slot(2700, 2700, 1, 1)]
    assert in_sessions(slots) == [SessionSpan(0, 1799, 901, 7), SessionSpan(2700, 2700, 1, 1)]
    assert len(in_sessions(slots, gap_s=901)) == 1
    assert in_sessions([]) == []
    with pytest.raises(ValueError, match="60"):
        in_sessions(slots, gap_s=60)


def test_a_session_has_the_titles_of_the_runs_in_it() -> None:
    slots = [Slot(0, 100, 101, 1), Slot(5000, 5001, 2, 1)]
    titles = [(0, "Karaoke"), (50, "Karaoke"), (60, "Part two"), (4000, "nowhere")]
    assert [span.title for span in in_sessions(slots, titles)] == ["Karaoke, Part two", ""]


# Runs


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_a_run_ends_as_written_or_with_its_last_second(path: Path) -> None:
    with Store(path) as store:
        first = runs.begin(store, "lobby", "local", T0, title="Karaoke")
        store.append(row(T0 + second) for second in range(5))
        runs.end(store, first, T0 + 4)
        runs.begin(store, "lobby", "local", T0 + 100)  # cut off
        store.append(row(T0 + 100 + second) for second in range(3))
        runs.begin(store, "lobby", "local", T0 + 200)  # cut off before its first second
        runs.begin(store, "lobby", "other", T0 + 101)  # goes on
        store.append(row(T0 + second, source="other") for second in (101, 300))
        runs.begin(store, "elsewhere", "local", T0)
        assert runs.runs(store, "lobby") == [
            RecorderRun(T0, T0 + 4, True, "Karaoke", "local"),
            RecorderRun(T0 + 100, T0 + 102, False, "", "local"),
            RecorderRun(T0 + 101, T0 + 300, False, "", "other"),
            RecorderRun(T0 + 200, T0 + 200, False, "", "local"),
        ]
        assert store.sessions("lobby")[0].title == "Karaoke"


def test_gaps_are_found_by_their_range(path: Path) -> None:
    gap = Gap(T0, T0 + 9, 10, "the disk is full")
    with Store(path) as store:
        runs.mark_gap(store, "lobby", gap)
        longer = Gap(T0, T0 + 19, 20, "the disk is full")
        runs.mark_gap(store, "lobby", longer)
        assert runs.gaps(store, "lobby") == [longer]
        assert runs.gaps(store, "lobby", T0 + 19, T0 + 30) == [longer]
        assert runs.gaps(store, "lobby", T0 + 20) == []
        assert runs.gaps(store, "elsewhere") == []


# Files of older versions


def old_file(path: Path) -> list[Sample]:
    rows = [row(T0 + second, viewers=second) for second in range(5)]
    rows += [row(T0 + 5000, source="other"), row(T0, channel="zoo")]
    db = sqlite3.connect(path)
    db.executescript(LAYOUT_1)
    db.executemany(
        f"INSERT INTO snapshot VALUES ({','.join('?' * 13)})",
        [(r.channel, r.t, r.source, r.viewers, *r.counts, r.unsure, r.away) for r in rows],
    )
    db.commit()
    db.close()
    return rows


SESSIONS = [SessionSpan(T0, T0 + 4, 5, 4), SessionSpan(T0 + 5000, T0 + 5000, 1, 3)]


def test_a_file_of_the_first_layout_keeps_its_rows(path: Path) -> None:
    rows = old_file(path)
    with Store(path) as store:
        assert store.channels() == ["lobby", "zoo"]
        assert store.read("lobby") + store.read("zoo") == rows
        assert store.sessions("lobby") == SESSIONS
        store.append([row(T0 + 5)])
        assert store.sessions("lobby")[0] == SessionSpan(T0, T0 + 5, 6, 4)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    db.close()


def test_reading_an_old_file_leaves_it_as_it_is(path: Path) -> None:
    rows = old_file(path)
    before = path.read_bytes()
    with Store(path, read_only=True) as store:
        assert store.channels() == ["lobby", "zoo"]
        assert store.sessions("lobby") == SESSIONS
        assert len(store.table("lobby")) + len(store.table("zoo")) == len(rows)
        assert runs.gaps(store, "lobby") == []
    assert path.read_bytes() == before
