"""What the room probably shows, given how often the engine mistakes one emotion for another.

docs/measures.md says how well this does, and where it does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS

LEAST_VIEWERS = 50  # who show an emotion; below, next to nothing is won (docs/measures.md)
LEAST_PRIVATE = 20  # whose reports are private: with more of them noise is taken out as well
MOST_STEPS = 5  # more of them trust the test more than another room allows
CONVERGED_STEPS = 60  # the whole correction, of which small rooms get a part

# How much the mistakes of one room differ from those of the test: overdispersion of a Dirichlet
# distribution of the rates, as if 1 / 0.12 pictures stood behind them. `scripts/bench_counts`.
BETWEEN_ROOMS = 0.12

_START_EVEN = 0.1  # part of the first guess that is spread evenly: 0 of 200 may still be 1
_UNSEEN = 0.5  # added to every cell of the confusion matrix: not seen is not impossible
_PRIOR_SD = 0.2  # of one emotion's share of the room; keeps the band of small rooms finite
_SD_95 = 1.96
_NOISY_STEPS = 8  # times the usual ones, and more the less an answer says
_BLOCK = 4096  # rows at a time, so that a day does not take a gigabyte

_N = len(EMOTIONS)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Counts after the correction with the edges of their 95 % band, `float64[N, 7]` each,
    or `[N, 9]` of private answers.

    Each row of `counts` adds up to the viewers who were read. NaN in rows with too few of them.
    """

    counts: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Mistakes:
    """The engine's test: how often it read what, and how many pictures stand behind that."""

    rates: NDArray[np.float64]  # (true, told), rows sum to 1
    pictures: NDArray[np.float64]  # (true,)
    between: float  # overdispersion of the rates of a room, 0-1

    @property
    def doubt(self) -> NDArray[np.float64]:
        """How far a room's rates may be off, in variances of one picture, `[7]` (true)."""
        return 1 / self.pictures + self.between


def correct_counts(
    counts: NDArray[np.float64],
    confusion: NDArray[np.float64],
    between: float = BETWEEN_ROOMS,
) -> Corrected:
    """Corrects rows of seven counts, `[N, 7]`, each on its own; means over some seconds will do.

    `confusion`: pictures per emotion shown (rows) and read (columns), `[7, 7]`. `between`: how much
    the mistakes in a room differ from the test's; 0 takes every room for the test's people. Raises
    ValueError where `confusion` is no such matrix.
    """
    mistakes = _mistakes(confusion, between)
    counts = np.asarray(counts, np.float64)
    found = [np.full(counts.shape, np.nan) for _ in range(3)]
    is_large = np.flatnonzero(counts.sum(axis=1) >= LEAST_VIEWERS)
    for start in range(0, len(is_large), _BLOCK):
        rows = is_large[start : start + _BLOCK]
        for into, values in zip(found, _correct(counts[rows], mistakes), strict=True):
            into[rows] = values
    return Corrected(*found)


def correct_private(
    answers: NDArray[np.float64],
    randomisation: NDArray[np.float64],
    confusion: NDArray[np.float64],
    between: float = BETWEEN_ROOMS,
) -> Corrected:
    """What rows of private answers, `[N, 9]`, come from: noise and mistakes inverted together.

    `randomisation`: how often each of nine states is answered by each, `[9, 9]`, as symmetric as
    `private_counts.randomisation` makes it; `confusion` and `between` as in `correct_counts`, of
    the seven alone: `away` and `unsure` are never misread. Rows of the result are `[N, 9]`, NaN
    where there are too few viewers. Raises ValueError as `correct_counts` does.
    """
    mistakes = _mistakes(confusion, between)
    rates = np.eye(len(randomisation))
    rates[:_N, :_N] = mistakes.rates
    noisy = replace(mistakes, rates=rates @ randomisation)
    spread = _spread(mistakes.rates, randomisation[:_N])
    clarity = float(randomisation[0, 0] - randomisation[0, 1])
    answers = np.asarray(answers, np.float64)
    found = [np.full(answers.shape, np.nan) for _ in range(3)]
    is_large = answers.sum(axis=1) >= LEAST_PRIVATE
    if is_large.any():
        parts = _correct_noisy(answers[is_large], noisy, spread, clarity)
        for into, values in zip(found, parts, strict=True):
            into[is_large] = values
    return Corrected(*found)


