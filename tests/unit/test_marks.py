"""What a person says of a session: marks, its title, a note, and how late its stream was."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from resonance_tui.cli import cli, run_verb
from resonance_tui.emotions import Emotion
from resonance_tui.history.about import About, about, keep_delay, keep_note, keep_title
from resonance_tui.history.cues.chapters import youtube, youtube_remark
from resonance_tui.history.cues.from_moments import sheet
from resonance_tui.history.cues.rates import DEFAULT_RATE
from resonance_tui.history.cues.registry import FORMATS
from resonance_tui.history.marks import Mark, add_mark, marks, remove_mark, rename_mark
from resonance_tui.history.moments import Moment
from resonance_tui.history.retention import forget
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

Run = Callable[..., tuple[int, str, str]]
T0 = 1_795_371_000


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sessions of ten minutes, an hour apart."""
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        for start in (T0, T0 + 3600):
            store.append(
                Sample("show", start + t, 6, (2, 0, 4, 0, 0, 0, 0), 0, 0) for t in range(600)
            )
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(path))
    return path


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as store:
        yield store


@pytest.fixture
def run(path: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `history` with words; its exit code, stdout and stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        code = run_verb(cli, ["history", *words])
        out, err = capfd.readouterr()
        return code, out, err

    return run


# In the database


def test_marks_of_a_range_come_in_order_and_can_be_renamed_and_removed(store: Store) -> None:
    late = add_mark(store, "show", T0 + 30.75, "late")
    early = add_mark(store, "show", T0 + 10.0, "a\x1b[31m\nfall")
    add_mark(store, "show", T0 + 3700, "of the next session")
    found = marks(store, "show", T0, T0 + 599)
    assert [(each.t, each.id) for each in found] == [(T0 + 10.0, early), (T0 + 30.75, late)]
    assert found[0].text.isprintable() and found[0].text.endswith(" fall")
    rename_mark(store, early, "earlier")
    remove_mark(store, late)
    assert [each.text for each in marks(store, "show", T0, T0 + 599)] == ["earlier"]
    assert marks(store, "other", T0, T0 + 599) == []


def test_the_last_second_of_a_session_is_whole(store: Store) -> None:
    add_mark(store, "show", T0 + 599.9, "end")
    assert [each.text for each in marks(store, "show", T0, T0 + 599)] == ["end"]


def test_a_session_is_named_noted_and_timed_by_itself(store: Store) -> None:
    first, second = store.sessions("show")
    keep_title(store, "show", first, "Part one")
    keep_note(store, "show", first, "no sound")
    keep_delay(store, "show", first, 8.5)
    keep_delay(store, "show", first, 9.0)
    assert about(store, "show", first.start, first.end) == About("Part one", "no sound", 9.0)
    assert about(store, "show", second.start, second.end) == About()
    named = store.sessions("show")
    assert [(each.title, each.note) for each in named] == [("Part one", "no sound"), ("", "")]
    keep_title(store, "show", first, None)
    keep_note(store, "show", first, None)
    keep_delay(store, "show", first, None)
    assert about(store, "show", first.start, first.end) == About()


def test_what_is_said_as_a_session_ends_is_of_that_session(store: Store) -> None:
    first, _ = store.sessions("show")
    then = replace(first, start=first.end + 3, end=first.end + 3)
    keep_delay(store, "show", then, 8.5)
    assert about(store, "show", first.start, first.end).delay_s == 8.5
    keep_delay(store, "show", first, None)
    assert about(store, "show", first.start, first.end).delay_s is None


def test_a_title_is_given_over_the_recorders_own(store: Store) -> None:
    with store.transaction() as db:
        db.execute(
            "INSERT INTO session (channel, source, started, title) VALUES (?, ?, ?, ?)",
            ("show", "local", T0, "as recorded"),
        )
    (first, _) = store.sessions("show")
    assert first.title == "as recorded"
    keep_title(store, "show", first, "better")
    assert store.sessions("show")[0].title == "better"
    keep_title(store, "show", first, "")
    assert store.sessions("show")[0].title == ""


def test_what_is_forgotten_takes_its_marks_and_words_along(store: Store) -> None:
    first, second = store.sessions("show")
    for span in (first, second):
        add_mark(store, "show", span.start + 5, "early")
        add_mark(store, "show", span.start + 500, "late")
        keep_note(store, "show", span, "noted")
    forget(store, ["show"], before=second.start + 100)
    assert [each.text for each in marks(store, "show", T0, T0 + 9999)] == ["late"]
    assert [each.note for each in store.sessions("show")] == ["noted"]
    forget(store, ["show"])
    with store.reading() as db:
        assert db.execute("SELECT count(*) FROM mark").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM about").fetchone() == (0,)


# In lists for other programs


LAUGH = Moment(T0 + 100, 0.5, Emotion.HAPPINESS, 0.1, 0.6, 0.2, "reaction", 8, 0.001)


def test_the_room_saw_a_stream_late_and_its_streamer_did_not() -> None:
    cues = sheet([LAUGH], T0, T0 + 600, marks=[Mark(T0 + 90.25, "fall")], delay_s=8.5).cues
    assert [(each.at, each.title) for each in cues] == [
        (Fraction(361, 4), "fall"),
        (Fraction(183, 2), "Laughter: happiness 60 %"),
    ]


def test_a_mark_stays_where_not_all_find_room() -> None:
    cues = sheet([LAUGH], T0, T0 + 600, marks=[Mark(T0 + 95.0)])
    assert "".join(youtube(cues, DEFAULT_RATE)) == "00:00 Start\n01:35 Mark\n"


def test_what_youtube_does_not_take_is_said() -> None:
    found = [Mark(T0 + t, f"at {t}") for t in (5.0, 100.0, 105.0, 300.0, 596.0)]
    cues = sheet([], T0, T0 + 600, marks=found)
    assert "within 10 s of another one or of an end: 3 of 5;" in youtube_remark(cues)
    assert youtube_remark(sheet([], T0, T0 + 600, marks=found[1:4:2])) == ""


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_format_holds_marks(name: str) -> None:
    if name == "otio":
        pytest.importorskip("opentimelineio")
    cues = sheet([], T0, T0 + 600, marks=[Mark(T0 + 95.0, "the cat falls")])
    assert "the cat falls" in "".join(FORMATS[name].write(cues, DEFAULT_RATE))


# As a script meets them


def test_marks_are_listed_alone_and_among_moments(run: Run, store: Store) -> None:
    add_mark(store, "show", T0 + 3600 + 95.25, "the cat falls")
    for what in ("--marks", "--moments"):
        code, out, _ = run("show", what, "--format", "json")
        assert code == 0
        (record,) = json.loads(out)
        assert (record["name"], record["kind"], record["emotion"]) == (
            "the cat falls",
            "mark",
            None,
        )
        assert (record["offset_s"], record["t"][-5:]) == (95.25, ".250Z")
    _, out, err = run("show", "--moments", "--emotion", "happiness")
    assert "cat" not in out and "no moments" in err
    _, out, _ = run("show", "--marks", "--clip", "30s", "--format", "csv")
    assert out.splitlines()[1].split(",")[10:12] == ["85.25", "115.25"]


def test_a_mark_right_after_the_last_row_is_of_the_session(run: Run, store: Store) -> None:
    add_mark(store, "show", T0 + 3600 + 600.5, "the end")
    _, out, _ = run("show", "--marks", "--format", "json")
    assert [each["offset_s"] for each in json.loads(out)] == [600.5]
    assert "1 mark" in run("show", "--sessions")[1]


@pytest.mark.parametrize("format", ["bids", "textgrid", "elan"])
def test_research_tools_get_marks(run: Run, store: Store, format: str) -> None:
    add_mark(store, "show", T0 + 3600 + 95.25, 'she says "no", twice')
    _, out, _ = run("show", "--format", format)
    expected = {
        "bids": 'she says "no", twice',
        "textgrid": 'number = 95.25\n            mark = "she says ""no"", twice"',
        "elan": 'marks,95000,96000,"she says ""no"", twice"',
    }
    assert expected[format] in out


def test_a_title_and_a_note_are_given_shown_and_taken_away(run: Run) -> None:
    assert run("title", "show", "Cats,", "part two")[0] == 0
    assert run("note", "show", "no sound", "--session", "2")[0] == 0
    assert run("title", "show")[1] == "Cats, part two\n"
    assert run("note", "show")[1] == "\n"
    _, out, _ = run("show", "--sessions")
    last, first = out.splitlines()
    assert "Cats, part two" in last and "no sound" in first
    _, out, _ = run("--sessions", "--format", "json")
    assert [each["note"] for each in json.loads(out)] == ["", "no sound"]
    assert run("title", "show", "--clear")[0] == 0
    assert run("title", "show")[1] == "\n"


def test_an_export_is_called_by_the_sessions_title(run: Run) -> None:
    run("title", "show", "Cats")
    _, out, _ = run("show", "--moments", "--format", "ffmetadata")
    assert re.search(r"^title=Cats 2026-11-\d\d$", out, re.M)


def test_a_mark_is_made_now_where_something_is_recorded_now(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = run("mark", "show", "word")
    assert code == 2 and "Nothing of show is recorded at" in err
    monkeypatch.setattr(time, "time", lambda: T0 + 3600 + 600.5)
    code, _, err = run("mark", "show", "two", "words")
    assert code == 0 and "Marked at" in err
    (found,) = marks(store, "show", T0 + 4000, T0 + 4300)
    assert (found.t, found.text) == (T0 + 4200.5, "two words")


def test_a_mark_is_made_and_removed_afterwards(run: Run, store: Store) -> None:
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(T0 + 20))
    assert run("mark", "show", "--at", at)[0] == 0
    assert [each.name for each in marks(store, "show", T0, T0 + 99)] == ["Mark"]
    code, _, err = run("mark", "show", "--at", at, "--remove")
    assert code == 0 and "1 mark is taken away" in err
    assert marks(store, "show", T0, T0 + 99) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mark", "nobody"], "Nothing was ever recorded in 'nobody'"),
        (["mark", "show", "--remove"], "Take away which mark?"),
        (["mark", "show", "--at", "soon"], "no point in time"),
        (["mark", "show", "mqtt://me:secret@host"], "may hold a key or a password"),
        (["title", "show", "x", "--clear"], "exclude each other"),
        (["title", "show", "x", "--session", "3"], "There is no session 3"),
        (["note", "nobody", "x"], "Nothing was ever recorded in 'nobody'"),
        (["show", "--marks", "--top", "3"], "--top is for moments"),
        (["show", "--clip", "30s"], "--clip is for moments and marks"),
        (["show", "--stream-delay", "soon"], "no length of time"),
        (["show", "--stream-delay", "-3s"], "no delay of a stream"),
        (["show", "--stream-delay", "estimate"], "there are 0 marks, and 5 are needed"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_line(run: Run, words: list[str], says: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert says in err and "Traceback" not in err and "secret@" not in err


def test_a_streams_delay_is_kept_told_and_forgotten(run: Run) -> None:
    code, _, err = run("show", "--stream-delay", "8.5s", "--sessions")
    assert code == 0 and "Viewers saw the stream 8.5 s late." in err
    _, out, _ = run("show", "--sessions", "--format", "json")
    assert [each["stream_delay_s"] for each in json.loads(out)] == [8.5, None]
    assert "stream 8.5 s late" in run("show", "--sessions")[1]
    assert "forgotten" in run("show", "--stream-delay", "none", "--sessions")[2]
    assert "late" not in run("show", "--sessions")[1]


def test_an_older_database_is_read_without_marks(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    script = Path(__file__).with_name("data") / "history_v3.sql"
    with sqlite3.connect(path) as db:
        db.executescript(script.read_text(encoding="utf-8"))
    db.close()
    with Store(path, read_only=True) as store:
        (span,) = store.sessions("lobby")
        assert (span.title, span.note) == ("A quiet evening", "")
        assert marks(store, "lobby", span.start, span.end) == []
