"""`resonance-tui history` as a script meets it: data on stdout, words on stderr, exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from resonance_tui.errors import InputError, InvalidChannel, InvalidTime, StoreError
from resonance_tui.history.store import Row, Store
from resonance_tui.verbs import history

T0 = 1_795_371_000


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    rows = [
        Row(channel, start + second, 2, (1, 0, 1, 0, 0, 0, 0), 0, 0)
        for channel, start in (("lobby", T0 - 86_400), ("lobby", T0), ("cats-live", T0))
        for second in range(3)
    ]
    with Store(path) as store:
        store.append(rows)
    return path


def run(db_path: Path, channel: str = "lobby", **options: object) -> None:
    defaults = {"start": None, "end": None, "session": None, "format": None, "out": None}
    history.run(channel, db_path=db_path, **{**defaults, **options})  # pyright: ignore


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


def test_a_range_without_rows_is_a_header(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, start="2020-01-01", end="2020-01-02")
    out, err = capfd.readouterr()
    assert out.startswith("t,channel,")
    assert times(out) == []
    assert "Nothing was recorded in lobby in that range. The last session: " in err


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
        store.append(Row("day", T0 + s, 1, (1,) + (0,) * 6, 0, 0) for s in range(2500))
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


def test_a_source_without_rows(db_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(db_path, source="sheets")
    out, err = capfd.readouterr()
    assert times(out) == []
    assert "by that source" in err


def test_a_terminal_gets_the_chart(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[history.Request] = []
    monkeypatch.setattr(history, "_is_terminal", lambda: True)
    monkeypatch.setattr(history, "_show", shown.append)
    run(db_path)  # the session as such, so that reading again shows how it grew
    run(db_path, start="2020-01-01", end="2020-01-02")  # said, and no empty screen
    assert shown == [history.Request(db_path, "lobby", session=1)]
