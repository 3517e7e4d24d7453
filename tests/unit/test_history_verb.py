"""`resonance-tui history` as a script meets it: data on stdout, words on stderr, exit codes."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete

from resonance_tui.cli import cli, run_verb
from resonance_tui.commands.history import retention
from resonance_tui.commands.history import show as history
from resonance_tui.commands.history.output import Asked, What, choose_format
from resonance_tui.config import Config, load, with_setting
from resonance_tui.errors import InputError, InvalidChannel, InvalidTime, StoreError
from resonance_tui.history import runs
from resonance_tui.history.samples import Gap, Sample
from resonance_tui.history.store import Store
from resonance_tui.sinks.sheets import channel as sheets

T0 = 1_795_371_000


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    rows = [
        Sample(channel, start + second, 2, (1, 0, 1, 0, 0, 0, 0), 0, 0)
        for channel, start in (("lobby", T0 - 86_400), ("lobby", T0), ("cats-live", T0))
        for second in range(3)
    ]
    with Store(path) as store:
        store.append(rows)
    return path


def configured(db_path: Path, **settings: dict[str, str]) -> Config:
    config = load({"history.database": str(db_path)})
    for section, values in settings.items():
        config = with_setting(config, section, **values)
    return config


def run(db_path: Path, channel: str = "lobby", **options: Any) -> None:
    history.run(configured(db_path), Asked(channel, **options))


def times(text: str) -> list[str]:
    return [record["t"] for record in csv.DictReader(text.splitlines())]


LAST = ["2026-11-22T18:10:00Z", "2026-11-22T18:10:01Z", "2026-11-22T18:10:02Z"]


def test_the_last_session_as_csv(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, "Lobby")
    out, err = capfd.readouterr()
    assert times(out) == LAST
    assert err == ""


def test_an_earlier_session(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, session=2)
    assert times(capfd.readouterr().out)[0] == "2026-11-21T18:10:00Z"


def test_a_range_as_json(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, start="2026-11-22T18:10:01Z", end="2026-11-22T18:10:02Z", format="json")
    records = json.loads(capfd.readouterr().out)
    assert [record["t"] for record in records] == LAST[1:]
    assert records[0]["happiness"] == 1


def test_an_open_range(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, end="2026-11-22T23:00Z")
    assert len(times(capfd.readouterr().out)) == 6


@pytest.mark.parametrize("what", ["rows", "moments", "sessions"])
def test_a_range_without_rows_is_said_and_replaces_no_file(
    db_path: Path, tmp_path: Path, what: What
) -> None:
    out = tmp_path / "kept.csv"
    out.write_text("from yesterday")
    with pytest.raises(InputError, match="Nothing was recorded in lobby in that range") as said:
        run(db_path, what=what, start="2020-01-01", end="2020-01-02", out=out)
    assert said.value.hint.startswith("The last session: ")
    assert out.read_text() == "from yesterday"


def test_a_range_within_a_gap_has_no_rows(evening: Path) -> None:
    with pytest.raises(InputError, match="in that range"):
        run(evening, "show", start="2026-11-22T18:25:10Z", end="2026-11-22T18:25:20Z")


@pytest.mark.parametrize(("name", "format"), [("a.csv", None), ("a.json", None), ("a.x", "json")])
def test_a_file_in_the_format_of_its_name(
    db_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, format: str | None
) -> None:
    out = tmp_path / name
    run(db_path, out=out, format=format)
    assert capfd.readouterr().out == ""
    content = out.read_text()
    is_json = "json" in (format or name)
    found = [r["t"] for r in json.loads(content)] if is_json else times(content)
    assert found == LAST


def test_a_day_of_rows_is_complete(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Store(db_path) as store:
        store.append(Sample("day", T0 + s, 1, (1,) + (0,) * 6, 0, 0) for s in range(2500))
    run(db_path, "day")
    assert len(times(capfd.readouterr().out)) == 2500


def test_an_unknown_channel_names_those_that_are_known(db_path: Path) -> None:
    with pytest.raises(InvalidChannel, match="'cats-life'") as caught:
        run(db_path, "cats-life")
    assert "Recorded channels: cats-live and 1 more." in caught.value.hint
    assert "join cats-life --record" in caught.value.hint
    assert caught.value.exit_code == 2


def test_no_database_yet(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Nothing was recorded yet") as caught:
        run(tmp_path / "none.sqlite")
    assert "resonance-tui log" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_is_not_there(db_path: Path) -> None:
    with pytest.raises(InputError, match="There is no session 3: lobby has 2 sessions"):
        run(db_path, session=3)


def test_what_cannot_be_meant(db_path: Path) -> None:
    with pytest.raises(InputError, match="exclude each other"):
        run(db_path, session=1, start="-2h")
    with pytest.raises(InvalidTime):
        run(db_path, start="soon")
    with pytest.raises(InvalidChannel):
        run(db_path, "not a channel!")
    with pytest.raises(InputError, match="No such format"):
        run(db_path, format="xlsx")
    with pytest.raises(InputError, match="No such format: parquet"):
        run(db_path, out=db_path.with_name("rows.parquet"))
    with pytest.raises(InputError, match="No such format for --moments: svg"):
        run(db_path, what="moments", out=db_path.with_name("moments.svg"))
    assert [path.name for path in db_path.parent.glob("*s.*")] == []


@pytest.mark.parametrize(
    ("what", "asked", "hint"),
    [
        ("rows", "edl", "Edl is for --moments, --marks, --questions."),
        ("rows", "vtt", "Webvtt is for --moments, --marks, --questions."),
        ("rows", "text", "Text is for --moments, --marks, --questions, --sessions."),
        ("moments", "svg", "Svg is written without --moments."),
    ],
)
def test_a_format_of_something_else_says_of_what(what: What, asked: str, hint: str) -> None:
    for format, out in ((asked, None), (None, Path(f"x.{asked}"))):
        with pytest.raises(InputError, match=f": {asked}") as caught:
            choose_format(format, out, what, is_terminal=False)
        assert hint in caught.value.hint


def test_the_ending_of_a_format_names_it_too() -> None:
    assert choose_format("vtt", None, "moments", is_terminal=False) == "webvtt"
    assert choose_format(None, Path("x.vtt"), "marks", is_terminal=False) == "webvtt"


def test_a_recorder_without_rows(db_path: Path) -> None:
    with pytest.raises(InputError, match="in lobby by 'nobody'"):
        run(db_path, recorder="nobody")


def test_a_terminal_gets_the_chart(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[history.Request] = []
    monkeypatch.setattr(history, "_is_terminal", lambda: True)
    monkeypatch.setattr(history, "_show", lambda request, _: shown.append(request))
    run(db_path)  # the session as such, so that reading again shows how it grew
    run(db_path, session=2, corrected=True)
    with pytest.raises(InputError, match="in that range"):  # and no empty screen
        run(db_path, start="2020-01-01", end="2020-01-02")
    assert shown == [
        history.Request(db_path, "lobby", session=1),
        history.Request(db_path, "lobby", session=2, is_corrected=True),
    ]
    assert all(request.confusion is not None for request in shown)  # the key on screen needs it


# Corrected counts


def test_corrected_counts_are_labelled_and_only_for_many(
    db_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Store(db_path) as store:
        store.append([Sample("full", T0, 60, (10, 5, 30, 5, 5, 0, 5), 0, 0)])
        store.append([Sample("full", T0 + 1, 19, (19, 0, 0, 0, 0, 0, 0), 0, 0)])
    run(db_path, "full", corrected=True, format="json")
    out, err = capfd.readouterr()
    many, few = json.loads(out)
    corrected = sum(value for key, value in many.items() if key.endswith("_corrected"))
    assert corrected == pytest.approx(60, abs=0.5)
    assert many["neutral_low"] < many["neutral_corrected"] < many["neutral_high"]
    assert (few["happiness"], few["happiness_corrected"]) == (19, None)
    assert "1 of 2 rows have fewer than 50 viewers" in err


def test_an_engine_of_which_nobody_knows_how_often_it_errs(
    db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resonance_tui.engines.registry.confusion_of", lambda engine: None)
    with pytest.raises(InputError, match="Nobody has published"):
        run(db_path, corrected=True, format="csv")


# Moments and sessions


@pytest.fixture
def evening(db_path: Path) -> Path:
    """Forty viewers; at 10:00 nearly all of them laugh, and a minute is missing."""
    with Store(db_path) as store:
        number = runs.begin(store, "show", "local", T0, title="Tetris finals")
        for second in range(1200):
            happy = 34 if 600 <= second < 610 else 4
            if not 900 <= second < 960:
                store.append(
                    [Sample("show", T0 + second, 40, (happy, 0, 40 - happy) + (0,) * 4, 0, 0)]
                )
        runs.end(store, number, T0 + 1199)
        runs.mark_gap(store, "show", Gap(T0 + 900, T0 + 959, 60, "the disk is full"))
    return db_path


def test_moments_are_chapters(evening: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(evening, "show", what="moments")
    assert capfd.readouterr().out == "00:00 Start\n10:00 Laughter: happiness 85 %\n"


def test_chapters_begin_where_the_range_does(
    evening: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(evening, "show", what="moments", start="2026-11-22T18:15Z", format="text")
    assert capfd.readouterr().out == "00:00 Start\n05:00 Laughter: happiness 85 %\n"


def test_moments_as_json(evening: Path, tmp_path: Path) -> None:
    run(evening, "show", what="moments", out=tmp_path / "moments.json")
    (found,) = json.loads((tmp_path / "moments.json").read_text())
    assert (found["t"], found["offset_s"]) == ("2026-11-22T18:20:00Z", 600)
    assert (found["emotion"], found["kind"]) == ("happiness", "reaction")
    assert 0 < found["strength"] < 1


def test_a_room_without_moments(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, what="moments", format="json")
    out, err = capfd.readouterr()
    assert json.loads(out) == []
    assert "no moments" in err


def test_moments_while_it_is_recorded(evening: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Store(evening) as store:  # open, as a recorder has it
        store.append([Sample("show", T0 + 1200, 40, (4, 0, 36, 0, 0, 0, 0), 0, 0)])
        run(evening, "show", what="moments")
    assert "10:00 Laughter" in capfd.readouterr().out


def test_sessions_with_titles_and_what_is_missing(
    evening: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(evening, "show", what="sessions")
    text = capfd.readouterr().out
    for part in ("20 min", "peak 40", "Tetris finals", "(1 min missing)", "the disk is full"):
        assert part in text
    run(evening, "show", what="sessions", format="json")
    (span,) = json.loads(capfd.readouterr().out)
    assert (span["title"], span["missing_s"], span["rows"]) == ("Tetris finals", 60, 1140)
    assert span["why"] == "the disk is full"
    run(evening, what="sessions")
    assert len(capfd.readouterr().out.splitlines()) == 2
    run(evening, what="sessions", end="2026-11-21")
    assert capfd.readouterr().out.startswith("  2  Sat 21 Nov")


# Pictures


def test_a_picture_by_the_name_of_its_file(
    evening: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(evening, "show", out=tmp_path / "a.svg", view="shares", size="600x400")
    assert "<svg" in (tmp_path / "a.svg").read_text()
    assert capfd.readouterr().out == ""
    run(evening, "show", out=tmp_path / "c", format="png", size="600x400")
    assert (tmp_path / "c").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="no size"):
        run(evening, "show", out=tmp_path / "b.svg", size="large")
    with pytest.raises(InputError, match="in that range"):
        run(evening, "show", out=tmp_path / "b.svg", start="2020-01-01", end="2020-01-02")
    with pytest.raises(InputError, match="too few to correct"):  # two viewers: an empty picture
        run(evening, out=tmp_path / "b.svg", corrected=True)
    assert not (tmp_path / "b.svg").exists()


# Rows from the sheet


def test_the_sheet_is_read_like_the_database(
    db_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Google is not asked here; tests/pipeline/sheets does that."""
    asked: list[tuple[object, ...]] = []

    def read_channel(config: Config, *what: object) -> list[Sample]:
        asked.append(what[:3])
        return [Sample(str(what[0]), T0 + s, 2, (2,) + (0,) * 6, 0, 0, "away") for s in range(3)]

    monkeypatch.setattr(sheets, "read_channel", read_channel)
    run(db_path, "elsewhere", source="sheets", start="2026-11-22T18:00Z", format="csv")
    assert times(capfd.readouterr().out) == LAST
    assert asked == [("elsewhere", T0 - 600, None)]
    monkeypatch.setattr(sheets, "read_channel", lambda *_: [])
    with pytest.raises(InputError, match="The sheet holds nothing of 'lobby'"):
        run(db_path, source="sheets")


