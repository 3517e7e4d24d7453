"""Simulated private rooms, and somebody who listens to one viewer of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS, Emotion
from resonance_tui.room.correction import correct_counts, correct_private
from resonance_tui.room.private_counts import estimate, randomisation

Numbers = NDArray[np.float64]
AWAY, UNSURE = 0.10, 0.06  # of each room
# What rooms show: happiness, sadness, neutral, anger, surprise, disgust, fear.
ROOMS = {
    "calm": (0.05, 0.03, 0.85, 0.02, 0.03, 0.01, 0.01),
    "a joke": (0.70, 0.02, 0.20, 0.01, 0.05, 0.01, 0.01),
    "a scare": (0.05, 0.05, 0.20, 0.05, 0.35, 0.05, 0.25),
    "a sad end": (0.03, 0.60, 0.30, 0.03, 0.01, 0.01, 0.02),
    "a bit of all": (1 / 7,) * 7,
}


@dataclass(frozen=True, slots=True)
class Error:
    """`off`: total variation distance of the shares, 0-1; `band`: half of it, and `inside`: how
    often the truth lies in it to the nearest viewer, both means over states."""

    off: float
    band: float
    inside: float


def shown_in(
    mix: tuple[float, ...], viewers: int, rooms: int, dice: np.random.Generator
) -> Numbers:
    """Rows of nine counts."""
    whole = np.array([*(np.array(mix) / sum(mix) * (1 - AWAY - UNSURE)), AWAY, UNSURE])
    return dice.multinomial(viewers, whole / whole.sum(), rooms).astype(float)


def told(shown: Numbers, rates: Numbers, dice: np.random.Generator) -> Numbers:
    """What comes of each state, drawn by `rates` (state, told)."""
    drawn = (dice.multinomial(shown[:, code].astype(int), row) for code, row in enumerate(rates))
    return np.asarray(sum(drawn), float)


def read_of(shown: Numbers, rates: Numbers, dice: np.random.Generator) -> Numbers:
    """What an engine with such mistakes reads, `rates` of the seven; others are never misread."""
    return np.hstack([told(shown[:, : len(EMOTIONS)], rates, dice), shown[:, len(EMOTIONS) :]])


def noise_alone(viewers: int, epsilon: float, rooms: int, dice: np.random.Generator) -> Error:
    """The estimate against what the viewers of `rooms` rooms of each kind felt."""
    felt = np.vstack([shown_in(mix, viewers, rooms, dice) for mix in ROOMS.values()])
    found = estimate(told(felt, randomisation(epsilon), dice), epsilon)
    return _error(felt, found.counts, found.low, found.high)


def with_mistakes(
    viewers: int,
    epsilon: float | None,
    halves: list[tuple[Numbers, Numbers]],
    rooms: int,
    dice: np.random.Generator,
) -> Error:
    """Corrected counts against what is shown; `epsilon` None: of reports that are not private.
    `halves`: a confusion matrix, and the rates of other pictures that rooms are read with."""
    parts: list[tuple[Numbers, ...]] = []
    for confusion, rates in halves:
        for mix in ROOMS.values():
            shown = shown_in(mix, viewers, rooms, dice)
            read = read_of(shown, rates, dice)
            if epsilon is None:
                shown = shown[:, : len(EMOTIONS)]
                found = correct_counts(read[:, : len(EMOTIONS)], confusion)
            else:
                noise = randomisation(epsilon)
                found = correct_private(told(read, noise, dice), noise, confusion)
            parts.append((shown, found.counts, found.low, found.high))
    return _error(*(np.vstack(column) for column in zip(*parts, strict=True)))


def _error(truth: Numbers, counts: Numbers, low: Numbers, high: Numbers) -> Error:
    viewers = truth.sum(axis=1, keepdims=True)
    off = np.abs(np.maximum(counts, 0) - truth).sum(axis=1) / 2 / viewers[:, 0]
    inside = (truth >= low - 0.5) & (truth <= high + 0.5)
    return Error(
        float(off.mean()), float(((high - low) / 2 / viewers).mean()), float(inside.mean())
    )


# --- somebody who listens to one viewer ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Guessed:
    """How much of the time the best guess of what a viewer feels is right, 0-1."""

    by_prior: float  # from knowing people alone
    by_answer: float  # from one answer, or from a thousand of the same
    by_film: float  # from what the film shows, without any message
    by_script: float  # from the times of all answers and what the film shows then


def listened(
    epsilon: float, follows: float, viewers: int, slots: int, dice: np.random.Generator
) -> Guessed:
    """`follows`: how much of the time a viewer feels what the film shows, which the listener knows;
    else something of their own, which is usual in a calm room."""
    usual = shown_in(ROOMS["calm"], 1_000_000, 1, dice)[0] / 1_000_000
    by_script = (1 - follows) * usual + follows * np.eye(len(Emotion))  # (shown, felt)
    noise = randomisation(epsilon)
    right = np.zeros(4)
    for _ in range(viewers):
        script = np.repeat(dice.choice(len(EMOTIONS), slots // 6 + 1, p=_film()), 6)[:slots]
        felt = np.array([dice.choice(len(Emotion), p=by_script[each]) for each in script])
        answers = np.array([dice.choice(len(Emotion), p=row) for row in noise])[felt]
        prior = by_script[script].mean(axis=0)
        guess = (prior[:, None] * noise).argmax(axis=0)[answers]
        known = np.log((by_script[script] + 1e-12) / prior)  # how well each state fits the film
        scores = np.array([known[answers == each].sum(axis=0) for each in range(len(Emotion))])
        best = (scores + np.log(noise.T)).argmax(axis=1)[answers]
        film = by_script.argmax(axis=1)[script]
        right += [(felt == each).mean() for each in (prior.argmax(), guess, film, best)]
    return Guessed(*(right / viewers).tolist())


def _film() -> Numbers:
    """How often a film shows what."""
    shares = np.array([0.25, 0.15, 0.25, 0.1, 0.15, 0.02, 0.08])
    return shares / shares.sum()
