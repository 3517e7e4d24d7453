"""Rows as text that other programs read back, in files that appear whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.files import CannotSave, free_name, save_text
from resonance_tui.history.export import (
    COLUMNS,
    CORRECTED,
    FORMATS,
    records,
    to_csv,
    to_json,
    to_jsonl,
)
from resonance_tui.history.samples import Sample

BERLIN = ZoneInfo("Europe/Berlin")
ROW = Sample("lobby", 1_795_345_080, 8, (3, 0, 2, 0, 0, 1, 0), 1, 1)
count = st.integers(0, 10**6)
rows = st.lists(
    st.builds(
        Sample,
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


def plain(text: str) -> str:
    """What an apostrophe protects."""
    return text[1:] if text.startswith("'") else text


def back(record: dict[str, str | int]) -> Sample:
    """A row from what an export says about it."""
    t = datetime.fromisoformat(str(record["t"])).timestamp()
    assert datetime.fromisoformat(str(record["local_time"])).timestamp() == t
    counts = tuple(int(record[word]) for word in COLUMNS[3:10])
    return Sample(
        str(record["channel"]),
        int(t),
        int(record["viewers"]),
        counts,
        int(record["unsure"]),
        int(record["away"]),
        str(record["source"]),
    )


def test_csv_as_documented() -> None:
    assert "".join(to_csv(records([ROW], BERLIN))) == (
        "t,channel,viewers,happiness,sadness,neutral,anger,surprise,disgust,fear,unsure,away,"
        "source,local_time\n"
        "2026-11-22T10:58:00Z,lobby,8,3,0,2,0,0,1,0,1,1,local,2026-11-22T11:58:00+01:00\n"
    )


def test_nothing_is_a_header_or_an_empty_list() -> None:
    assert "".join(to_csv([])) == ",".join(COLUMNS) + "\n"
    assert json.loads("".join(to_json([]))) == []
    assert "".join(to_jsonl([])) == ""


@given(rows)
def test_every_format_is_read_back(rows: list[Sample]) -> None:
    lines = list(records(rows, BERLIN))
    table = csv.DictReader(io.StringIO("".join(to_csv(lines)), newline=""))
    assert [
        back({**record, "channel": plain(record["channel"]), "source": plain(record["source"])})
        for record in table
    ] == rows
    assert [back(record) for record in json.loads("".join(to_json(lines)))] == rows
    texts = "".join(to_jsonl(lines)).split("\n")[:-1]
    assert [back(json.loads(text)) for text in texts] == rows


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.sampled_from("=+-@\t\r\n'").flatmap(
                lambda mark: st.text().map(lambda text: mark + text)
            ),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_no_cell_is_taken_for_a_formula(texts: list[str]) -> None:
    names = [f"c{index}" for index in range(len(texts))]
    text = "".join(to_csv([texts], names))
    _, cells = csv.reader(io.StringIO(text, newline=""))
    assert not any(cell[:1] in tuple("=+-@\t\r\n") for cell in cells)
    assert [plain(cell) for cell in cells] == texts


def test_a_channel_that_begins_with_a_dash() -> None:
    (_, line) = to_csv(records([replace(ROW, channel="-2+3", source='=HYPERLINK("x")')], BERLIN))
    assert ",'-2+3,8," in line
    assert '"\'=HYPERLINK(""x"")"' in line
    assert ",3,0,2," in line  # figures stay figures


def test_corrected_counts_stand_beside_the_raw_ones() -> None:
    columns = (*COLUMNS, *CORRECTED)
    more = [(*(1.5,) * 7, *(0.5,) * 7, *(2.5,) * 7), (None,) * 21]
    lines = list(records([ROW, ROW], BERLIN, more))
    first, second = json.loads("".join(to_json(lines, columns)))
    assert (first["happiness"], first["happiness_corrected"]) == (3, 1.5)
    assert (first["fear_low"], first["fear_high"]) == (0.5, 2.5)
    assert second["fear_corrected"] is None
    table = list(csv.DictReader("".join(to_csv(lines, columns)).splitlines()))
    assert (table[0]["fear_high"], table[1]["fear_high"]) == ("2.5", "")


def test_formats_have_names() -> None:
    assert set(FORMATS) == {"csv", "json", "jsonl"}


# Files


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old and longer than the new")
    path.chmod(0o640)
    assert save_text(path, ["new", "\n"]) == 4
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_new_file_gets_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    save_text(tmp_path / "new", ["x"])
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path: Path) -> None:
    def lines() -> Iterator[str]:
        yield "half"
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(CannotSave, match="No space left"):
        save_text(path, lines())
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CannotSave, match="No such file") as caught:
        save_text(tmp_path / "no" / "out.csv", ["x"])
    assert caught.value.exit_code == 1
    with pytest.raises(CannotSave, match="directory"):
        save_text(tmp_path, ["x"])


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("real.csv")
    save_text(tmp_path / "link.csv", ["x"])
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text() == "x"


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    save_text(pipe, ["x", "y"])
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
