"""Pure: what one line of a chart stands for: an emotion, a group of emotions, or a measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resonance_tui.emotions import EMOTIONS, STYLES, Emotion


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """Colour is never alone: a glyph, a letter and a word always stand with it."""

    word: str
    glyph: str  # one terminal cell
    letter: str  # where there is no colour
    color: str  # "#rrggbb"
    codes: tuple[Emotion, ...] = ()  # the emotions that are counted together

    @property
    def rgb(self) -> tuple[int, int, int]:
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


def _of(word: str, code: Emotion, letter: str = "") -> LegendEntry:
    """A group that looks like its best known member."""
    look = STYLES[code]
    members = tuple(member for member in EMOTIONS if STYLES[member].group == word)
    return LegendEntry(word, look.glyph, letter or look.letter, look.color, members)


CLASSES: tuple[LegendEntry, ...] = tuple(
    LegendEntry(code.word, STYLES[code].glyph, STYLES[code].letter, STYLES[code].color, (code,))
    for code in EMOTIONS
)
GROUPS: tuple[LegendEntry, ...] = (
    _of("happy", Emotion.HAPPINESS),
    _of("negative", Emotion.SADNESS, "G"),  # N is taken
    _of("neutral", Emotion.NEUTRAL),
    _of("surprise", Emotion.SURPRISE),
)
VIEWERS: tuple[LegendEntry, ...] = (
    LegendEntry("viewers", "●", "V", "#56b4e9"),
    LegendEntry("read", "─", "R", "#b8b8b8"),  # of whom an emotion is known
)
SCORE: tuple[LegendEntry, ...] = (LegendEntry("resonance", "◆", "R", "#86c5c0"),)


def collect(counts: NDArray, bands: tuple[LegendEntry, ...]) -> NDArray:
    """`[N, 7]` by emotion to `[N, K]` by band."""
    if bands is CLASSES:
        return counts
    return np.stack([counts[:, list(band.codes)].sum(axis=1) for band in bands], axis=1)
