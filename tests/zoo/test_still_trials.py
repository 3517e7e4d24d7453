"""Trials of networks: what their figures mean, and that each runs to its table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")
pytest.importorskip("mediapipe", reason="mediapipe is not installed")

from resonance_tui.emotions import Emotion  # noqa: E402
from resonance_zoo.train.still import local_sgd  # noqa: E402
from resonance_zoo.train.still.checkpoint import StillCheckpoint  # noqa: E402
from resonance_zoo.train.still.spoil import KINDS, UNLEARNT  # noqa: E402
from resonance_zoo.train.still.temporal import Stretch, TemporalHead, said, train_head  # noqa: E402

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
HAPPY, SAD, NEUTRAL = (int(each) for each in (Emotion.HAPPINESS, Emotion.SADNESS, Emotion.NEUTRAL))


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Modules beside the scripts, by name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def module(name: str) -> ModuleType:
        return pytest.importorskip(name)

    return module


# A temporal head


def stretch(switch: int, is_up: bool, seed: int) -> Stretch:
    """Frames whose logits say nothing; from `switch` on a feature says what is there."""
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 0.1, (20, 5)).astype(np.float32)
    features[switch:, 0] = 3 if is_up else -3
    labels = np.full(20, NEUTRAL)
    labels[switch:] = HAPPY if is_up else SAD
    return Stretch(features, np.zeros((20, 7), np.float32), labels)


def test_a_head_adds_nothing_before_it_learned() -> None:
    seen = [stretch(3 + n % 12, n % 2 == 0, n) for n in range(64)]
    assert not said(TemporalHead(5), seen[0]).any()
    head = train_head(seen, 30, seed=0)
    new = [stretch(5, is_up, 100 + is_up) for is_up in (True, False)]
    for each in new:
        assert (said(head, each).argmax(1) == each.labels).mean() > 0.9
    assert np.array_equal(
        said(train_head(seen, 1, 7), seen[0]), said(train_head(seen, 1, 7), seen[0])
    )


def test_a_head_does_not_look_ahead() -> None:
    head = train_head([stretch(3 + n % 12, True, n) for n in range(8)], 1, seed=0)
    one, other = stretch(18, True, 5), stretch(19, True, 5)
    assert np.allclose(said(head, one)[:18], said(head, other)[:18])


# Figures of what is told


def test_a_change_is_timed_and_a_steady_face_counted(scripts: Callable[[str], Any]) -> None:
    changing, figures = scripts("changing_faces"), scripts("temporal_figures").figures
    frames = np.zeros((40, 48, 48), np.uint8)
    steady = changing.Sequence(
        1, "talking", Emotion.NEUTRAL, frames, np.full(40, NEUTRAL, np.int64)
    )
    found = figures(steady, [NEUTRAL] * 23 + [SAD] * 17)
    assert found["talking, neutral, right"] == found["neutral told as sad"] == 0.5
    assert found["talking, changes a minute"] == pytest.approx(60 / 3.3)
    labels = np.array([NEUTRAL] * 15 + [SAD] * 25)
    onset = changing.Sequence(1, "onset", Emotion.SADNESS, frames, labels)
    for late, is_in_time in ((9, 1), (10, 0), (25, 0)):
        told = [NEUTRAL] * (15 + late) + [SAD] * (25 - late)
        assert figures(onset, told)["onset, told within a second"] == is_in_time


def test_the_table_says_what_each_seed_gains(scripts: Callable[[str], Any]) -> None:
    name = "onset, right"
    table = scripts("temporal_figures").Table([1, 1, 2], [{name: 0.5}, {name: 0.5}, {name: 0.2}])
    table.add("other", [[{name: 0.6}, {name: 0.6}, {name: 0.3}] for _ in range(2)])
    row = next(line for line in table.lines() if line.startswith(f"| {name}"))
    assert row == f"| {name} | .400 | .500 (.500, .500); +.100 (.100 to .100) |"


# Designs of the still network


def exam(judge: Any) -> Any:
    labels = np.array([NEUTRAL, NEUTRAL, SAD, HAPPY] * 10)
    groups = np.array([0, 1, 0, 1] * 10)
    nothing = np.zeros((0, 48, 48), np.uint8)
    return judge.Exam(
        nothing, labels[:0], {}, labels, labels > 0, groups, np.full(7, 1 / 7), draws=50
    )


def test_measures_count_what_was_said(scripts: Callable[[str], Any]) -> None:
    judge = scripts("judged_stills")
    asked, everybody = exam(judge), np.arange(40)
    word = np.array([NEUTRAL, SAD, SAD, HAPPY] * 10)
    heard = dict.fromkeys(("clean", judge.LEVELLED, *judge.SPOILT, *UNLEARNT), word)
    found = {name: each(asked, heard, everybody) for name, each in judge.MEASURES.items()}
    assert found["accuracy"] == found["accuracy, levelled crops"] == 0.75
    assert found["UAR"] == pytest.approx(2.5 / 3)
    assert found["neutral called sad"] == 0.5
    assert found["neutral called sad, worst look-alike group"] == 1
    assert found["sadness called neutral"] == 0
    before, now, (low, high) = judge.row(asked, "accuracy", heard, [heard, heard])
    assert (before, now, low, high) == (0.75, [0.75, 0.75], 0, 0)


@pytest.mark.parametrize(
    ("gained", "lost", "is_taken"),
    [
        ([0.02, 0.02, 0.02], [0, 0, 0], True),
        ([0.02, 0.02, 0.005], [0, 0, 0], False),
        ([0.02, 0.02, 0.02], [0, 0, -0.001], False),
    ],
)
def test_a_design_holds_only_with_every_seed_and_without_loss(
    scripts: Callable[[str], Any], gained: list[float], lost: list[float], is_taken: bool
) -> None:
    judge = scripts("judged_stills")
    before = dict.fromkeys(judge.KEPT, 0.5)
    seeds = {name: [0.5] * 3 for name in judge.KEPT}
    seeds["accuracy"] = [0.5 + each for each in lost]
    seeds["neutral called sad"] = [0.5 - each for each in gained]
    assert judge.holds(before, seeds) is is_taken


def test_intervals_of_shares_and_what_chance_does(scripts: Callable[[str], Any]) -> None:
    judge = scripts("look_alike_audit")
    low, high = judge.wilson(7, 347)  # Wilson 1927, by hand
    assert (low, high) == (pytest.approx(0.0098, abs=1e-4), pytest.approx(0.0410, abs=1e-4))
    groups = np.repeat([0, 1, 2], 40)
    assert judge.by_chance(groups == 1, groups) == 0
    assert judge.by_chance(np.arange(120) % 4 == 0, groups) == 1


def test_a_tilted_face_is_cut_out_level(scripts: Callable[[str], Any]) -> None:
    cut = scripts("levelled_faces").cut
    still = np.full((48, 48), 200, np.uint8)
    for step in range(-12, 13):  # a line that falls by 30 degrees
        still[round(24 + step * np.sin(np.pi / 6)), round(24 + step * np.cos(np.pi / 6))] = 0
    level, same = cut(np.stack([still] * 2), np.array([[24, 24, 48, np.pi / 6], [np.nan] * 4]))
    assert np.array_equal(same, still)
    rows = np.argwhere(level < 150)[:, 0]
    assert len(rows) and rows.max() - rows.min() <= 2 and abs(rows.mean() - 24) < 1.5


# From the beginning to the table


@pytest.fixture
def files(shared_data: Path) -> list[Path]:
    found = [shared_data / name for name in ("ferplus.npz", "face_landmarker.task", "clips")]
    if missing := [file.name for file in found if not file.exists()]:
        pytest.skip(f"no {missing[0]} in the shared data")
    return found


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the scripts set for themselves stays in this test."""
    for name in ("OMP_NUM_THREADS", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
    yield


def page(path: Path, name: str) -> Path:
    docs = (SCRIPTS.parent / "docs/recognition.md").read_text(encoding="utf-8")
    assert f"<!-- written by scripts/{name} -->" in docs
    path.write_text(docs, encoding="utf-8")
    return path


def ends_at_once(start: StillCheckpoint, data: local_sgd.TrainingData) -> Iterator[local_sgd.Tick]:
    """In place of a training, which other tests look at."""
    yield local_sgd.Tick(replace(start, progress=1.0), 0.0, len(data.images))


@pytest.mark.faces
@pytest.mark.timeout(240)
def test_both_trials_write_their_tables_between_the_marks(
    main: Callable[..., int],
    files: list[Path],
    tmp_path: Path,
    variables: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, model, clips = files
    first = page(tmp_path / "page.md", "trial_static")
    out, few = tmp_path / "out", tmp_path / "clips"
    few.mkdir()
    (few / "single_face.mp4").symlink_to(clips / "single_face.mp4")
    monkeypatch.setattr(local_sgd, "train", ends_at_once)
    assert main("trial_static", data, model, "--out", out, "--quick", "--page", first) == 0
    table = part(first, "trial_static")
    assert all(f"| accuracy, {kind} |" in table for kind in KINDS if kind != "clean")
    assert len(list(out.glob("*.pt"))) == 3 and "| seed 0 |" in table
    assert "as before: does not hold" in table  # nothing was learnt

    assert main("train_temporal", data, model, few, "--quick", "--page", first) == 0
    table = part(first, "train_temporal")
    assert "| onset, right |" in table and "| single_face, 0.6, 2.35 | happiness |" in table
    assert part(first, "trial_static")  # the other's is left alone


def part(path: Path, name: str) -> str:
    text = path.read_text(encoding="utf-8").partition(f"written by scripts/{name} -->")[2]
    return text.partition("<!-- end of")[0]


@pytest.mark.parametrize("name", ["trial_static", "train_temporal"])
def test_a_page_without_marks_and_data_that_is_not_there_are_refused(
    main: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    variables: None,
    name: str,
) -> None:
    odd = tmp_path / "page.md"
    odd.write_text("no marks")
    none = [tmp_path / "none"] * (3 if name == "train_temporal" else 2)
    for more, message in ((("--page", odd), "lacks the marks"), ((), "none does not exist")):
        assert main(name, *none, *more) == 2
        heard = capsys.readouterr()
        assert message in heard.err and heard.out == ""
