"""Text in a terminal: what may be drawn, and how many cells it takes where terminals disagree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

JOINERS = "\u200c\u200d"  # they take no cell, and join or part the letters beside them
# A joiner that stands before no letter or behind nothing joins what we put beside it.
_LOOSE_JOINER = re.compile(rf"(?<!\S)[{JOINERS}]+|[{JOINERS}]+(?![^\W\d_])")
# Where a line of East Asian text may end: behind any of its signs, but not before these, or after.
_EAST, _CLOSING, _OPENING = "\u2e80", "，。、；：！？）」』", "（「『"
_REGIONAL = range(0x1F1E6, 0x1F200)  # two make a flag of two cells, or are two letters of two
_PICTOGRAPHS = range(0x1F300, 0x1FB00)  # emoji, also those that Python does not know yet


def cells(text: str) -> int:
    """The most that any terminal is likely to take: a spacing mark has a cell of its own, a flag
    is its two letters, and what is joined stands side by side."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, width: int, *, most: int | None = None) -> str:
    """`text` in at most `width` cells (and `most` characters); what is cut off ends in "…"."""
    limit = len(text) if most is None else most
    if len(text) <= limit and cells(text) <= width:
        return text
    taken = 1  # the ellipsis
    for index, char in enumerate(text):
        taken += _cells(char)
        if taken > width or index >= limit - 1:
            return text[:index].rstrip(f" {JOINERS}") + "…"
    return text


def wrap(text: str, width: int) -> list[str]:
    """The lines of a paragraph, each in at most `width` cells, if its words are not longer."""
    lines, taken = [""], 0
    for unit in _units(text):
        size = cells(unit)
        if taken and taken + size > width:
            lines, taken = [*lines, ""], 0
        if taken or not unit.isspace():
            lines[-1] += unit
            taken += size
    return [line.rstrip() for line in lines if line]


def _units(text: str) -> Iterator[str]:
    """What stays together on a line."""
    unit = ""
    for char in text:
        if unit and _may_part(unit[-1], char):
            yield unit
            unit = ""
        unit += char
    yield unit


def _may_part(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return before.isspace() != after.isspace()
    is_east = before >= _EAST or after >= _EAST
    return is_east and after not in _CLOSING and before not in _OPENING


def printable(text: str) -> str:
    """`text` without anything that a terminal could act on. Of the joiners, those before a letter
    stay; so do emoji that are newer than this Python."""
    if text.isprintable():
        return text
    return _LOOSE_JOINER.sub("", "".join(filter(_is_drawn, text)))


def is_new_emoji(char: str) -> bool:
    """Whether it is unassigned for this Python, in a block where newer ones have emoji."""
    return ord(char) in _PICTOGRAPHS and unicodedata.category(char) == "Cn"


def _cells(char: str) -> int:
    if char in JOINERS or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    is_wide = ord(char) in _REGIONAL or unicodedata.east_asian_width(char) in "WF"
    return 2 if is_wide or is_new_emoji(char) else 1


def _is_drawn(char: str) -> bool:
    return char.isprintable() or char in JOINERS or is_new_emoji(char)
