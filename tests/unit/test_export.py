"""Rows as text that other programs read back, in files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.history.export import COLUMNS, FORMATS, to_csv, to_json, to_jsonl
from resonance_tui.history.rows import Row
from resonance_tui.history.saving import CannotSave, free_name, save

ROW = Row("lobby", 1_795_345_080, 8, (3, 0, 2, 0, 0, 1, 0), 1, 1)
count = st.integers(0, 10**6)
rows = st.lists(
    st.builds(
        Row,
        channel=st.text(),  # ours are tame; a database may come from elsewhere
        t=st.integers(0, 4 * 10**9),
        viewers=count,
        counts=st.tuples(*[count] * 7),
        unsure=count,
        away=count,
        source=st.text(),
    ),
    max_size=5,
)


def back(record: dict[str, str | int]) -> Row:
    """A row from what an export says about it."""
    t = datetime.fromisoformat(str(record["t"])).timestamp()
    counts = tuple(int(record[word]) for word in COLUMNS[3:10])
    return Row(
        str(record["channel"]),
        int(t),
        int(record["viewers"]),
        counts,
        int(record["unsure"]),
        int(record["away"]),
        str(record["source"]),
    )


def test_csv_as_documented() -> None:
    assert "".join(to_csv([ROW])) == (
        "t,channel,viewers,happiness,sadness,neutral,anger,surprise,disgust,fear,unsure,away,source\n"
        "2026-11-22T10:58:00Z,lobby,8,3,0,2,0,0,1,0,1,1,local\n"
    )


def test_nothing_is_a_header_or_an_empty_list() -> None:
    assert "".join(to_csv([])) == ",".join(COLUMNS) + "\n"
    assert json.loads("".join(to_json([]))) == []
    assert "".join(to_jsonl([])) == ""


@given(rows)
def test_every_format_is_read_back(rows: list[Row]) -> None:
    table = csv.DictReader(io.StringIO("".join(to_csv(rows)), newline=""))
    assert [back(record) for record in table] == rows
    assert [back(record) for record in json.loads("".join(to_json(rows)))] == rows
    lines = "".join(to_jsonl(rows)).split("\n")[:-1]
    assert [back(json.loads(line)) for line in lines] == rows


def test_formats_have_names() -> None:
    assert set(FORMATS) == {"csv", "json", "jsonl"}


# Files


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old and longer than the new")
    path.chmod(0o640)
    assert save(path, ["new", "\n"]) == 4
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_new_file_gets_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save(tmp_path / "new", ["x"])
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "half"
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(CannotSave, match="No space left"):
        save(path, lines())
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CannotSave, match="No such file") as caught:
        save(tmp_path / "no" / "out.csv", ["x"])
    assert caught.value.exit_code == 1
    with pytest.raises(CannotSave, match="directory"):
        save(tmp_path, ["x"])


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("real.csv")
    save(tmp_path / "link.csv", ["x"])
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "x"


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    save(pipe, ["x", "y"])
    assert os.read(reader, 10) == b"xy"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_free_name(tmp_path: Path) -> None:
    path = tmp_path / "lobby.csv"
    assert free_name(path) == path
    path.touch()
    assert free_name(path).name == "lobby-2.csv"
    (tmp_path / "lobby-2.csv").touch()
    assert free_name(path).name == "lobby-3.csv"
