"""MMEmotionRecognition on RAVDESS: its tables, its folds, its perceptron and its late fusion.

Every fold keeps some actors for the test, so no face is in both parts. Accuracies are means over
the five folds (Luna-Jimenez et al., Applied Sciences 12, 2022, tables 3 to 6).
"""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from resonance_zoo import metrics
from resonance_zoo.mmer_classes import ACTION_UNITS, ALPHABETICAL_TO_RAVDESS, RAVDESS_CLASSES

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

TABLE, POSTERIORS = "average_aus.csv", "posteriors.npz"
TEST_ACTORS = (
    (2, 5, 14, 15, 16),
    (3, 6, 7, 13, 18),
    (10, 11, 12, 19, 20),
    (8, 17, 21, 23, 24),
    (1, 4, 9, 22),
)
SEED = 2020
CLASS_COUNT = len(RAVDESS_CLASSES)
SYSTEMS = ("speech", "bilstm", "mlp")  # in the order in which late fusion sets them side by side
FUSIONS = (("speech", "bilstm", "mlp"), ("speech", "bilstm"), ("speech", "mlp"), ("bilstm", "mlp"))


class RavdessError(ValueError):
    """A data file is missing or holds something else than it should; the message names it."""


@dataclass(frozen=True)
class VideoTable:
    """Videos in the order of their file: the perceptron's optimiser sees them in that order.

    `features` float64[N, 35] (columns `ACTION_UNITS`), `labels` int[N] (places in
    `RAVDESS_CLASSES`), `actors` int[N] (1 to 24).
    """

    names: tuple[str, ...]
    features: Floats
    labels: NDArray[np.int64]
    actors: NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """Places in a VideoTable. `train` is in the file's order; the `_by_name` lists are in the
    order in which stored posteriors lie."""

    train: Places
    train_by_name: Places
    test_by_name: Places


@dataclass(frozen=True)
class Result:
    """One system: accuracy and UAR of each fold, as shares (0 to 1)."""

    accuracy: tuple[float, ...]
    uar: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """Every system, and the greatest difference between our perceptron's posteriors and the
    authors'."""

    results: dict[str, Result]
    perceptron_difference: float


def read_table(file: Path) -> VideoTable:
    """The authors' table of action units averaged over each video. Raises RavdessError."""
    try:
        with file.open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text, delimiter=";"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RavdessError(f"cannot read {file}: {_why(error)}") from error
    if not rows:
        raise RavdessError(f"{file} has no rows")
    absent = [column for column in (*ACTION_UNITS, "name") if column not in rows[0]]
    if absent:
        raise RavdessError(f"{file} has no column {absent[0]!r}")
    try:
        features = np.array([[float(row[unit]) for unit in ACTION_UNITS] for row in rows])
        codes = np.array([[int(part) for part in row["name"].split("-")] for row in rows])
        labels, actors = codes[:, 2] - 1, codes[:, 6]
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise RavdessError(f"{file} holds a value or a video name that is none: {error}") from error
    if not np.isfinite(features).all() or not set(labels) <= set(range(CLASS_COUNT)):
        raise RavdessError(f"{file} holds numbers that are not finite, or emotions beyond 1 to 8")
    return VideoTable(tuple(row["name"] for row in rows), features, labels, actors)


def fold(table: VideoTable, number: int) -> Fold:
    """Fold `number`, 0 to 4."""
    is_test = np.isin(table.actors, TEST_ACTORS[number])
    by_name = np.argsort(np.array(table.names))
    return Fold(
        train=np.flatnonzero(~is_test),
        train_by_name=by_name[~is_test[by_name]],
        test_by_name=by_name[is_test[by_name]],
    )


