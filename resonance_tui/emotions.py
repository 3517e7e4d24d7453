"""The seven emotions, and the two states that are not emotions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """What a viewer reports. 0-6 are FERV39K's classes in the report's order; their value is
    their index in every probability vector. 7 and 8 are shown and never counted as an emotion."""

    HAPPINESS = 0
    SADNESS = 1
    NEUTRAL = 2
    ANGER = 3
    SURPRISE = 4
    DISGUST = 5
    FEAR = 6
    AWAY = 7
    UNSURE = 8

    @property
    def word(self) -> str:
        """Lower-case name, as on screen, in JSON and in the history's columns."""
        return self.name.lower()

    @property
    def is_emotion(self) -> bool:
        return self <= Code.FEAR


@dataclass(frozen=True, slots=True)
class Look:
    """How a code is drawn. Colour is never alone: a glyph and a word always stand with it."""

    glyph: str  # one terminal cell wide in every common font
    letter: str
    color: str  # "#rrggbb"
    group: str  # happy, neutral, surprise, negative; "" for the two states


# Colours after Okabe and Ito's palette, which keeps eight hues apart under the common forms of
# colour blindness; its black is a grey here, since terminals are dark.
LOOKS: dict[Code, Look] = {
    Code.HAPPINESS: Look("☺", "H", "#f0e442", "happy"),
    Code.SADNESS: Look("☹", "S", "#56b4e9", "negative"),
    Code.NEUTRAL: Look("─", "N", "#b8b8b8", "neutral"),
    Code.ANGER: Look("▲", "A", "#d55e00", "negative"),
    Code.SURPRISE: Look("○", "U", "#e69f00", "surprise"),
    Code.DISGUST: Look("≈", "D", "#009e73", "negative"),
    Code.FEAR: Look("◊", "F", "#cc79a7", "negative"),
    Code.AWAY: Look("·", "-", "#707070", ""),
    Code.UNSURE: Look("?", "?", "#8a8a8a", ""),
}

EMOTIONS: tuple[Code, ...] = tuple(code for code in Code if code.is_emotion)
WORDS: tuple[str, ...] = tuple(code.word for code in EMOTIONS)
