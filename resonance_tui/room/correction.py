"""What the room probably shows, given how often the engine mistakes one emotion for another.

docs/measures.md says how well this does, and where it does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS

LEAST_VIEWERS = 50  # who show an emotion; below, next to nothing is won (docs/measures.md)
MOST_STEPS = 5  # more of them trust the test more than another room allows
CONVERGED_STEPS = 60  # the whole correction, of which small rooms get a part

# How much the mistakes of one room differ from those of the test: overdispersion of a Dirichlet
# distribution of the rates, as if 1 / 0.12 pictures stood behind them. `scripts/bench_counts`.
BETWEEN_ROOMS = 0.12

_START_EVEN = 0.1  # part of the first guess that is spread evenly: 0 of 200 may still be 1
_UNSEEN = 0.5  # added to every cell of the confusion matrix: not seen is not impossible
_PRIOR_SD = 0.2  # of one emotion's share of the room; keeps the band of small rooms finite
_SD_95 = 1.96
_BLOCK = 4096  # rows at a time, so that a day does not take a gigabyte

_N = len(EMOTIONS)


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """Counts after the correction with the edges of their 95 % band, `float64[N, 7]` each.

    Each row of `counts` adds up to the viewers who were read. NaN in rows with too few of them.
    """

    counts: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Mistakes:
    """The engine's test: how often it read what, and how many pictures stand behind that."""

    rates: NDArray[np.float64]  # (true, read), rows sum to 1
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
    near, far = _shares(counts / viewers[:, None], mistakes.rates, steps_for(viewers))
    # Two doubts: what chance does, and how much of the correction was held back.
    half = _SD_95 * np.sqrt(_variance(near, viewers, mistakes) + (far - near) ** 2)
    people = viewers[:, None]
    return near * people, np.maximum(near - half, 0) * people, np.minimum(near + half, 1) * people


def _shares(
    read: NDArray[np.float64], rates: NDArray[np.float64], steps: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of the room `[N, 7]` after so many expectation-maximisation steps, and after all.

    Each step shares out what was read among the emotions that it may have been, in the proportion
    of the guess before.
    """
    near = guess = (1 - _START_EVEN) * read + _START_EVEN / _N
    for step in range(CONVERGED_STEPS):
        guess = guess * (read / (guess @ rates) @ rates.T)
        part = np.clip(steps - step, 0, 1)[:, None]
        near = near + part * (guess - near) if step < MOST_STEPS else near
    return near, guess


def _variance(
    shares: NDArray[np.float64], viewers: NDArray[np.float64], mistakes: _Mistakes
) -> NDArray[np.float64]:
    """Of each share `[N, 7]`: the delta method on the multinomial of what is read.

    The reads vary because each viewer may be misread; the rates are themselves estimates from so
    many pictures; and a room in the dark, or of other people, has rates of its own.
    """
    rates = mistakes.rates
    # Of one picture of each emotion: covariance of what it is read as, (true, read, read).
    single = rates[:, :, None] * np.eye(_N) - rates[:, :, None] * rates[:, None, :]
    weights = shares / viewers[:, None] + shares**2 * mistakes.doubt
    reads = (weights @ single.reshape(_N, -1)).reshape(-1, _N, _N)
    reads += 1e-9 * np.eye(_N)  # reads always sum to everybody; a hair of slack inverts that
    information = rates @ np.linalg.inv(reads) @ rates.T
    covariance = np.linalg.inv(information + np.eye(_N) / _PRIOR_SD**2)
    return np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0)
