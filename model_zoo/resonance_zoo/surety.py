"""How sure the still-image network may be, after what the crop looks like.

A small network of its own (`weights/still_surety.onnx`) sees the same crop and says how much of
each of REASONS it shows, and, for each class, how likely a reading of that class was changed by
such things. From these follow a temperature, which flattens the probabilities, and a haze, which
mixes all classes in. Neither changes which class is the likeliest.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_zoo.classes import CLASSES
from resonance_zoo.files import WEIGHTS, verify
from resonance_zoo.metrics import softmax

Floats = NDArray[np.floating]
REASONS = ("dark", "blurred", "turned", "mouth", "glare", "eyes")
AMISS = 0.0  # log odds from which on a reason is named
DARKEST = 20.0  # mean grey level, 0-255; in less light nothing else can be told
TERMS = (*REASONS, "changed", "changed in the dark")  # what temperature and haze are made of
CARD = WEIGHTS / "still_surety.toml"


class SuretyCardError(ValueError):
    """The card does not say what it must."""


@dataclass(frozen=True)
class Calibration:
    """How much each of TERMS counts; all are 0 or more.

    `unsure_below`: the confidence below which a reading of a good picture is no answer; one of a
    bad picture has to be surer than that by `demand`.
    """

    heat: tuple[float, ...]
    haze: tuple[float, ...]
    unsure_below: float = 0.52
    demanded: float = 0.13  # at most
    demanded_at: float = 0.15  # the share of changed readings from which on

    def apply(self, logits: Floats, seen: Floats) -> Floats:
        """Probabilities [N, 7] from logits [N, 7] and what the small network saw [N, 13]."""
        terms = deficits(logits, seen)
        heat = 1 + terms @ np.array(self.heat)
        haze = 1 - np.exp(-(terms @ np.array(self.haze)))
        found = softmax(logits / heat[:, None])
        return (1 - haze)[:, None] * found + (haze / len(CLASSES))[:, None]

    def demand(self, logits: Floats, seen: Floats) -> Floats:
        """How much surer than usual each reading has to be: [N]."""
        changed = deficits(logits, seen)[:, len(REASONS) :].sum(axis=1)
        return self.demanded * np.minimum(changed / self.demanded_at, 1)


def named(faces: Floats, seen: Floats) -> list[str]:
    """Of REASONS what is most amiss with each face [N, 1, S, S] (0-255), "" where nothing is.
    `seen`: what the small network saw [N, 13]."""
    odds = seen[:, : len(REASONS)]
    most = [REASONS[i] for i in odds.argmax(axis=1)]
    found = np.where(odds.max(axis=1) > AMISS, most, "")
    is_dark = faces.mean(axis=(1, 2, 3)) < DARKEST
    return [str(each) for each in np.where(is_dark, "dark", found)]


def deficits(logits: Floats, seen: Floats) -> Floats:
    """TERMS of each face, 0-1: [N, 8]. `seen` are log odds: of REASONS, then one a class."""
    shares = _sigmoid(seen)
    said = logits.argmax(axis=1)
    changed = shares[np.arange(len(said)), len(REASONS) + said]
    dark = shares[:, REASONS.index("dark")]
    return np.column_stack([shares[:, : len(REASONS)], changed * (1 - dark), changed * dark])


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-values))


@dataclass(frozen=True)
class SuretyCard:
    """What stands in the card beside the weights; its numbers come from scripts/train_surety."""

    file: str
    sha256: str
    network_sha256: str  # of the still-image network whose logits were calibrated
    calibration: Calibration

    @property
    def path(self) -> Path:
        """The verified weights. Raises WeightsMissing and WeightsMismatch."""
        return verify(CARD.parent / self.file, self.sha256)


def surety_card(path: Path = CARD) -> SuretyCard:
    """Raises SuretyCardError for a card that lacks something."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        numbers = raw["calibration"]
        heat, haze = (tuple(numbers[name][term] for term in TERMS) for name in ("heat", "haze"))
        levels = [numbers[name] for name in ("unsure_below", "demanded", "demanded_at")]
        return SuretyCard(
            raw["weights"]["file"],
            raw["weights"]["sha256"],
            raw["network"]["sha256"],
            Calibration(heat, haze, *levels),
        )
    except (KeyError, TypeError) as error:
        raise SuretyCardError(f"{path.name} lacks the entry {error}") from error
