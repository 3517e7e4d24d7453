"""Makes text from the network safe to draw in a terminal."""

from __future__ import annotations

import unicodedata

from resonance_tui.errors import InvalidNickname

NICKNAME_LIMIT = 24  # characters, and terminal cells

_MARKS_PER_LETTER = 2  # Thai and Devanagari need two; a flood of them covers the lines above
_ELLIPSIS = "…"

# The screens draw plain text, so brackets would do no harm there; but one forgotten widget that
# reads markup is enough for "[@click=app.quit]". Round ones read the same and mean nothing.
_BRACKETS = str.maketrans("[]", "()")

# Drawn as nothing at all, though Unicode files them under letters, marks or symbols: a name made
# of them would be an empty line in the roster.
_INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # blank Braille pattern
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0F),  # variation selectors; they also change a sign's width
        (0xFFA0, 0xFFA0),  # half-width Hangul filler
        (0x1D159, 0x1D159),  # null note head
        (0xE0100, 0xE01EF),  # variation selectors supplement
    )
    for code in range(first, last + 1)
)


def safe_text(text: str, limit: int = NICKNAME_LIMIT) -> str:
    """The readable part of `text`: one line of at most `limit` characters and `limit` cells.

    Control and format characters (escape sequences, bidi overrides, zero-width signs) vanish,
    line breaks become spaces, piled-up accents are thinned, square brackets become round.
    What is too long ends in "…".
    """
    readable = _readable(unicodedata.normalize("NFC", text[: 16 * limit]))
    return _cut(" ".join(readable.split()).translate(_BRACKETS), limit)


def _readable(text: str) -> str:
    kept: list[str] = []
    marks = _MARKS_PER_LETTER  # none before the first letter
    for char in text:
        category = unicodedata.category(char)
        if category[0] == "Z" or char in "\t\n\r\v\f\x85":
            kept.append(" ")
            marks = _MARKS_PER_LETTER
        elif category[0] == "C" or category == "Me" or char in _INVISIBLE:
            continue
        elif category[0] == "M":
            marks += 1
            if marks <= _MARKS_PER_LETTER:
                kept.append(char)
        else:
            kept.append(char)
            marks = 0
    return "".join(kept)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit and sum(map(_cells, text)) <= limit:
        return text
    cells = 1  # the ellipsis
    for index, char in enumerate(text):
        cells += _cells(char)
        if cells > limit or index == limit - 1:
            return text[:index].rstrip() + _ELLIPSIS
    return text


def _cells(char: str) -> int:
    """Terminal cells, rounded up where terminals disagree."""
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    is_flag_letter = 0x1F1E6 <= ord(char) <= 0x1F1FF
    return 2 if is_flag_letter or unicodedata.east_asian_width(char) in "WF" else 1


def clean_nickname(text: str) -> str:
    """The nickname as others will see it; "" (anonymous) for blank. Raises InvalidNickname."""
    text = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
        raise InvalidNickname("A nickname is one line without control characters")
    nickname = safe_text(text, 4 * NICKNAME_LIMIT)
    if text and not nickname:
        raise InvalidNickname("That nickname has no visible character", "Type letters or digits")
    if nickname != safe_text(text):
        raise InvalidNickname(
            f"That nickname is too long: {safe_text(text)}",
            f"At most {NICKNAME_LIMIT} characters (wide ones count twice)",
        )
    return nickname
