"""The palette of reactions: what somebody may send with a key beside what their face shows."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from resonance_tui.emotions import has_glyphs
from resonance_tui.texts import mark, tr


class Reaction(IntEnum):
    """What a viewer sends. The value is its index in every count, and its key is one more."""

    APPLAUSE = 0
    LAUGH = 1
    HEART = 2
    WOW = 3
    QUESTION = 4
    FASTER = 5
    SLOWER = 6
    BOO = 7

    @property
    def word(self) -> str:
        """Lower-case name, as in JSON and in exports, whatever the language."""
        return self.name.lower()

    @property
    def label(self) -> str:
        """The word as a screen draws it, in the person's language."""
        return tr(REACTION_STYLES[self].word)

    @property
    def sign(self) -> str:
        """One cell: its glyph, or its letter where the terminal has no such glyphs."""
        style = REACTION_STYLES[self]
        return style.glyph if has_glyphs() else style.letter


class ReactionStyle(NamedTuple):
    """How a reaction is drawn. A word stands with its sign wherever there is room for it."""

    word: str  # a message id
    glyph: str  # one terminal cell wide in every common font
    letter: str  # of ASCII, and no other's
    picture: str  # for a browser, which has fonts of its own


REACTION_STYLES: dict[Reaction, ReactionStyle] = {
    Reaction.APPLAUSE: ReactionStyle(mark("applause"), "≋", "A", "👏"),
    Reaction.LAUGH: ReactionStyle(mark("laugh"), "☻", "L", "😂"),
    Reaction.HEART: ReactionStyle(mark("heart"), "♥", "H", "❤"),
    Reaction.WOW: ReactionStyle(mark("wow"), "!", "W", "😮"),
    Reaction.QUESTION: ReactionStyle(mark("question"), "?", "?", "❓"),
    Reaction.FASTER: ReactionStyle(mark("faster"), "»", ">", "⏩"),
    Reaction.SLOWER: ReactionStyle(mark("slower"), "«", "<", "🐢"),
    Reaction.BOO: ReactionStyle(mark("boo"), "▼", "B", "👎"),
}
REACTION_WORDS: tuple[str, ...] = tuple(kind.word for kind in Reaction)
NO_REACTIONS: tuple[int, ...] = (0,) * len(Reaction)
