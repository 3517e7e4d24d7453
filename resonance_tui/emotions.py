"""The seven emotions, and the two states that are not emotions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from resonance_tui import palette
from resonance_tui.texts import mark, tr


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
        """Lower-case name, as in JSON and in the history's columns, whatever the language."""
        return self.name.lower()

    @property
    def label(self) -> str:
        """The word as a screen draws it, in the person's language."""
        return tr(STYLES[self].word)

    @property
    def is_emotion(self) -> bool:
        return self <= Emotion.FEAR


@dataclass(frozen=True, slots=True)
class EmotionStyle:
    """How a code is drawn. Colour is never alone: a glyph and a word always stand with it."""

    word: str  # a message id: the word for it in the person's language
    glyph: str  # one terminal cell wide in every common font
    letter: str
    color: str  # "#rrggbb"
    group: str  # happy, neutral, surprise, negative; "" for the two states


STYLES: dict[Emotion, EmotionStyle] = {
    Emotion.HAPPINESS: EmotionStyle(mark("happiness"), "☺", "H", palette.HAPPINESS, "happy"),
    Emotion.SADNESS: EmotionStyle(mark("sadness"), "☹", "S", palette.SADNESS, "negative"),
    Emotion.NEUTRAL: EmotionStyle(mark("neutral"), "─", "N", palette.NEUTRAL, "neutral"),
    Emotion.ANGER: EmotionStyle(mark("anger"), "▲", "A", palette.ANGER, "negative"),
    Emotion.SURPRISE: EmotionStyle(mark("surprise"), "○", "U", palette.SURPRISE, "surprise"),
    Emotion.DISGUST: EmotionStyle(mark("disgust"), "≈", "D", palette.DISGUST, "negative"),
    Emotion.FEAR: EmotionStyle(mark("fear"), "◊", "F", palette.FEAR, "negative"),
    Emotion.AWAY: EmotionStyle(mark("away"), "·", "-", palette.AWAY, ""),
    Emotion.UNSURE: EmotionStyle(mark("unsure"), "?", "?", palette.UNSURE, ""),
}

EMOTIONS: tuple[Emotion, ...] = tuple(code for code in Emotion if code.is_emotion)
# Calm is what is usual, and no reaction; it is looked for where it is asked for.
REACTIONS: tuple[Emotion, ...] = tuple(code for code in EMOTIONS if code is not Emotion.NEUTRAL)
WORDS: tuple[str, ...] = tuple(code.word for code in EMOTIONS)


def draw_letters() -> None:
    """From now on each emotion is drawn with its letter: the terminal has no such glyphs."""
    for code, style in STYLES.items():
        STYLES[code] = replace(style, glyph=style.letter)


def has_glyphs() -> bool:
    """Whether emotions are drawn with their glyphs."""
    return any(style.glyph != style.letter for style in STYLES.values())
