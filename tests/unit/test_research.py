"""What research tools get: written here, read back by programs of others where these are here."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from children import run_child
from hypothesis import given
from hypothesis import strategies as st

from resonance_tui.commands.history import show as history
from resonance_tui.commands.history.output import Asked, choose_format
from resonance_tui.config import load
from resonance_tui.emotions import WORDS, Emotion
from resonance_tui.errors import InputError
from resonance_tui.history import research
from resonance_tui.history.moments import Moment
from resonance_tui.history.recording import Recording
from resonance_tui.history.research import Exported, Span
from resonance_tui.history.samples import Sample
from resonance_tui.history.store import Store

T0 = 1_795_371_000
LAUGH = Moment(T0 + 3, 0.5, Emotion.HAPPINESS, 0.1, 0.7)


def recording(rows: list[tuple[int, int]]) -> Recording:
    """Seconds after T0, and the emotion that most showed; 7: nobody was read."""
    counts = np.zeros((len(rows), 7), np.int64)
    for index, (_, code) in enumerate(rows):
        counts[index, code : code + 1] = 3
    others = np.full(len(rows), 2)
    times = np.array([T0 + second for second, _ in rows])
    return Recording(times, counts, others, counts.sum(1) + others)


SHORT = Exported("lobby", recording([(0, 0), (1, 0), (2, 6), (3, 7), (6, 7), (7, 2)]), (LAUGH,))
SPANS = [
    *(Span(0, 2, "happiness"), Span(2, 3, "fear"), Span(3, 4, ""), Span(4, 6, "")),
    *(Span(6, 7, ""), Span(7, 8, "neutral")),
]


def test_seconds_alike_are_joined_and_gaps_are_gaps() -> None:
    found = research.spans(SHORT.track, research.leading(SHORT.track))
    assert found[:2] == SPANS[:2] and found[-1] == SPANS[-1]
    assert {span.label for span in found[2:-1]} == {""}


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 7)), min_size=1, max_size=30))
def test_spans_cover_all_without_overlap(steps: list[tuple[int, int]]) -> None:
    seconds = np.cumsum([step for step, _ in steps]).tolist()
    track = recording(list(zip(seconds, (code for _, code in steps), strict=True)))
    labels = research.leading(track)
    found = research.spans(track, labels)
    assert found[0].start == 0 and found[-1].end == track.end + 1 - track.start
    assert all(a.end == b.start and a.start < a.end for a, b in itertools.pairwise(found))
    for t, label in zip(track.times.tolist(), labels, strict=True):
        (held,) = [s for s in found if s.start <= t - track.start < s.end]
        assert held.label == label


def test_bids_has_a_row_for_each_second() -> None:
    rows = list(csv.DictReader(research.to_bids(SHORT), delimiter="\t"))
    assert [row["onset"] for row in rows] == ["0", "1", "2", "3", "6", "7"]
    assert [row["trial_type"] for row in rows][2:5] == ["fear", "n/a", "n/a"]
    assert rows[0]["happiness"] == "3" and rows[0]["viewers"] == "5" and rows[0]["unread"] == "2"
    explained = json.loads(research.bids_columns("lobby"))
    assert set(explained) == set(rows[0])
    assert set(explained["trial_type"]["Levels"]) == set(WORDS)


def test_elan_gets_annotations_by_tier() -> None:
    rows = list(csv.DictReader(research.to_elan(SHORT)))
    assert rows[0] == {
        "tier": "emotion", "begin_ms": "0", "end_ms": "2000", "annotation": "happiness"
    }  # fmt: skip
    assert rows[-1] == {
        "tier": "moments", "begin_ms": "3000", "end_ms": "4000", "annotation": "Laughter: happiness"
    }  # fmt: skip
    assert all(int(row["begin_ms"]) < int(row["end_ms"]) and row["annotation"] for row in rows)


def as_elan_imports(text: str) -> dict[str, list[Span]]:
    """Annotations by tier, as ELAN's manual has its import of CSV: it knows a file's delimiter by
    counting (and no quotation marks), a time without a point or a colon is in milliseconds, and
    annotations of one tier never overlap."""
    lines = text.splitlines()
    (delimiter,) = (mark for mark in ",;\t" if len({line.count(mark) for line in lines}) == 1
                    and mark in lines[0])  # fmt: skip
    found: dict[str, list[Span]] = {}
    for line in lines[1:]:  # "Specify first row of data": 2
        tier, begin, end, annotation = line.split(delimiter)
        assert begin.isdecimal() and end.isdecimal() and '"' not in annotation
        found.setdefault(tier, []).append(Span(int(begin), int(end), annotation))
    for spans in found.values():
        spans.sort(key=lambda span: span.start)
        assert all(span.start < span.end for span in spans)
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
    return found


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 7)), min_size=1, max_size=30),
    st.sets(st.integers(0, 5)),
)
def test_what_elan_imports_is_what_was_recorded(
    steps: list[tuple[int, int]], moments: set[int]
) -> None:
    seconds = np.cumsum([step for step, _ in steps]).tolist()
    track = recording(list(zip(seconds, (code for _, code in steps), strict=True)))
    laughs = [replace(LAUGH, t=track.start + at) for at in sorted(moments)]
    found = as_elan_imports("".join(research.to_elan(Exported("a, b;c", track, laughs))))
    named = [span for span in research.spans(track, research.leading(track)) if span.label]
    assert found.get("emotion", []) == [Span(1000 * s.start, 1000 * s.end, s.label) for s in named]
    assert [span.start for span in found.get("moments", [])] == [
        1000 * at for at in sorted(moments)
    ]
    assert found["viewers"][-1].end == 1000 * (track.end + 1 - track.start)


def written(folder: Path, exported: Exported, name: str) -> Path:
    path = folder / name
    path.write_text("".join(research.FORMATS["textgrid"](exported)), encoding="utf-8")
    return path


def test_praatio_reads_the_textgrid(tmp_path: Path) -> None:
    textgrid = pytest.importorskip("praatio.textgrid", reason="praatio is not installed")
    read = textgrid.openTextgrid(str(written(tmp_path, SHORT, "a.TextGrid")), True)
    assert read.tierNames == ("emotion", "viewers", "moments")
    entries = [Span(int(e.start), int(e.end), e.label) for e in read.getTier("emotion").entries]
    assert entries == research.spans(SHORT.track, research.leading(SHORT.track))
    assert [(p.time, p.label) for p in read.getTier("moments").entries] == [
        (3.0, "Laughter: happiness")
    ]
    assert (read.minTimestamp, read.maxTimestamp) == (0, 8)


@pytest.mark.parametrize("moments", [(), (LAUGH,)])
def test_textgrid_reads_the_textgrid(tmp_path: Path, moments: tuple[Moment, ...]) -> None:
    textgrid = pytest.importorskip("textgrid", reason="textgrid is not installed")
    exported = Exported("lobby", SHORT.track, moments)
    read = textgrid.TextGrid.fromFile(str(written(tmp_path, exported, "a.TextGrid")))
    assert [tier.name for tier in read] == ["emotion", "viewers", "moments"][: len(read)]
    assert len(read) == 2 + len(moments)
    found = [Span(int(i.minTime), int(i.maxTime), i.mark) for i in read[0]]
    assert found == research.spans(SHORT.track, research.leading(SHORT.track))


def test_quotation_marks_are_doubled(tmp_path: Path) -> None:
    assert research._quoted('say "x"') == '"say ""x"""'  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    with Store(path) as store:
        store.append(
            Sample("lobby", T0 + n, 5, tuple(3 * (c == n // 9 % 7) for c in range(7)), 1, 1)
            for n in range(1500)
        )
    return path


def test_the_validator_of_bids_finds_nothing_wrong(tmp_path: Path, database: Path) -> None:
    program = shutil.which("bids-validator-deno")
    if program is None:
        pytest.skip("bids-validator-deno is not installed")
    folder = tmp_path / "set"
    beh = folder / "sub-01" / "beh"
    beh.mkdir(parents=True)
    said = {"Name": "a room", "BIDSVersion": "1.9.0", "DatasetType": "raw", "License": "CC0"}
    (folder / "dataset_description.json").write_text(json.dumps(said))
    (folder / "README").write_text("One evening of one room, as the viewers' faces showed it.")
    out = beh / "sub-01_task-watch_events.tsv"
    history.run(load({"history.database": str(database)}), Asked("lobby", out=out))
    assert len(out.read_text().splitlines()) == 1501
    command = [program, str(folder), "--json", "--max-rows", "-1"]
    found = run_child(command, capture_output=True, text=True, check=False, timeout=60)
    issues = json.loads(found.stdout)["issues"]["issues"]
    of_a_study = "SIDECAR_KEY_RECOMMENDED"  # such as the name of the task, which we do not know
    found_wrong = [
        issue
        for issue in issues
        if issue.get("severity") == "error"
        or ("events" in issue.get("location", "") and issue["code"] != of_a_study)
    ]
    assert found_wrong == []


@pytest.mark.parametrize(
    ("name", "format"), [("a_events.tsv", "bids"), ("a.TextGrid", "textgrid"), ("a.csv", "csv")]
)
def test_the_name_of_a_file_says_the_format(name: str, format: str) -> None:
    assert choose_format(None, Path(name), "rows", is_terminal=True) == format


@pytest.mark.parametrize("format", research.FORMATS)
def test_what_is_not_in_them_is_said(
    database: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load({"history.database": str(database)})
    history.run(config, Asked("lobby", format=format))
    assert "happiness" in capsys.readouterr().out
    with pytest.raises(InputError, match="without corrections"):
        history.run(config, Asked("lobby", format=format, corrected=True))