# Forgetting


def test_forgetting_asks_first(
    db_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config = configured(db_path)
    with pytest.raises(InputError, match="6 rows of lobby would be deleted") as caught:
        retention.run_forget(config, "Lobby", older_than=None, yes=False)
    assert "--yes" in caught.value.hint
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda text, err: False)
    retention.run_forget(config, "lobby", older_than=None, yes=False)
    assert "Nothing was deleted" in capfd.readouterr().err
    with Store(db_path, read_only=True) as store:
        assert store.channels() == ["cats-live", "lobby"]
    monkeypatch.setattr("click.confirm", lambda text, err: True)
    retention.run_forget(config, "lobby", older_than=None, yes=False)
    assert "Deleted 6 rows of lobby." in capfd.readouterr().err
    with Store(db_path, read_only=True) as store:
        assert store.channels() == ["cats-live"]


def test_forgetting_what_is_old(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonance_tui.commands.history.retention.time.time", lambda: T0 + 100.0)
    config = configured(db_path)
    retention.run_forget(config, None, older_than="12h", yes=True)
    with Store(db_path, read_only=True) as store:
        assert len(store.read("lobby")) == len(store.read("cats-live")) == 3
    retention.run_forget(config, "lobby", older_than="12h", yes=False)  # nothing left to ask


def test_what_cannot_be_forgotten(db_path: Path) -> None:
    config = configured(db_path)
    with pytest.raises(InputError, match="Forget what"):
        retention.run_forget(config, None, older_than=None, yes=True)
    with pytest.raises(InputError, match="no age"):
        retention.run_forget(config, None, older_than="soon", yes=True)
    with pytest.raises(InvalidChannel) as caught:
        retention.run_forget(config, "loby", older_than=None, yes=True)
    assert "lobby" in caught.value.hint


# The words of the command line


@pytest.fixture
def at(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESONANCE_HISTORY_DATABASE", str(db_path))
    return db_path


@pytest.mark.parametrize("name", ["show", "vacuum", "forget", "sync", "-odd"])
def test_channels_that_are_named_like_a_verb(
    at: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with Store(at) as store:
        store.append([Sample(name, T0, 2, (1, 0, 1, 0, 0, 0, 0), 0, 0)])
    assert run_verb(cli, ["history", "--format", "csv", "--", name]) == 0
    assert times(capfd.readouterr().out) == LAST[:1]
    assert run_verb(cli, ["history", "--", name]) == 0
    assert times(capfd.readouterr().out) == LAST[:1]


def test_verbs_of_history(at: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_verb(cli, ["history", "vacuum"]) == 0
    assert "before" in capfd.readouterr().err
    assert run_verb(cli, ["history", "forget", "lobby", "--yes"]) == 0
    assert "Deleted 6 rows" in capfd.readouterr().err
    assert run_verb(cli, ["history", "--from", "-2h"]) == 2
    assert "CHANNEL is missing" in capfd.readouterr().err


def test_the_sessions_of_every_channel(at: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Store(at) as store:
        store.append(
            [
                Sample("aside", 1_790_000_000 + s, 1, (1,) + (0,) * 6, 0, 0, "local")
                for s in range(9)
            ]
        )
        known = store.channels()
    assert run_verb(cli, ["history", "--sessions"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.split()[1] == "1"] == known
    assert run_verb(cli, ["history", "--sessions", "--format", "csv"]) == 0
    head, *rows = capfd.readouterr().out.splitlines()
    assert head.startswith("channel,session,start") and len(rows) == len(lines)
    assert run_verb(cli, ["history", "--sessions", "--recorder", "nobody"]) == 0
    assert capfd.readouterr().out == ""


def test_a_view_is_also_known_by_the_word_on_the_screen(
    at: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = ["history", "lobby", "--format", "svg", "--view"]
    pictures = []
    for name in ("score", "resonance"):
        assert run_verb(cli, [*args, name]) == 0
        pictures.append(capfd.readouterr().out)
    assert pictures[0] == pictures[1]


def test_help_tells_of_both(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_verb(cli, ["history", "--help"]) == 0
    text = capfd.readouterr().out
    for part in ("CHANNEL", "--moments", "forget", "vacuum", "sync", "history -- vacuum"):
        assert part in text
    assert "show" not in text.replace("Show", "").replace("shows", "").split()


@pytest.mark.parametrize(
    ("breaks", "code", "says"),
    [
        (lambda path: path.write_text("not a database" * 100), 1, "is no history database"),
        (lambda path: _set_version(path, 99), 1, "newer resonance-tui"),
        (lambda path: path.unlink(), 1, "Nothing was recorded yet"),
    ],
)
def test_files_that_are_not_ours(
    at: Path, breaks: Any, code: int, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    breaks(at)
    content = at.read_bytes() if at.exists() else None
    for words in (["lobby"], ["vacuum"], ["forget", "lobby", "--yes"], ["lobby", "--moments"]):
        assert run_verb(cli, ["history", *words]) == code
        out, err = capfd.readouterr()
        assert out == ""
        assert says in err
    assert content == (at.read_bytes() if at.exists() else None)


def _set_version(path: Path, version: int) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()


@pytest.mark.parametrize(
    ("words", "incomplete", "offered"),
    [
        ([], "va", ["vacuum"]),
        ([], "--mom", ["--moments"]),
        ([], "s", ["sync"]),
        (["forget"], "--old", ["--older-than"]),
        (["lobby"], "--mom", ["--moments"]),
    ],
)
def test_completion_offers_verbs_and_options(
    words: list[str], incomplete: str, offered: list[str]
) -> None:
    found = ShellComplete(cli, {}, "resonance-tui", "_COMPLETE").get_completions(
        ["history", *words], incomplete
    )
    assert [item.value for item in found if item.type == "plain"] == offered
