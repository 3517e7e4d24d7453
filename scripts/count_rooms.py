"""Rooms whose people are misread otherwise than those of the test, and how well corrected counts
and their bands do there."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.room.correction import correct_counts

Numbers = NDArray[np.float64]

# What a room truly shows: happiness, sadness, neutral, anger, surprise, disgust, fear.
ROOMS = {
    "calm": (0.05, 0.03, 0.85, 0.02, 0.03, 0.01, 0.01),
    "a quiet talk": (0.10, 0.05, 0.70, 0.05, 0.05, 0.025, 0.025),
    "a joke": (0.70, 0.02, 0.20, 0.01, 0.05, 0.01, 0.01),
    "a scare": (0.05, 0.05, 0.20, 0.05, 0.35, 0.05, 0.25),
    "a sad end": (0.03, 0.60, 0.30, 0.03, 0.01, 0.01, 0.02),
    "an outrage": (0.03, 0.05, 0.30, 0.50, 0.04, 0.05, 0.03),
    "disgust": (0.05, 0.05, 0.30, 0.10, 0.05, 0.40, 0.05),
    "all neutral": (0, 0, 1, 0, 0, 0, 0),
    "all happy": (1, 0, 0, 0, 0, 0, 0),
    "a bit of all": (1 / 7,) * 7,
}
FILMS = (0.188, 0.178, 0.250, 0.189, 0.081, 0.060, 0.055)  # the mix of the test films
MIXES = {**ROOMS, "the films": FILMS}
# What pictures that are kept back showed of people and of posed faces: (shown, read, share).
GROUPS: dict[str, tuple[tuple[Emotion, Emotion, float], ...]] = {
    "East Asian faces": ((Emotion.NEUTRAL, Emotion.SADNESS, 0.075),),
    "elderly faces": ((Emotion.NEUTRAL, Emotion.SADNESS, 0.056),),
    "closed mouths": (
        (Emotion.SADNESS, Emotion.NEUTRAL, 0.30),
        (Emotion.ANGER, Emotion.NEUTRAL, 0.62),
    ),
    "posed fear": ((Emotion.FEAR, Emotion.SADNESS, 0.45), (Emotion.FEAR, Emotion.SURPRISE, 0.30)),
}
OTHERS_CALLED_SAD = 0.02  # of the neutral faces of everybody else on the same pictures


@dataclass(frozen=True, slots=True)
class Kind:
    """Rooms that are misread at `rates`, `[7, 7]`, and corrected by the table of a test."""

    table: Numbers
    rates: Numbers


@dataclass(frozen=True, slots=True)
class Found:
    """Means over kinds of rooms, mixes and rooms; distances are total variations, 0-1."""

    raw: float
    corrected: float
    worst_gain: float  # of a mix
    covered: float  # part of the seven counts in their band, to the nearest viewer
    least_covered: float  # of a mix
    width: float  # of a band, in shares of the room


def rates_of(table: Numbers) -> Numbers:
    """How often each is read as each, rows sum to 1; a row without pictures is even."""
    return (table + 0.02) / (table + 0.02).sum(axis=1, keepdims=True)


def with_groups(conditions: dict[str, Numbers], clean: Numbers) -> dict[str, Numbers]:
    """The rates of every condition, and of the groups: `clean` ones with what is known of them."""
    rates = {name: rates_of(table) for name, table in conditions.items()}
    for name, moves in GROUPS.items():
        rates[name] = rates_of(clean)
        for shown, read, share in moves:
            _move(rates[name], shown, read, share)
    return rates


def _move(rates: Numbers, shown: Emotion, read: Emotion, share: float) -> None:
    """More of `shown` is read as `read`: less what others are on the same pictures."""
    is_usual = shown is Emotion.NEUTRAL
    more = share - (OTHERS_CALLED_SAD if is_usual else float(rates[shown, read]))
    more = min(max(more, 0.0), float(rates[shown, shown]))
    rates[shown, read] += more
    rates[shown, shown] -= more


def overdispersion(rates: Sequence[Numbers]) -> float:
    """Of a Dirichlet distribution with the means and the pooled variance of these rates, 0-1."""
    every = np.array(rates)
    mean = every.mean(axis=0)
    return float(every.var(axis=0).sum() / (mean * (1 - mean)).sum())


def simulated(
    kinds: Sequence[Kind], viewers: int, rooms: int, between: float, seed: int = 1
) -> Found:
    """`rooms` of so many viewers of each kind and mix."""
    dice = np.random.default_rng((seed, viewers))
    rows = [
        np.mean([_outcome(kind, mix, viewers, rooms, between, dice) for kind in kinds], axis=0)
        for mix in MIXES.values()
    ]
    raw, corrected, covered, width = np.array(rows).T
    return Found(
        float(raw.mean()),
        float(corrected.mean()),
        float((raw - corrected).min()),
        float(covered.mean()),
        float(covered.min()),
        float(width.mean()),
    )


def _outcome(
    kind: Kind,
    mix: tuple[float, ...],
    viewers: int,
    rooms: int,
    between: float,
    dice: np.random.Generator,
) -> tuple[float, float, float, float]:
    shown = dice.multinomial(viewers, mix, rooms).astype(float)
    parts = [dice.multinomial(shown[:, code].astype(int), kind.rates[code]) for code in range(7)]
    read = np.sum(parts, axis=0).astype(float)
    found = correct_counts(read, kind.table, between)
    inside = (shown >= found.low - 0.5) & (shown <= found.high + 0.5)
    width = (found.high - found.low).mean() / viewers
    return _off(read, shown), _off(found.counts, shown), float(inside.mean()), float(width)


def _off(one: Numbers, truth: Numbers) -> float:
    return float((np.abs(one - truth).sum(axis=1) / (2 * truth.sum(axis=1))).mean())


def scenes(predictions: Path, network: str = "add") -> list[Kind]:
    """Of the report's network: each scene of FERV39k, corrected by the table of all other ones.

    Raises OSError, and ValueError for what is no such file.
    """
    with predictions.open(newline="", encoding="utf-8") as file:
        rows = [
            (row["clip"].split("/")[0], int(row["label"]), int(row[network]))
            for row in csv.DictReader(file)
            if {"clip", "label", network} <= row.keys()
        ]
    if not rows:
        raise ValueError(f"{predictions} holds no predictions of {network}")
    names = sorted({scene for scene, _, _ in rows})
    tables = np.zeros((len(names), 7, 7))
    for scene, label, read in rows:
        tables[names.index(scene), label, read] += 1
    whole = tables.sum(axis=0)
    # Two clips' worth of all scenes: a scene without a class has no rates of its own.
    return [Kind(whole - table, rates_of(table + 2 * rates_of(whole))) for table in tables]
