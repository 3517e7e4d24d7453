"""Measures on cases that can be counted by hand."""

from __future__ import annotations

import json
from math import comb

import numpy as np
import pytest

from resonance_zoo import metrics as measures
from resonance_zoo.train.still import metrics
from resonance_zoo.train.still.calibrate import WANTED_WHEN_SURE, calibrate, logit_bias

# Confusion tables that the authors' logs print (MAE-DFER, and the report's runs), with UAR and WAR.
PUBLISHED = {
    "baseline": ((42.09, 51.82), [
        [1068, 65, 217, 61, 38, 18, 6], [75, 744, 254, 178, 55, 42, 45],
        [172, 219, 1198, 226, 75, 40, 28], [55, 203, 335, 750, 64, 49, 31],
        [72, 77, 165, 114, 167, 16, 27], [59, 78, 103, 121, 21, 73, 12],
        [26, 127, 85, 75, 35, 17, 66],
    ]),
    "add": ((42.30, 52.40), [
        [1111, 60, 181, 60, 32, 25, 4], [84, 767, 255, 178, 38, 32, 39],
        [182, 231, 1182, 227, 77, 37, 22], [63, 210, 322, 756, 67, 42, 27],
        [86, 74, 149, 113, 175, 12, 29], [64, 77, 111, 116, 26, 63, 10],
        [27, 124, 103, 69, 35, 15, 58],
    ]),
    "add_pc": ((42.02, 52.08), [
        [1108, 63, 192, 58, 25, 24, 3], [87, 760, 266, 177, 35, 35, 33],
        [194, 209, 1203, 234, 62, 33, 23], [73, 209, 342, 720, 69, 45, 29],
        [78, 72, 164, 117, 171, 11, 25], [62, 76, 114, 115, 20, 71, 9],
        [29, 135, 95, 76, 32, 10, 54],
    ]),
    "concat": ((42.20, 52.30), [
        [1113, 56, 190, 59, 27, 23, 5], [85, 766, 259, 157, 42, 45, 39],
        [186, 215, 1182, 235, 69, 41, 30], [54, 209, 326, 754, 63, 47, 34],
        [74, 72, 167, 119, 162, 13, 31], [63, 77, 116, 120, 20, 62, 9],
        [26, 122, 91, 76, 40, 11, 65],
    ]),
    "mae_dfer_ferv39k": ((43.12, 52.07), [
        [1076, 57, 201, 59, 40, 33, 7], [91, 752, 228, 183, 51, 45, 43],
        [180, 205, 1158, 245, 71, 63, 36], [56, 197, 310, 750, 81, 54, 39],
        [78, 63, 138, 116, 192, 17, 34], [56, 75, 98, 114, 27, 84, 13],
        [26, 113, 89, 70, 39, 20, 74],
    ]),
    "mae_dfer_dfew": ((62.59, 74.88), [
        [454, 7, 10, 14, 2, 1, 1], [5, 292, 49, 15, 11, 1, 6], [19, 30, 403, 38, 33, 5, 6],
        [9, 9, 49, 336, 22, 3, 7], [4, 11, 58, 9, 194, 0, 18], [0, 0, 16, 4, 3, 3, 3],
        [1, 20, 23, 17, 48, 1, 71],
    ]),
}  # fmt: skip


@pytest.mark.parametrize("run", PUBLISHED)
def test_published_confusion_tables(run: str) -> None:
    (uar, war), rows = PUBLISHED[run]
    table = np.array(rows)
    assert round(100 * measures.unweighted_average_recall(table), 2) == uar
    assert round(100 * measures.weighted_average_recall(table), 2) == war


def test_confusion_has_truth_in_rows() -> None:
    table = measures.confusion(np.array([1, 1, 2]), np.array([0, 0, 2]), classes=3)
    assert table.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert np.isnan(measures.recalls(table)[1])
    assert measures.unweighted_average_recall(table) == 0.5


def test_bootstrap_agrees_with_drawing_clips_one_by_one() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 7, 400)
    said = np.where(rng.random(400) < 0.6, labels, rng.integers(0, 7, 400))
    ours = measures.bootstrap(measures.confusion(said, labels))
    drawn = rng.integers(0, 400, (4000, 400))
    right = (said == labels)[drawn].mean(1)
    assert [ours.war.low, ours.war.high] == pytest.approx(
        np.quantile(right, (0.025, 0.975)), abs=0.008
    )
    uar = [
        measures.unweighted_average_recall(measures.confusion(said[take], labels[take]))
        for take in drawn[:1500]
    ]
    assert [ours.uar.low, ours.uar.high] == pytest.approx(
        np.quantile(uar, (0.025, 0.975)), abs=0.012
    )


