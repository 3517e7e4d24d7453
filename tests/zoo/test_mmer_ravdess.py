"""MMEmotionRecognition on the real action units of RAVDESS: the published accuracies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from resonance_zoo import mmer_ravdess as ravdess

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "ravdess"
PUBLISHED = {  # mean accuracy over the folds, percent
    "mlp": 60.217,
    "bilstm": 62.133,
    "speech": 81.817,
    "speech+bilstm+mlp": 86.700,
    "speech+bilstm": 85.400,
    "speech+mlp": 84.917,
    "bilstm+mlp": 60.567,
}
FOLDS = {
    "mlp": [61.33, 58.67, 61.00, 64.67, 55.42],
    "speech+bilstm+mlp": [88.67, 88.67, 84.67, 85.67, 85.83],
}

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip("the RAVDESS tables (../shared/data/ravdess) are not on this machine")
    return DATA


def test_every_published_accuracy(data: Path, run_script: Run) -> None:
    done = run_script("evaluate_mmer", data, "--json")
    assert done.returncode == 0, done.stderr
    assert not done.stderr  # its bar is for terminals
    found = json.loads(done.stdout)
    accuracy = {name: result["accuracy"] for name, result in found["systems"].items()}
    assert accuracy == PUBLISHED
    assert {name: found["systems"][name]["folds"] for name in FOLDS} == FOLDS
    assert round(found["systems"]["mlp"]["uar"], 2) == 60.34
    assert found["perceptron_difference"] < 1e-12


def test_folds_keep_actors_apart(data: Path) -> None:
    table = ravdess.read_table(data / ravdess.TABLE)
    assert table.features.shape == (1440, 35)
    assert np.bincount(table.labels).tolist() == [96, *[192] * 7]
    tested = []
    for number, actors in enumerate(ravdess.TEST_ACTORS):
        part = ravdess.fold(table, number)
        assert set(table.actors[part.test_by_name]) == set(actors)
        assert not set(table.actors[part.train]) & set(actors)
        assert sorted(part.train) == sorted(part.train_by_name)
        names = [table.names[place] for place in part.test_by_name]
        assert names == sorted(names)
        tested += names
    assert sorted(tested) == sorted(table.names)


def small_table(folder: Path, change: Callable[[str], str] = str) -> Path:
    """Two videos in the authors' format, after `change` to the text."""
    header = ";".join((*ravdess.ACTION_UNITS, "speech", "name", "path", "index"))
    rows = [";".join(["0.5"] * 36 + [name, name, "0"]) for name in ("01-01-03-01-01-01-02",) * 2]
    path = folder / ravdess.TABLE
    path.write_text(change("\n".join([header, *rows])))
    return path


def test_a_small_table(tmp_path: Path) -> None:
    table = ravdess.read_table(small_table(tmp_path))
    assert (table.labels.tolist(), table.actors.tolist()) == ([2, 2], [2, 2])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "", "no rows"),
        (lambda text: text.replace("AU28_c", "AU28_x"), "no column 'AU28_c'"),
        (lambda text: text.replace("0.5;", "much;", 1), "is none"),
        (lambda text: text.replace("0.5;", "nan;", 1), "not finite"),
        (lambda text: text.replace("01-01-03-", "01-01-09-"), "beyond 1 to 8"),
        (lambda text: text.replace("01-01-03-", "x"), "is none"),
        (lambda text: text[:-60], "is none"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, change: Callable[[str], str], said: str) -> None:
    path = small_table(tmp_path, change)
    with pytest.raises(ravdess.RavdessError, match=said) as caught:
        ravdess.read_table(path)
    assert str(path) in str(caught.value)


def test_posteriors_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / ravdess.POSTERIORS
    with pytest.raises(ravdess.RavdessError, match="cannot read"):
        ravdess.read_posteriors(path, 0, "test", 2)
    path.write_bytes(b"")
    with pytest.raises(ravdess.RavdessError, match="no file of posteriors"):
        ravdess.read_posteriors(path, 0, "test", 2)
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(ravdess.RavdessError, match="no file of posteriors"):
        ravdess.read_posteriors(path, 0, "test", 2)
    np.savez(path, other=np.zeros(2))
    with pytest.raises(ravdess.RavdessError, match="no array"):
        ravdess.read_posteriors(path, 0, "test", 2)
    np.savez(path, **{f"fold0_test_{system}": np.zeros((3, 8)) for system in ravdess.SYSTEMS})
    with pytest.raises(ravdess.RavdessError, match=r"\[3, 8\], not \[2, 8\]"):
        ravdess.read_posteriors(path, 0, "test", 2)
    with path.open("wb") as file:
        np.save(file, np.zeros(2))
    with pytest.raises(ravdess.RavdessError, match="no file of posteriors"):
        ravdess.read_posteriors(path, 0, "test", 2)


def test_the_script_refuses_a_folder_without_data(tmp_path: Path, run_script: Run) -> None:
    done = run_script("evaluate_mmer", tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    table = tmp_path / ravdess.TABLE
    assert done.stderr == f"evaluate_mmer: cannot read {table}: No such file or directory\n"
    small_table(tmp_path)
    done = run_script("evaluate_mmer", tmp_path)
    file = tmp_path / ravdess.POSTERIORS
    # One line: the bar, which would stand before it, is for terminals.
    assert done.stderr == f"evaluate_mmer: cannot read {file}: No such file or directory\n"
