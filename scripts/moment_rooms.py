"""Simulated rooms with known laughs: what `scripts/moments_page` and the tests look for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import Emotion
from resonance_tui.history.recording import Recording

RESTING = (0.18, 0.06, 0.58, 0.03, 0.08, 0.02, 0.05)  # what people at a screen show


@dataclass(frozen=True, slots=True)
class Laughs:
    """Every `every_s` seconds (give or take a third) `part` of the room laughs for `length_s`,
    each beginning up to `apart_s` later than the first."""

    part: float = 0.5
    length_s: int = 4
    every_s: int = 240
    apart_s: int = 0


def quiet_room(
    people: int, seconds: int, dice: np.random.Generator, stay_s: tuple[int, int] = (3, 12)
) -> NDArray[np.int8]:
    """`int8[people, seconds]`: everybody stays with a mood for `stay_s`, then draws a new one,
    each alone."""
    draws = seconds // stay_s[0] + 2
    stays = dice.integers(stay_s[0], stay_s[1] + 1, (people, draws))
    stays[:, 0] = dice.integers(1, stay_s[1] + 1, people)  # nobody begins with the recording
    moods = dice.choice(7, (people, draws), p=RESTING).astype(np.int8)
    return np.stack([m.repeat(s)[:seconds] for m, s in zip(moods, stays, strict=True)])


def laughing_room(
    people: int, seconds: int, laughs: Laughs, dice: np.random.Generator
) -> tuple[NDArray[np.int8], list[int]]:
    """The same room, and the seconds at which its laughs begin."""
    room = quiet_room(people, seconds, dice)
    begins: list[int] = []
    at = laughs.every_s
    while at < seconds - laughs.length_s - laughs.apart_s:
        begin = at + int(dice.integers(-laughs.every_s // 3, laughs.every_s // 3))
        for who in dice.permutation(people)[: round(people * laughs.part)]:
            first = begin + int(dice.integers(0, laughs.apart_s + 1))
            room[who, first : first + laughs.length_s] = Emotion.HAPPINESS
        begins.append(begin)
        at += laughs.every_s
    return room, begins


def recorded(room: NDArray[np.int8], start: int = 0) -> Recording:
    """The room as a recorder keeps it: counts alone."""
    counts = np.stack([(room == code).sum(axis=0) for code in range(7)], axis=1).astype(np.int64)
    times = np.arange(start, start + len(counts), dtype=np.int64)
    return Recording(times, counts, np.zeros(len(counts), np.int64), counts.sum(axis=1))