def test_bootstrap_is_the_same_every_time() -> None:
    table = np.array(PUBLISHED["add"][1])
    assert measures.bootstrap(table) == measures.bootstrap(table)
    assert measures.bootstrap(table) != measures.bootstrap(table, seed=1)


def test_nothing_can_be_drawn_from_no_clips() -> None:
    with pytest.raises(ValueError, match="no clips"):
        measures.bootstrap(np.zeros((7, 7), int))


def test_paired_difference_of_equal_predictions_is_nothing() -> None:
    labels = np.arange(7).repeat(5)
    same = np.zeros(35, int)
    gap = measures.bootstrap_uar_difference(same, same, labels)
    assert (gap.low, gap.high) == (0, 0)
    gap = measures.bootstrap_uar_difference(labels, same, labels)
    assert gap.low > 0.6
    assert measures.bootstrap_uar_difference(same, labels, labels).high < -0.6


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 3), (1, 5), (9, 2), (369, 361)])
def test_mcnemar_is_the_exact_binomial(first: int, second: int) -> None:
    labels = np.zeros(first + second + 4, int)
    ours, theirs = np.ones_like(labels), np.ones_like(labels)
    ours[:first] = 0
    theirs[first : first + second] = 0
    ours[-2:] = theirs[-2:] = 0
    test = measures.mcnemar(ours, theirs, labels)
    assert (test.only_first, test.only_second) == (first, second)
    tosses = first + second
    tail = sum(comb(tosses, k) for k in range(min(first, second) + 1))
    assert test.p == pytest.approx(min(1, 2 * tail / 2**tosses), rel=1e-9)


def one_hot(said: list[int], confidence: float = 1.0) -> np.ndarray:
    rest = (1 - confidence) / 6
    table = np.full((len(said), 7), rest)
    table[np.arange(len(said)), said] = confidence
    return table


def test_scores_by_hand() -> None:
    labels = np.array([0, 0, 0, 1])
    scores = metrics.score(one_hot([0, 0, 1, 1]), labels)
    assert scores.accuracy == 0.75
    assert scores.uar == pytest.approx((2 / 3 + 1) / 2)
    assert scores.confusion[0][:2] == [2, 1]
    assert scores.recall["sadness"] == 1


def test_a_class_without_images_has_no_recall() -> None:
    scores = metrics.score(one_hot([0]), np.array([0]))
    assert scores.recall["fear"] is None
    assert "NaN" not in json.dumps(scores.recall)


def test_calibration_error() -> None:
    labels = np.array([0] * 8 + [1] * 2)
    assert metrics.calibration_error(one_hot([0] * 10, 0.8), labels) == pytest.approx(0)
    assert metrics.calibration_error(one_hot([0] * 10, 0.9), labels) == pytest.approx(0.1)


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 7))
    labels = (metrics.softmax(honest).cumsum(1) > rng.random((20_000, 1))).argmax(1)
    assert metrics.fit_temperature(honest * 0.5, labels) == pytest.approx(0.5, abs=0.03)


def test_coverage_and_threshold() -> None:
    probabilities = np.concatenate([one_hot([0] * 8, 0.9), one_hot([0] * 2, 0.5)])
    labels = np.array([0] * 8 + [1, 1])
    assert metrics.above(probabilities, labels, 0.6) == (0.8, 1.0)
    assert metrics.unsure_threshold(probabilities, labels, 0.95) == pytest.approx(0.51)


def test_bias_lifts_rare_classes() -> None:
    prior = np.array([0.3, 0.2, 0.3, 0.1, 0.06, 0.01, 0.03])
    bias = logit_bias(prior, -0.3)
    assert bias.argmax() == prior.argmin()
    assert bias.sum() == pytest.approx(0)


def test_calibration_keeps_the_promised_accuracy() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 7, 3000)
    raw = rng.normal(0, 1, (3000, 7))
    raw[np.arange(3000), labels] += 2.5
    point = calibrate(raw, labels, np.full(7, 1 / 7))
    assert point.tau == 0  # an even prior has nothing to correct
    sure = metrics.softmax(point.apply(raw))
    assert metrics.above(sure, labels, point.unsure_below)[1] >= WANTED_WHEN_SURE
    assert metrics.calibration_error(sure, labels) < 0.03
