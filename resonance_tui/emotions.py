"""The seven emotions, and the two states that are not emotions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Emotion(IntEnum):
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
        return self <= Emotion.FEAR


@dataclass(frozen=True, slots=True)
class EmotionStyle:
    """How a code is drawn. Colour is never alone: a glyph and a word always stand with it."""

    glyph: str  # one terminal cell wide in every common font
    letter: str
    color: str  # "#rrggbb"
    group: str  # happy, neutral, surprise, negative; "" for the two states


# Colours after Okabe and Ito's palette, which keeps eight hues apart under the common forms of
# colour blindness; its black is a grey here, since terminals are dark.
STYLES: dict[Emotion, EmotionStyle] = {
    Emotion.HAPPINESS: EmotionStyle("☺", "H", "#f0e442", "happy"),
    Emotion.SADNESS: EmotionStyle("☹", "S", "#56b4e9", "negative"),
    Emotion.NEUTRAL: EmotionStyle("─", "N", "#b8b8b8", "neutral"),
    Emotion.ANGER: EmotionStyle("▲", "A", "#d55e00", "negative"),
    Emotion.SURPRISE: EmotionStyle("○", "U", "#e69f00", "surprise"),
    Emotion.DISGUST: EmotionStyle("≈", "D", "#009e73", "negative"),
    Emotion.FEAR: EmotionStyle("◊", "F", "#cc79a7", "negative"),
    Emotion.AWAY: EmotionStyle("·", "-", "#707070", ""),
    Emotion.UNSURE: EmotionStyle("?", "?", "#8a8a8a", ""),
}

EMOTIONS: tuple[Emotion, ...] = tuple(code for code in Emotion if code.is_emotion)
WORDS: tuple[str, ...] = tuple(code.word for code in EMOTIONS)
