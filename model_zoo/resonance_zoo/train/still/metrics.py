"""What training a still-image network measures besides `resonance_zoo.metrics`: calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from resonance_zoo.classes import CLASSES
from resonance_zoo.metrics import (
    Floats,
    Labels,
    confusion,
    recalls,
    softmax,
    unweighted_average_recall,
    weighted_average_recall,
)


@dataclass(frozen=True)
class Scores:
    """What one set of probabilities is worth.

    `confusion[true][said]` counts images; the recall of a class without images is None, and
    `uar`, the mean recall, leaves such classes out.
    """

    images: int
    accuracy: float
    uar: float
    recall: dict[str, float | None]
    confusion: list[list[int]]
    ece: float


def calibration_error(probabilities: Floats, labels: Labels, bins: int = 15) -> float:
    """Expected calibration error: |accuracy - confidence| in equal bins, weighted by images."""
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == labels
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(which, correct - confidence, minlength=bins)
    return float(np.abs(gap).sum() / max(len(labels), 1))


def score(probabilities: Floats, labels: Labels) -> Scores:
    """Everything at once, from probabilities float[N, 7] and class indices."""
    table = confusion(probabilities.argmax(1), labels)
    recall = recalls(table)
    return Scores(
        images=len(labels),
        accuracy=weighted_average_recall(table),
        uar=unweighted_average_recall(table),
        recall={
            name: None if np.isnan(value) else float(value)
            for name, value in zip(CLASSES, recall, strict=True)
        },
        confusion=table.tolist(),
        ece=calibration_error(probabilities, labels),
    )


def negative_log_likelihood(logits: Floats, labels: Labels) -> float:
    """Mean over images."""
    chosen = softmax(logits)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit_temperature(logits: Floats, labels: Labels) -> float:
    """The T in [0.3, 3] whose softmax(logits / T) has the least NLL, to 0.01."""
    candidates = np.round(np.arange(0.3, 3.005, 0.01), 2)
    losses = [negative_log_likelihood(logits / t, labels) for t in candidates]
    return float(candidates[int(np.argmin(losses))])


def above(probabilities: Floats, labels: Labels, threshold: float) -> tuple[float, float]:
    """Coverage (share of images at or above the threshold) and accuracy among those."""
    sure = probabilities.max(1) >= threshold
    correct = probabilities.argmax(1)[sure] == labels[sure]
    return float(sure.mean()), float(correct.mean()) if sure.any() else 0.0


def unsure_threshold(probabilities: Floats, labels: Labels, wanted: float) -> float:
    """The lowest confidence above which accuracy reaches `wanted` (0.95 if none does)."""
    for threshold in np.round(np.arange(0.2, 0.951, 0.01), 2):
        if above(probabilities, labels, threshold)[1] >= wanted:
            return float(threshold)
    return 0.95
