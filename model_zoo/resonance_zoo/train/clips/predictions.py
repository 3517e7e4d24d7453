"""The CSV of what a network said about each clip: written, read back, and two of them mixed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_zoo import metrics
from resonance_zoo.classes import CLASSES

SHARE_COLUMNS = tuple(f"p_{name}" for name in CLASSES)
ROUNDING = 1e-4  # by how much the written probabilities of a clip may miss 1


class PredictionsError(ValueError):
    """A file of predictions cannot be written, read or mixed; the message names it."""


@dataclass(frozen=True)
class Answers:
    """Names of the clips, their true classes int64[N], probabilities float64[N, classes]."""

    clips: tuple[str, ...]
    labels: NDArray[np.int64]
    shares: NDArray[np.float64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """The confusion table, rows = truth."""
        return metrics.confusion(self.shares.argmax(1), self.labels)


@contextmanager
def draft(path: Path | None, *, with_shares: bool) -> Generator[Callable[[Answers], None]]:
    """Open the file before the work that fills it; it replaces `path` when it is complete.

    Gives what writes clip, label, pred and, `with_shares`, p_CLASS columns; without a path that
    does nothing. Raises PredictionsError at once where `path` cannot be written.
    """
    if path is None:
        yield lambda _answers: None
        return
    partial = path.with_name(f"{path.name}.partial")
    try:
        if path.is_dir():
            raise PredictionsError(f"cannot write {path}: it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        file = partial.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise PredictionsError(f"cannot write {path}: {error.strerror}") from error
    try:
        with file:
            yield lambda answers: csv.writer(file).writerows(_rows(answers, with_shares))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _rows(answers: Answers, with_shares: bool) -> Generator[list[object]]:
    yield ["clip", "label", "pred", *(SHARE_COLUMNS if with_shares else ())]
    for clip, label, shares in zip(answers.clips, answers.labels, answers.shares, strict=True):
        given = [f"{share:.6f}" for share in shares] if with_shares else []
        yield [clip, int(label), int(shares.argmax()), *given]


def read(path: Path) -> Answers:
    """A file written with probabilities. Raises PredictionsError for anything else."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise PredictionsError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PredictionsError(f"{path} is not a CSV file in UTF-8") from error
    if not rows:
        raise PredictionsError(f"{path} holds no clips")
    absent = [name for name in ("clip", "label", *SHARE_COLUMNS) if name not in rows[0]]
    if absent:
        raise PredictionsError(f"{path} has no column {absent[0]!r}; write it with --shares")
    try:
        labels = np.array([int(row["label"]) for row in rows])
        shares = np.array([[float(row[name]) for name in SHARE_COLUMNS] for row in rows])
    except (TypeError, ValueError) as error:
        raise PredictionsError(f"{path} has a row that holds no numbers: {error}") from error
    answers = Answers(tuple(row["clip"] for row in rows), labels, shares)
    _check(answers, path)
    return answers


def _check(answers: Answers, path: Path) -> None:
    if len(set(answers.clips)) < len(answers.clips):
        raise PredictionsError(f"{path} names a clip twice")
    if not (set(answers.labels.tolist()) <= set(range(len(CLASSES)))):
        raise PredictionsError(f"{path} has a label beyond 0 to {len(CLASSES) - 1}")
    # ~ rather than >, so that NaN is refused
    off = ~(np.abs(answers.shares.sum(1) - 1) <= ROUNDING) | (answers.shares < 0).any(1)
    if off.any():
        clip = answers.clips[int(off.argmax())]
        raise PredictionsError(f"{path}: the probabilities of {clip} do not add up to 1")


def mix(first: tuple[float, Path], second: tuple[float, Path]) -> Answers:
    """Weight times probabilities, added up, of two files over the same clips.

    The report does not say how it mixed (Table 6); softmax probabilities are our choice, as in
    `resonance_zoo.ensemble`. Clips are matched by name and stand as in the first file. Raises
    PredictionsError for weights that are no shares of 1, and for clips or labels that differ.
    """
    (weight, path), (other_weight, other_path) = first, second
    if not (min(weight, other_weight) >= 0 and abs(weight + other_weight - 1) <= 1e-6):
        raise PredictionsError(f"the shares {weight:g} and {other_weight:g} do not add up to 1")
    ours, theirs = read(path), read(other_path)
    for one, rest, name, rest_name in (
        (ours, theirs, path, other_path),
        (theirs, ours, other_path, path),
    ):
        alone = sorted(set(one.clips) - set(rest.clips))
        if alone:
            raise PredictionsError(
                f"{len(alone)} clips of {name} are not in {rest_name}; the first is {alone[0]}"
            )
    place = {clip: index for index, clip in enumerate(theirs.clips)}
    order = [place[clip] for clip in ours.clips]
    differ = ours.labels != theirs.labels[order]
    if differ.any():
        clip = ours.clips[int(differ.argmax())]
        raise PredictionsError(f"{path} and {other_path} give {clip} different labels")
    shares = weight * ours.shares + other_weight * theirs.shares[order]
    return Answers(ours.clips, ours.labels, shares)
