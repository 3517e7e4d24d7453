"""Vote rules: outliers, majority, who may be trained on, how often each image is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from resonance_zoo.train.still import ferplus

from .conftest import COLUMNS


def faces(*rows: dict[str, int], dup: float = 0.0) -> ferplus.FaceSet:
    raw = np.array([[row.get(name, 0) for name in COLUMNS] for row in rows], np.float32)
    return ferplus.FaceSet(
        images=np.zeros((len(rows), 48, 48), np.uint8),
        votes=ferplus.without_outliers(raw),
        vote_columns=COLUMNS,
        dup_corr=np.full(len(rows), dup, np.float32),
    )


def test_a_single_vote_is_an_outlier() -> None:
    votes = faces({"anger": 1, "neutral": 2, "fear": 7}).class_votes[0]
    assert votes.tolist() == [0, 0, 2, 0, 0, 0, 7]


@pytest.mark.parametrize(
    ("votes", "label"),
    [
        ({"happiness": 10}, 0),
        ({"sadness": 6, "neutral": 4}, 1),
        ({"neutral": 5, "sadness": 5}, -1),
        ({"fear": 5, "surprise": 4, "anger": 1}, 6),  # more than half once the outlier is gone
        ({"contempt": 8, "neutral": 2}, -1),
        ({"unknown": 6, "anger": 4}, -1),
        ({"NF": 10}, -1),
        ({"disgust": 4, "anger": 3, "sadness": 3}, -1),
    ],
)
def test_majority(votes: dict[str, int], label: int) -> None:
    assert ferplus.majority_labels(faces(votes)).tolist() == [label]


@pytest.mark.parametrize(
    ("votes", "used"),
    [
        ({"happiness": 10}, True),
        ({"happiness": 5, "contempt": 5}, True),
        ({"happiness": 4, "contempt": 6}, False),
        ({"happiness": 2}, False),
        ({"unknown": 10}, False),
    ],
)
def test_who_is_trained_on(votes: dict[str, int], used: bool) -> None:
    assert ferplus.trainable(faces(votes)).tolist() == [used]


def test_near_copies_of_another_split_are_left_out() -> None:
    assert not ferplus.trainable(faces({"happiness": 10}, dup=0.95)).any()
    assert ferplus.trainable(faces({"happiness": 10}, dup=0.92)).all()


def test_soft_targets_ignore_what_is_no_class() -> None:
    target = ferplus.soft_targets(faces({"sadness": 6, "neutral": 2, "contempt": 2}))[0]
    assert target.tolist() == pytest.approx([0, 0.75, 0.25, 0, 0, 0, 0])


def test_rare_classes_are_drawn_more_often() -> None:
    many = [{"neutral": 10}] * 16 + [{"disgust": 10}]
    weights = ferplus.sampling_weights(faces(*many), balance=0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(4)  # (16/1) ** 0.5
    assert ferplus.sampling_weights(faces(*many), balance=0.0) == pytest.approx(1 / 17)
