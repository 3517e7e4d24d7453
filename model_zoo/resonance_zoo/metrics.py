"""Measures of a classifier with very unequal classes; pure numpy, no state.

WAR (weighted average recall) is the share of clips said right; UAR (unweighted average recall) is
the mean of the classes' recalls; macro F1 is the mean of their F1 scores. Rows of every confusion
table are the truth.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonance_zoo.classes import CLASSES

Floats = NDArray[np.floating]
Labels = NDArray[np.integer]

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Where the measure lies with probability `CONFIDENCE`, as shares (0 to 1)."""

    low: float
    high: float

    def percents(self) -> list[float]:
        """Both ends in percent, with two decimals."""
        return [percent(self.low), percent(self.high)]


@dataclass(frozen=True)
class Intervals:
    """Percentile bootstrap intervals of one classifier's WAR and UAR."""

    war: Interval
    uar: Interval


@dataclass(frozen=True)
class McNemar:
    """Exact paired test of two classifiers on the same clips.

    Only clips that exactly one of them gets right count: `only_first` and `only_second`. `p` is
    the two-sided probability of so uneven a split if each were as likely to win such a clip.
    """

    only_first: int
    only_second: int
    p: float


def softmax(logits: Floats) -> Floats:
    """Over the last axis."""
    shifted = np.exp(logits - logits.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def confusion(said: Labels, labels: Labels, classes: int = len(CLASSES)) -> NDArray[np.int64]:
    """Counts int64[classes, classes], rows = truth."""
    cells = np.bincount(labels * classes + said, minlength=classes**2)
    return cells.reshape(classes, classes)


def recalls(table: NDArray[np.integer]) -> Floats:
    """Recall (0 to 1) of each class, NaN for a class without clips; int[..., C, C] to [..., C]."""
    with np.errstate(invalid="ignore"):
        return np.diagonal(table, axis1=-2, axis2=-1) / table.sum(-1)


def precisions(table: NDArray[np.integer]) -> Floats:
    """Share (0 to 1) of the clips said to be a class that are; NaN for one that was never said."""
    with np.errstate(invalid="ignore"):
        return np.diagonal(table) / table.sum(0)


def f1_scores(table: NDArray[np.integer]) -> Floats:
    """F1 (0 to 1) of each class, NaN for one that is neither there nor said."""
    with np.errstate(invalid="ignore"):
        return 2 * np.diagonal(table) / (table.sum(0) + table.sum(1))


def weighted_average_recall(table: NDArray[np.integer]) -> float:
    """WAR (0 to 1): clips said right over all clips; 0 without clips."""
    return float(np.trace(table) / max(table.sum(), 1))


def unweighted_average_recall(table: NDArray[np.integer]) -> float:
    """UAR (0 to 1): mean recall of the classes that have clips; NaN without clips."""
    return float(_mean_present(recalls(table)))


def percent(share: float) -> float:
    """A share (0 to 1) in percent, with two decimals."""
    return round(100 * float(share), 2)


def figures(counts: NDArray[np.integer]) -> dict[str, Any]:
    """What a score's JSON holds, in percent, of a table int[7, 7] with at least one clip.

    `confusion` is in percent of each row, `counts` in clips; a class without clips has no recall,
    one that was never said no precision (None). `macro_f1` is the mean over classes that are there
    or were said. `interval` has the bootstrap's [low, high] of `war` and `uar`.
    """
    interval = bootstrap(counts)
    sizes = np.maximum(counts.sum(1, keepdims=True), 1)
    return {
        "clips": int(counts.sum()),
        "war": percent(weighted_average_recall(counts)),
        "uar": percent(unweighted_average_recall(counts)),
        "recall": _by_class(recalls(counts)),
        "confusion": [[percent(share) for share in row] for row in counts / sizes],
        "counts": counts.tolist(),
        "interval": {"war": interval.war.percents(), "uar": interval.uar.percents()},
        "precision": _by_class(precisions(counts)),
        "f1": _by_class(f1_scores(counts)),
        "macro_f1": percent(float(_mean_present(f1_scores(counts)))),
    }


def _by_class(shares: Floats) -> dict[str, float | None]:
    found = zip(CLASSES, shares, strict=True)
    return {name: None if np.isnan(share) else percent(share) for name, share in found}


def text(figures: dict[str, Any], name: str) -> str:
    """The figures of the classifier `name` as a person wants to read them."""
    lines = [f"{name}: {figures['clips']} clips", ""]
    for measure, meaning in (("war", "of all clips right"), ("uar", "mean of the recalls")):
        low, high = figures["interval"][measure]
        range_ = f"(95 %: {low:.2f} to {high:.2f})"
        lines.append(f"{measure.upper()}  {figures[measure]:6.2f} %  {range_}  {meaning}")
    lines.append(f"F1   {figures['macro_f1']:6.2f} %  mean of the classes' F1")
    heads = "".join(f"{word[:5]:>8}" for word in CLASSES)
    lines += ["", f"truth \\ said{heads}   recall %   clips"]
    for word, row in zip(CLASSES, figures["counts"], strict=True):
        cells = "".join(f"{count:>8}" for count in row)
        lines.append(f"{word:<12}{cells}{_shown(figures['recall'][word]):>11}{sum(row):>8}")
    for measure in ("precision", "f1"):
        cells = "".join(f"{_shown(figures[measure][word]):>8}" for word in CLASSES)
        lines.append(f"{measure[:1].upper() + measure[1:] + ' %':<12}{cells}")
    return "\n".join(lines)


def markdown(figures: dict[str, Any], name: str) -> str:
    """The same as Markdown: one line of measures, one table of the classes."""
    war, uar = (
        f"{measure.upper()} {figures[measure]:.2f} % "
        f"({figures['interval'][measure][0]:.2f} to {figures['interval'][measure][1]:.2f})"
        for measure in ("war", "uar")
    )
    escaped = name.replace("|", "\\|")
    lines = [
        f"**{escaped}**, {figures['clips']} clips: {war}, {uar}, F1 {figures['macro_f1']:.2f} %",
        "",
        f"| truth | {' | '.join(CLASSES)} | recall % | precision % | F1 % | clips |",
        f"|---|{'---:|' * (len(CLASSES) + 4)}",
    ]
    for word, row in zip(CLASSES, figures["counts"], strict=True):
        shares = [_shown(figures[measure][word]) for measure in ("recall", "precision", "f1")]
        lines.append(f"| {word} | {' | '.join(map(str, [*row, *shares, sum(row)]))} |")
    return "\n".join(lines)


def _shown(share: float | None) -> str:
    return "none" if share is None else f"{share:.2f}"


def bootstrap(
    table: NDArray[np.integer], *, resamples: int = RESAMPLES, seed: int = 0
) -> Intervals:
    """Intervals of WAR and UAR from a confusion table that holds at least one clip.

    Drawing clips with replacement is drawing cells of the table from a multinomial, so no clip
    is touched and the cost does not grow with their number. Where all draws are alike, as for one
    clip, nothing is known from them: the exact (Clopper-Pearson) limits are taken.
    """
    draws = _draw(table, resamples, seed)
    right = np.diagonal(draws, axis1=-2, axis2=-1).sum(-1)
    war, uar = _percentiles(right / table.sum()), _percentiles(_mean_present(recalls(draws)))
    sizes = table.sum(-1)
    return Intervals(
        war=_widened(war, np.array([weighted_average_recall(table)]), sizes.sum(keepdims=True)),
        uar=_widened(uar, recalls(table), sizes),
    )


def mcnemar(first: Labels, second: Labels, labels: Labels) -> McNemar:
    """McNemar's test of two rows of predictions, exact (binomial) at every sample size.

    Source: McNemar, Psychometrika 12, 1947.
    """
    first_right, second_right = first == labels, second == labels
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    return McNemar(only_first, only_second, _binomial_p(only_first, only_second))


def bootstrap_uar_difference(
    first: Labels,
    second: Labels,
    labels: Labels,
    *,
    classes: int = len(CLASSES),
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Paired interval of UAR(first) - UAR(second): both are measured on the same drawn clips."""
    outcome = 2 * (first == labels) + (second == labels)  # 3 both, 2 first, 1 second, 0 none
    cells = np.bincount(labels * 4 + outcome, minlength=4 * classes).reshape(classes, 4)
    draws = _draw(cells, resamples, seed)
    with np.errstate(invalid="ignore"):
        gain = (draws[..., 2] - draws[..., 1]) / draws.sum(-1)
        seen = (cells[..., 2] - cells[..., 1]) / cells.sum(-1)
    found = _percentiles(_mean_present(gain))
    if np.array_equal(first, second):
        return found  # one and the same
    return _widened(found, seen, cells.sum(-1), lowest=-1)


def _draw(cells: NDArray[np.integer], resamples: int, seed: int) -> NDArray[np.int64]:
    """`resamples` tables as large as this one, drawn from its shares: int64[R, *cells.shape]."""
    total = int(cells.sum())
    if not total:
        raise ValueError("there are no clips to draw from")
    drawn = np.random.default_rng(seed).multinomial(total, cells.ravel() / total, resamples)
    return drawn.reshape(resamples, *cells.shape)


def _mean_present(values: Floats) -> Floats:
    """Mean over the last axis without the NaNs (classes that no clip fell into)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN: the answer is NaN
        return np.nanmean(values, -1)


def _percentiles(values: Floats) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, (tail, 1 - tail))
    return Interval(float(low), float(high))


def _widened(found: Interval, shares: Floats, clips: Labels, lowest: int = 0) -> Interval:
    """`found`, or where it is a single point the mean of each class's exact limits.

    `shares` (`lowest` to 1) were seen in so many `clips` of each class. Of n clips that all came
    out alike, others than these are at most 1 - tail ** (1 / n) of all.
    """
    if found.low != found.high:
        return found
    there = clips > 0
    seen = shares[there]
    rest = 1 - ((1 - CONFIDENCE) / 2) ** (1 / clips[there])
    reach = rest * (1 + np.abs(seen)) if lowest < 0 else rest
    low, high = np.maximum(seen - reach, lowest).mean(), np.minimum(seen + reach, 1).mean()
    return Interval(float(low), float(high))


def _binomial_p(wins: int, losses: int) -> float:
    """Two-sided p of a fair coin: twice the smaller tail, summed from logarithms."""
    tosses, fewer = wins + losses, min(wins, losses)
    steps = np.arange(1, fewer + 1)
    log_ways = np.concatenate([[0.0], np.cumsum(np.log((tosses - steps + 1) / steps))])
    tail = np.exp(log_ways - tosses * np.log(2)).sum()
    return min(1.0, float(2 * tail))
