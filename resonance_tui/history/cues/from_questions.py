"""Pure: what a host asked as stretches of a video, from the question to its end."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from resonance_tui import palette
from resonance_tui.history.cues.cue import Cue, CueSheet
from resonance_tui.history.cues.from_moments import SHORTEST_S
from resonance_tui.history.questions import KeptQuestion


def sheet(kept: Iterable[KeptQuestion], zero: float, end: float, *, title: str = "") -> CueSheet:
    """In a video from `zero` to `end` (epoch s); those outside of it are left out."""
    length = max(Fraction(end) - Fraction(zero), Fraction(SHORTEST_S))
    cues: list[Cue] = []
    for each in kept:
        at = Fraction(each.t) - Fraction(zero)
        until = min(
            max(Fraction(each.question.closes_at) - Fraction(zero), at + SHORTEST_S), length
        )
        if 0 <= at < until:
            text = f"{each.question.text} {each.result}"
            cues.append(Cue(at, until, at, text, "asked by the host", palette.NEUTRAL, 1.0))
    return CueSheet(title, tuple(cues), length)
