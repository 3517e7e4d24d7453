"""The layout of the history database: an older program's file opens and keeps what it holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from resonance_tui.history import runs, schema
from resonance_tui.history.questions import questions
from resonance_tui.history.store import Store
from resonance_tui.history.teams import kept_teams
from resonance_tui.history.video_clock import video_start
from resonance_tui.sinks.sheets.outbox import Outbox

T0 = 1_795_345_080
LAYOUT = "SELECT type, name, sql FROM sqlite_master ORDER BY name"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of layout 3 as the program wrote it before sinks had tables of their own."""
    return written("history_v3.sql", tmp_path / "history.sqlite")


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """A database of layout 4, of before answers were hidden and teams were recorded."""
    return written("history_v4.sql", tmp_path / "asked.sqlite")


def written(script: str, path: Path) -> Path:
    with sqlite3.connect(path) as db:
        db.executescript((Path(__file__).with_name("data") / script).read_text(encoding="utf-8"))
    db.close()
    return path


def layout(path: Path) -> list[tuple[str, str, str]]:
    with sqlite3.connect(path) as db:
        found = db.execute(LAYOUT).fetchall()
        return [(kind, name, "".join((sql or "").split())) for kind, name, sql in found]


def test_a_new_database_is_laid_out_as_an_old_one_that_was_brought_up_to_date(
    old: Path, asked: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.sqlite"
    for path in (new, old, asked):
        Store(path).close()
    assert layout(new) == layout(old) == layout(asked)
    with sqlite3.connect(old) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
        assert db.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION_ID,)


def test_reading_leaves_an_old_database_to_the_older_program(old: Path) -> None:
    before = layout(old)
    with Store(old, read_only=True) as store:
        (span,) = store.sessions("lobby")
        assert video_start(store, "lobby", span.start, span.end) is None
    assert layout(old) == before
    with sqlite3.connect(old) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)


@pytest.mark.parametrize("read_only", [True, False])
def test_an_old_database_keeps_rows_sessions_outbox_and_targets(old: Path, read_only: bool) -> None:
    with Store(old, read_only=read_only) as store:
        assert [row.t - T0 for row in store.read("lobby")] == list(range(8))
        assert store.read("lobby")[5].counts == (5, 0, 3, 1, 0, 0, 1)
        assert store.channels() == ["lobby", "other"]
        assert [run.title for run in runs.runs(store, "lobby")] == ["A quiet evening"]
        outbox = Outbox(store)
        assert outbox.target("lobby") == "the-streamers-own-sheet"
        assert outbox.target("other") == "a-sheet-for-every-channel"
        (tab,) = outbox.tabs("lobby")
        assert (tab.placed, tab.confirmed) == (6, 0)
        assert outbox.left("lobby") == 8
        assert outbox.trouble("lobby") == (T0 + 4, "Google has an outage (503).")
        assert outbox.calls(T0) == [(T0 // 3600 * 3600, 0, 1, 1)]


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("name", ["old", "asked"])
def test_questions_and_teams_are_read_from_every_layout(
    name: str, read_only: bool, request: pytest.FixtureRequest
) -> None:
    with Store(request.getfixturevalue(name), read_only=read_only) as store:
        kept = questions(store, "lobby", 0, 2**40)
        assert [(each.question.text, each.counts, each.step) for each in kept] == (
            [("Which map?", (3, 1), 0)] if name == "asked" else []
        )
        assert kept_teams(store, "lobby", 0, 2**40) == []
