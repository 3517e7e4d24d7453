"""The scripts from outside: what they print, and how they refuse bad files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from resonance_zoo import CLASSES
from resonance_zoo.cards import CARDS, load_card

Run = Callable[..., object]


def bad_file(kind: str, good: Path, folder: Path) -> Path:
    path = folder / f"{kind}.npz"
    if kind == "truncated":
        path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    elif kind == "text":
        path.write_text("emotion,pixels\n")
    elif kind == "other-arrays":
        np.savez(path, pixels=np.zeros(3))
    elif kind == "short":
        arrays = dict(np.load(good))
        np.savez(path, **{**arrays, "votes": arrays["votes"][:-1]})
    elif kind == "one-array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    return path


@pytest.mark.parametrize("script", ["train_static", "evaluate_static", "quantise_static"])
@pytest.mark.parametrize(
    "kind", ["missing", "truncated", "text", "other-arrays", "one-array", "short"]
)
def test_bad_data_files(
    run_script: Run, tiny_file: Path, tmp_path: Path, script: str, kind: str
) -> None:
    path = bad_file(kind, tiny_file, tmp_path)
    extra = ["--out", tmp_path / "out"] if script == "train_static" else []
    done = run_script(script, path, *extra)
    assert done.returncode == 2
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_an_absent_split_is_answered_with_those_there_are(run_script: Run, tiny_file: Path) -> None:
    done = run_script("evaluate_static", tiny_file, "--split", "test")
    assert done.returncode == 2
    assert "it has: train, valid" in done.stderr


def test_weights_that_are_no_network_are_refused(
    run_script: Run, tiny_file: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "odd.onnx"
    weights.write_bytes(b"hello")
    done = run_script("evaluate_static", tiny_file, "--weights", weights)
    assert done.returncode == 2
    assert "cannot be opened as a network" in done.stderr


@pytest.mark.timeout(240)
def test_train_twice_and_evaluate_on_a_tiny_file(
    run_script: Run,
    main: Callable[..., int],
    tiny_file: Path,
    tmp_path: Path,
    quick_workers: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Once as a program of its own; the other runs in this process, which has torch."""
    for module in ("torch", "onnx", "tomlkit"):
        pytest.importorskip(module, reason=f"{module} (extra 'zoo') is not installed")
    for name in ("OMP_NUM_THREADS", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))  # the script's own stay in this test
    out = tmp_path / "out"
    arguments = (tiny_file, "--out", out, "--epochs", 1, "--workers", 1, "--device", "cpu")
    done = run_script("train_static", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out / "cards" / "static_cnn.toml")
    first = (out / "weights" / "static_cnn.onnx").read_bytes()

    assert (out / "weights" / "static_cnn.int8.onnx").is_file()

    again = tmp_path / "again"
    assert main("train_static", *arguments[:2], again, *arguments[3:]) == 0
    assert (again / "weights" / "static_cnn.onnx").read_bytes() == first  # same seed, same file

    exported = ("--name", "twin", "--export", out / "checkpoint.pt")
    assert main("train_static", *arguments, *exported) == 0
    assert (out / "weights" / "twin.onnx").read_bytes() == first

    weights = out / "weights" / "static_cnn.onnx"
    capsys.readouterr()
    assert main("evaluate_static", tiny_file, "--weights", weights, "--json") == 0
    assert json.loads(capsys.readouterr().out)["images"] == 10

    card = out / "cards" / "static_cnn.toml"
    told = card.read_text(encoding="utf-8")
    remade = run_script("quantise_static", tiny_file, "--card", card)
    assert remade.returncode == 0, remade.stderr
    assert remade.stdout.strip() == str(out / "weights" / "static_cnn.int8.onnx")
    hashed = [line for line in told.splitlines() if line.startswith("sha256")]
    assert len(hashed) == 2 and set(hashed) <= set(card.read_text(encoding="utf-8").splitlines())

    weights.write_bytes(first + b"\0")
    assert main("evaluate_static", tiny_file, "--weights", weights) == 2
    assert "expected SHA-256" in capsys.readouterr().err


@pytest.mark.timeout(240)
def test_the_shipped_network_reads_real_faces(run_script: Run, ferplus_file: Path) -> None:
    done = run_script("evaluate_static", ferplus_file, "--limit", 200, "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert list(figures["recall"]) == list(CLASSES)
    assert figures["accuracy"] > 0.80
    assert figures["moved_crop_accuracy"]["shift_10"] > 0.75
    assert figures["ece"] < 0.08
    assert abs(figures["int8"]["accuracy"] - figures["accuracy"]) < 0.01
    assert figures["int8"]["same_class"] > 0.98
    for precision in (figures, figures["int8"]):
        never, unsure = (precision["mirror"][name] for name in ("never", "where_unsure"))
        assert never["passes"] == 1 < unsure["passes"] < 1.5
        assert precision["mirror"]["always"]["accuracy"] - unsure["accuracy"] < 0.005
    assert np.sum(figures["confusion"]) == figures["images"]


def test_scores_are_a_table_for_people(run_script: Run, ferplus_file: Path) -> None:
    done = run_script("evaluate_static", ferplus_file, "--limit", 40)
    assert done.returncode == 0, done.stderr
    for part in ("accuracy", "uar", "neutral called sadness", "recall", "shift_10", "int8, mirror"):
        assert part in done.stdout


@pytest.mark.timeout(240)
def test_compare_puts_its_table_into_a_card(
    run_script: Run, tiny_file: Path, tmp_path: Path
) -> None:
    for module in ("torch", "onnx", "tomlkit"):
        pytest.importorskip(module, reason=f"{module} (extra 'zoo') is not installed")
    card = tmp_path / "cards/static_cnn.toml"
    card.parent.mkdir()
    card.write_text((CARDS / "static_cnn.toml").read_text(encoding="utf-8"), encoding="utf-8")
    complete = tmp_path / "runs/t1/cards/static_cnn.toml"  # is not trained again
    complete.parent.mkdir(parents=True)
    shipped = card.read_text(encoding="utf-8")
    old = shipped.replace("\nminutes = 87.0\n", "\nminutes = 0.03\n")
    complete.write_text(old.replace('design = "t1w"', 'design = "t1"'), encoding="utf-8")
    done = run_script(
        *("compare_static", tiny_file, "--minutes", 0.03, "--designs", "t1", "separable"),
        *("--out", tmp_path / "runs", "--into", card),
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    before, after = load_card("static_cnn"), load_card("static_cnn", card.parent)
    rows = after.comparison["designs"]
    assert [row["design"] for row in rows] == ["t1", "separable"]
    assert rows[0]["accuracy_raw"] == before.metrics["raw"]["accuracy"] != rows[1]["accuracy_raw"]
    assert after.metrics == before.metrics and after.sha256 == before.sha256


def test_compare_knows_its_designs(run_script: Run, tiny_file: Path) -> None:
    pytest.importorskip("torch", reason="torch (extra 'zoo') is not installed")
    done = run_script("compare_static", tiny_file, "--designs", "t9")
    assert done.returncode == 2
    assert "t1w" in done.stderr