def _correct_noisy(
    answers: NDArray[np.float64], noisy: _Mistakes, spread: NDArray[np.float64], clarity: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """`clarity`: how much likelier a true answer is than any other; steps get shorter with it."""
    viewers = answers.sum(axis=1)
    steps = _NOISY_STEPS * (1 + steps_for(viewers * clarity**2)) / clarity
    whole = max(5 * CONVERGED_STEPS, math.ceil(3 * float(steps.max())))
    near, far = _shares(answers / viewers[:, None], noisy.rates, steps, whole)
    return _within_band(near, far, _variance(near, viewers, noisy, spread), viewers)


def steps_for(viewers: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the correction goes: 3 steps for a hundred viewers, 5 for two hundred and more.

    Fractions are part of the last step, so that one more viewer never makes the counts jump.
    """
    return np.clip(3.0 * (viewers / 100.0) ** 0.75, 0.0, MOST_STEPS)


def _mistakes(confusion: NDArray[np.float64], between: float) -> _Mistakes:
    table = np.asarray(confusion, np.float64)
    if table.shape != (_N, _N) or not np.isfinite(table).all() or (table < 0).any():
        raise ValueError(f"a confusion matrix has {_N} x {_N} counts, none below 0")
    table = table + _UNSEEN
    pictures = table.sum(axis=1)
    return _Mistakes(table / pictures[:, None], pictures, between)


def _correct(
    counts: NDArray[np.float64], mistakes: _Mistakes
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Counts and the edges of their band."""
    viewers = counts.sum(axis=1)
    steps = steps_for(viewers)
    near, far = _shares(counts / viewers[:, None], mistakes.rates, steps, CONVERGED_STEPS)
    spread = _spread(mistakes.rates, np.eye(_N))
    return _within_band(near, far, _variance(near, viewers, mistakes, spread), viewers)


def _within_band(
    near: NDArray[np.float64],
    far: NDArray[np.float64],
    variance: NDArray[np.float64],
    viewers: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    # Two doubts: what chance does, and how much of the correction was held back.
    half = _SD_95 * np.sqrt(variance + (far - near) ** 2)
    people = viewers[:, None]
    return near * people, np.maximum(near - half, 0) * people, np.minimum(near + half, 1) * people


def _shares(
    read: NDArray[np.float64],
    rates: NDArray[np.float64],
    steps: NDArray[np.float64],
    converged: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the room `[N, K]` after so many expectation-maximisation steps, and after all.

    Each step shares out what was read among the emotions that it may have been, in the proportion
    of the guess before.
    """
    near = guess = (1 - _START_EVEN) * read + _START_EVEN / read.shape[1]
    last = float(steps.max(initial=0.0))
    for step in range(converged):
        guess = guess * (read / (guess @ rates) @ rates.T)
        part = np.clip(steps - step, 0, 1)[:, None]
        near = near + part * (guess - near) if step < last else near
    return near, guess


def _spread(rates: NDArray[np.float64], passed_on: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of what one test picture of each emotion is told as, `[7, K, K]`: it is read by
    `rates`, and that is told by `passed_on`, `[7, K]`."""
    single = rates[:, :, None] * np.eye(_N) - rates[:, :, None] * rates[:, None, :]
    return passed_on.T @ single @ passed_on


def _variance(
    shares: NDArray[np.float64],
    viewers: NDArray[np.float64],
    mistakes: _Mistakes,
    spread: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Of each share `[N, K]`: the delta method on the multinomial of what is told.

    It varies because each viewer may be misread, or answer something else; the rates are
    themselves estimates from so many pictures, which `spread` is of; and a room in the dark, or of
    other people, has rates of its own.
    """
    rates = mistakes.rates
    size = len(rates)
    # Of one viewer in each state: covariance of what is told of it, (true, told, told).
    single = rates[:, :, None] * np.eye(size) - rates[:, :, None] * rates[:, None, :]
    told = np.tensordot(shares / viewers[:, None], single, 1)
    told += np.tensordot(shares[:, :_N] ** 2 * mistakes.doubt, spread, 1)
    told += 1e-9 * np.eye(size)  # it always sums to everybody; a hair of slack inverts that
    information = rates @ np.linalg.inv(told) @ rates.T
    covariance = np.linalg.inv(information + np.eye(size) / _PRIOR_SD**2)
    return np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
