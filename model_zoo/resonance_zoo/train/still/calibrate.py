"""Turns raw logits into the shipped operating point: class bias, temperature, unsure threshold.

Each number is picked on the valid split by a stated rule; nothing is tuned by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_zoo.train.still import metrics

Floats = NDArray[np.floating]
ACCURACY_GIVEN_UP = 0.003  # what rarer classes may cost in accuracy
WANTED_WHEN_SURE = 0.885
TAUS = tuple(np.round(np.arange(0, -1.001, -0.05), 2))


@dataclass(frozen=True)
class Calibration:
    """shipped = (raw + bias) / temperature, with bias = tau * log(prior)."""

    tau: float
    bias: Floats
    temperature: float
    unsure_below: float

    def apply(self, raw: Floats) -> Floats:
        return (raw + self.bias) / self.temperature


RAW = Calibration(tau=0.0, bias=np.zeros(7), temperature=1.0, unsure_below=0.0)  # as it comes


def logit_bias(prior: Floats, tau: float) -> Floats:
    """tau * log(prior), centred so that it sums to zero."""
    bias = tau * np.log(np.maximum(prior, 1e-6))
    return bias - bias.mean()


def pick_tau(raw: Floats, labels: NDArray[np.integer], prior: Floats) -> float:
    """The tau of best UAR among those that cost at most `ACCURACY_GIVEN_UP` against tau 0."""
    scores = {t: metrics.score(metrics.softmax(raw + logit_bias(prior, t)), labels) for t in TAUS}
    floor = scores[0.0].accuracy - ACCURACY_GIVEN_UP
    return float(max((t for t in TAUS if scores[t].accuracy >= floor), key=lambda t: scores[t].uar))


def calibrate(raw: Floats, labels: NDArray[np.integer], prior: Floats) -> Calibration:
    """Fit on raw mirror-averaged logits float[N, 7] of labelled images."""
    tau = pick_tau(raw, labels, prior)
    bias = logit_bias(prior, tau)
    temperature = metrics.fit_temperature(raw + bias, labels)
    sure = metrics.softmax((raw + bias) / temperature)
    threshold = metrics.unsure_threshold(sure, labels, WANTED_WHEN_SURE)
    return Calibration(tau, bias, temperature, threshold)
