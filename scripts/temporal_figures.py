"""Figures of what is told of faces that rest, talk and change, and the table of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from changing_faces import ACTED, FPS, Sequence

from resonance_tui.emotions import Emotion

FROM_S = 0.6  # the decision on a face that arrives is not scored
DRAWS, SEED = 2000, 14
Told = list[int]  # the emotion's code, frame by frame


def figures(sequence: Sequence, told: Told) -> dict[str, float]:
    """Share of the time in which it is told as labelled; changes a minute of a face that keeps its
    expression; seconds until a change is told, where it is within the sequence."""
    first = round(FROM_S * FPS)
    labels, now = sequence.labels.tolist(), told[first:]
    right = [a == b for a, b in zip(now, labels[first:], strict=True)]
    found = {f"{sequence.what}, right": float(np.mean(right))}
    if sequence.what in ACTED:
        name = "neutral" if sequence.shown is Emotion.NEUTRAL else "others"
        changes = sum(a != b for a, b in pairwise(now))
        found = {
            f"{sequence.what}, {name}, right": float(np.mean(right)),
            f"{sequence.what}, changes a minute": 60 * FPS * changes / (len(now) - 1),
        }
        if sequence.shown is Emotion.NEUTRAL:
            found["neutral told as sad"] = float(np.mean([a == Emotion.SADNESS for a in now]))
        return found
    switch = next(n for n, (a, b) in enumerate(pairwise(labels), 1) if a != b)
    there = [n for n in range(switch, len(told)) if told[n] == labels[-1]]
    found[f"{sequence.what}, told within a second"] = float(bool(there) and there[0] - switch < FPS)
    return found


ROWS = (
    *(f"{act}, {name}, right" for act in ACTED for name in ("neutral", "others")),
    "neutral told as sad",
    *(f"{act}, changes a minute" for act in ACTED),
    *(
        f"{what}, {rest}"
        for what in ("onset", "offset")
        for rest in ("right", "told within a second")
    ),
)
Figures = list[dict[str, float]]  # of each sequence


class Table:
    """Rows of figures: the still path, and others seed by seed."""

    def __init__(self, people: list[int], still: Figures) -> None:
        self._people, self._still = people, still
        self._others: dict[str, list[Figures]] = {}

    def add(self, name: str, seeds: list[Figures]) -> None:
        self._others[name] = seeds

    def lines(self) -> Iterator[str]:
        yield "| of people of the other half | still, decision | " + " | ".join(self._others) + " |"
        yield "|---|--:|" + "---|" * len(self._others)
        for name in ROWS:
            if not any(name in each for each in self._still):
                continue
            cells = [self._cell(name, seeds) for seeds in self._others.values()]
            yield f"| {name} | {short(self._mean(name, self._still))} | {' | '.join(cells)} |"

    def _mean(self, name: str, rows: Figures) -> float:
        return float(np.mean([each[name] for each in rows if name in each]))

    def _cell(self, name: str, seeds: list[Figures]) -> str:
        means = [self._mean(name, rows) for rows in seeds]
        low, high = self._interval(name, seeds)
        each = ", ".join(short(value) for value in means)
        gain = float(np.mean(means)) - self._mean(name, self._still)
        mean = short(float(np.mean(means)))
        return f"{mean} ({each}); {short(gain, '+')} ({short(low)} to {short(high)})"

    def _interval(self, name: str, seeds: list[Figures]) -> tuple[float, float]:
        """Of the gain: people and seeds drawn again."""
        those = [n for n, each in enumerate(self._still) if name in each]
        people = sorted({self._people[n] for n in those})
        place = {person: n for n, person in enumerate(people)}
        sums, counts = np.zeros((len(seeds), len(people))), np.zeros(len(people))
        for n in those:
            counts[place[self._people[n]]] += 1
            for seed, rows in enumerate(seeds):
                sums[seed, place[self._people[n]]] += rows[n][name] - self._still[n][name]
        rng = np.random.default_rng(SEED)
        drawn = rng.integers(len(people), size=(DRAWS, len(people)))
        picked = rng.integers(len(seeds), size=(DRAWS, len(seeds)))
        means = [
            float(sums[seed][:, who].sum() / (len(seed) * counts[who].sum()))
            for who, seed in zip(drawn, picked, strict=True)
        ]
        return float(np.percentile(means, 2.5)), float(np.percentile(means, 97.5))


def short(value: float, sign: str = "") -> str:
    text = f"{value:{sign}.3f}" if abs(value) < 1 else f"{value:{sign}.2f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
