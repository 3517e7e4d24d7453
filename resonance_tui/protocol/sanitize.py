"""Makes text from the network safe to draw in a terminal."""

from __future__ import annotations

import unicodedata

from resonance_tui.errors import InputError, InvalidNickname
from resonance_tui.secret import may_hold_secret
from resonance_tui.texts import mark
from resonance_tui.widths import JOINERS, cut, is_new_emoji

NICKNAME_LIMIT = 24  # characters, and terminal cells

_MARKS_PER_LETTER = 2  # Thai and Devanagari need two; a flood of them covers the lines above
_VIRAMA = 9  # the canonical combining class of signs that take a letter's vowel away
_PARTS = JOINERS[0]  # the one that parts letters which would join
_JOINING = (  # scripts like Arabic, whose letters do
    *(range(0x0620, 0x0700), range(0x0710, 0x0780), range(0x07CA, 0x07EB)),
    *(range(0x0840, 0x0870), range(0x08A0, 0x08D0)),
)

# Malayalam's letters without a vowel, as older keyboards type them: with a joiner that may end a
# word, where a terminal would join what we put beside it. Each is one letter as well.
_CHILLU = {
    f"{letter}\u0d4d\u200d": chillu for letter, chillu in zip("ണനരലളക", "ൺൻർൽൾൿ", strict=True)
}

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
        (0x1F3FB, 0x1F3FF),  # skin tones: on some terminals signs of their own
        (0x1D159, 0x1D159),  # null note head
        (0xE0100, 0xE01EF),  # variation selectors supplement
    )
    for code in range(first, last + 1)
)


def safe_text(text: str, limit: int = NICKNAME_LIMIT) -> str:
    """The readable part of `text`: one line of at most `limit` characters and `limit` cells.

    Control and format characters (escape sequences, bidi overrides, zero-width signs, skin tones)
    vanish, line breaks become spaces, piled-up accents are thinned, square brackets become round.
    Joiners stay where a script is written with them; Malayalam's become the letters that they make.
    What is too long ends in "…".
    """
    readable = _readable(unicodedata.normalize("NFC", text[: 16 * limit]))
    # Twice: what is left out between may bring a virama and its joiner together.
    readable = _with_chillus(_joined(_with_chillus(readable)))
    return cut(" ".join(readable.split()).translate(_BRACKETS), limit, most=limit)


def _readable(text: str) -> str:
    kept: list[str] = []
    marks = _MARKS_PER_LETTER  # none before the first letter
    for char in text:
        category = unicodedata.category(char)
        if category[0] == "Z" or char in "\t\n\r\v\f\x85":
            kept.append(" ")
            marks = _MARKS_PER_LETTER
        elif char in JOINERS or is_new_emoji(char):
            kept.append(char)
            marks = marks if char in JOINERS else 0
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


def _with_chillus(text: str) -> str:
    for typed, letter in _CHILLU.items():
        text = text.replace(typed, letter)
    return text


def _joined(text: str) -> str:
    """`text` with those joiners that IDNA's rules (RFC 5892, A.1 and A.2) allow."""
    if not any(joiner in text for joiner in JOINERS):
        return text
    kept: list[str] = []
    for index, char in enumerate(text):
        if char not in JOINERS or _may_join(char, kept, text[index + 1 : index + 2]):
            kept.append(char)
    return "".join(kept)


def _may_join(joiner: str, before: list[str], after: str) -> bool:
    """Between letters: after a virama, or (the one that parts) between two that would join."""
    if not before or not after or unicodedata.category(after) != "Lo":
        return False
    if unicodedata.combining(before[-1]) == _VIRAMA:
        return True
    letters = [char for char in before if unicodedata.category(char) != "Mn"]
    return joiner == _PARTS and bool(letters) and _joins(letters[-1]) and _joins(after)


def _joins(char: str) -> bool:
    return unicodedata.category(char) == "Lo" and any(ord(char) in part for part in _JOINING)


def shown_line(text: str, limit: int) -> str:
    """A host's words as everybody will see them: on one line, and in round brackets what stands in
    square ones. Raises InputError for what is too long, or cannot be shown."""
    line = " ".join(unicodedata.normalize("NFC", text).split()).translate(_BRACKETS)
    if safe_text(line, 2 * len(line)) != line:  # as many cells as there can be
        raise InputError(
            mark("Some signs in that cannot be shown on every screen."),
            mark("What is left without them: {text}", text=safe_text(line, limit)),
        )
    if safe_text(line, limit) != line:
        raise InputError(
            mark("That is too long: {text}", text=safe_text(line, limit)),
            mark(
                "At most {nickname_limit} characters (wide ones count twice)", nickname_limit=limit
            ),
        )
    return line


def clean_nickname(text: str) -> str:
    """The nickname as others will see it; "" (anonymous) for blank. Raises InvalidNickname."""
    text = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text):
        raise InvalidNickname(mark("A nickname is one line without control characters"))
    if may_hold_secret(text):
        raise InvalidNickname(
            mark("That nickname may hold a key or a password, and everyone would see it"),
            mark("Type a name"),
        )
    nickname = safe_text(text, 4 * NICKNAME_LIMIT)
    if text and not nickname:
        raise InvalidNickname(
            mark("That nickname has no visible character"), mark("Type letters or digits")
        )
    if nickname != safe_text(text):
        raise InvalidNickname(
            mark("That nickname is too long: {text}", text=safe_text(text)),
            mark(
                "At most {nickname_limit} characters (wide ones count twice)",
                nickname_limit=NICKNAME_LIMIT,
            ),
        )
    return nickname
