"""Measures on cases that can be counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model_zoo.training import metrics
from model_zoo.training.calibrate import WANTED_WHEN_SURE, calibrate, logit_bias


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