def read_posteriors(file: Path, number: int, part: str, rows: int) -> dict[str, Floats]:
    """What the authors' systems said in a fold's `part` ("train" or "test"): float64[rows, 8]
    each, sorted by name.

    Only numbers are read: the names in the file are pickled, and follow from the table.
    """
    keys = {system: f"fold{number}_{part}_{system}" for system in SYSTEMS}
    try:
        with np.load(file) as arrays:
            said = {system: np.asarray(arrays[key], float) for system, key in keys.items()}
    except OSError as error:
        raise RavdessError(f"cannot read {file}: {_why(error)}") from error
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise RavdessError(f"cannot read {file}: it is no file of posteriors ({error})") from error
    except KeyError as error:
        raise RavdessError(f"{file} has no array {error}") from error
    for system, key in keys.items():
        if said[system].shape != (rows, CLASS_COUNT):
            raise RavdessError(
                f"{file}: {key} is {list(said[system].shape)}, not {[rows, CLASS_COUNT]}"
            )
    return said


def _why(error: Exception) -> str:
    """The trouble alone: the text of an OSError repeats the path and a number."""
    return getattr(error, "strerror", None) or str(error)


def fit_perceptron(features: Floats, labels: NDArray[np.int64]) -> Pipeline:
    """MinMax scaling and the perceptron "MLP-80" of the paper.

    It stops at 200 iterations before it has converged, and is better for it.
    """
    perceptron = MLPClassifier(hidden_layer_sizes=(80,), random_state=SEED)
    steps = Pipeline([("scale", MinMaxScaler()), ("perceptron", perceptron)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return steps.fit(features, labels)


def fuse(train: Sequence[Floats], labels: NDArray[np.int64], test: Sequence[Floats]) -> Floats:
    """Late fusion: logistic regression on what several systems said, float64[test rows, 8].

    It learns from what they said about their own training videos, as the authors' does.
    """
    scaler = MinMaxScaler().fit(np.hstack(train))
    order = np.random.RandomState(SEED).permutation(len(labels))
    said = scaler.transform(np.hstack(train))
    judge = LogisticRegression(C=1, max_iter=10_000, random_state=SEED)
    judge.fit(said[order], labels[order])
    return judge.predict_proba(scaler.transform(np.hstack(test)))


def evaluate(table: VideoTable, posteriors: Path, numbers: Iterable[int] = range(5)) -> Evaluation:
    """Fit and test every system on the folds `numbers`; speech and biLSTM are the authors'
    recorded answers."""
    accuracy: dict[str, list[float]] = {}
    uar: dict[str, list[float]] = {}
    difference = 0.0
    for number in numbers:
        part = fold(table, number)
        said, gap = _answers(table, part, posteriors, number)
        difference = max(difference, gap)
        truth = table.labels[part.test_by_name]
        for system, classes in said.items():
            counts = metrics.confusion(classes, truth, CLASS_COUNT)
            accuracy.setdefault(system, []).append(metrics.weighted_average_recall(counts))
            uar.setdefault(system, []).append(metrics.unweighted_average_recall(counts))
    results = {name: Result(tuple(accuracy[name]), tuple(uar[name])) for name in accuracy}
    return Evaluation(results, difference)


def _answers(
    table: VideoTable, part: Fold, posteriors: Path, number: int
) -> tuple[dict[str, NDArray[np.int64]], float]:
    """The class that each system gives each test video, and how far our perceptron is off."""
    train = read_posteriors(posteriors, number, "train", len(part.train_by_name))
    test = read_posteriors(posteriors, number, "test", len(part.test_by_name))
    model = fit_perceptron(table.features[part.train], table.labels[part.train])
    theirs = test["mlp"]
    train["mlp"] = model.predict_proba(table.features[part.train_by_name])
    test["mlp"] = model.predict_proba(table.features[part.test_by_name])
    said = {system: likeliest(system, test[system]) for system in SYSTEMS}
    labels = table.labels[part.train_by_name]
    for systems in FUSIONS:
        blocks = [[block[system] for system in systems] for block in (train, test)]
        fused = fuse(blocks[0], labels, blocks[1])
        said["+".join(systems)] = fused.argmax(1)
    return said, float(np.abs(test["mlp"] - theirs).max())


def likeliest(system: str, said: Floats) -> NDArray[np.int64]:
    """The best class of each row float64[N, 8], as places in RAVDESS_CLASSES."""
    return (said if system == "mlp" else said[:, ALPHABETICAL_TO_RAVDESS]).argmax(1)
