"""Layers of late reactions, made up."""

from __future__ import annotations

from resonance_tui.emotions import Emotion
from resonance_tui.history.layers import Layer, as_table

T0 = 1_795_371_000
HAPPY, CALM = Emotion.HAPPINESS, Emotion.NEUTRAL


def name(number: int) -> str:
    return f"{number:032x}"


def row(t: int, *states: Emotion) -> list[int]:
    """Second `t` after T0; columns: seven, unsure, away."""
    order = [*range(7), Emotion.UNSURE, Emotion.AWAY]
    return [T0 + t, *(states.count(Emotion(code)) for code in order)]


def single(
    number: int, state: Emotion = HAPPY, seconds: int = 10, *, is_own: bool = False
) -> Layer:
    """One person in one mood for the first seconds."""
    table = as_table(row(t, state) for t in range(seconds))
    return Layer(frozenset({name(number)}), table, is_own)


def counts(*numbers: int, seconds: int = 10) -> Layer:
    """Several people together, happy all of them."""
    table = as_table(row(t, *[HAPPY] * len(numbers)) for t in range(seconds))
    return Layer(frozenset(map(name, numbers)), table)
